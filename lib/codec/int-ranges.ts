import type { MessageField, MessageType } from './message-type.ts';

type Fields = Record<string, unknown>;

/**
 * Which 32-bit integer of a message does not fit its field, in the words of protobufjs; null when all do. It is asked only when
 * RangedWriter has met one.
 */
export function rangeProblem(type: MessageType, message: Fields): string | null {
  for (const field of type.fields()) {
    const value = message[field.name];
    if (value === null || value === undefined || !Object.hasOwn(message, field.name)) continue;
    const problem = problemIn(field, value);
    if (problem !== null) return `${field.name}${problem}`;
  }
  return null;
}

function problemIn({ shape, kind, intKeys }: MessageField, value: unknown): string | null {
  const values = shape === 'map' || shape === 'repeated' ? Object.values(value as object) : [value];
  if (shape === 'map' && intKeys !== undefined) {
    const key = Object.keys(value as object).find((key) => !fits(Number(key), intKeys.unsigned));
    if (key !== undefined) return `: ${name(intKeys.unsigned)} key expected`;
  }
  if (kind.is === 'int') {
    const { unsigned } = kind;
    return values.every((each) => fits(each, unsigned)) ? null : `: ${name(unsigned)} expected`;
  }
  if (kind.is !== 'message') return null;
  for (const each of values) {
    const problem = rangeProblem(kind.type, each as Fields);
    if (problem !== null) return `.${problem}`;
  }
  return null;
}

/** Whether a type has unsigned 32-bit integers at any depth. */
export function hasUnsignedInts(type: MessageType, seen = new Set<MessageType>()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fields().some(({ kind, intKeys }) => {
    if (intKeys?.unsigned === true) return true;
    return kind.is === 'message' ? hasUnsignedInts(kind.type, seen) : kind.is === 'int' && kind.unsigned;
  });
}

function fits(value: unknown, unsigned: boolean): boolean {
  return (unsigned ? (value as number) >>> 0 : (value as number) | 0) === value;
}

function name(unsigned: boolean): string {
  return unsigned ? 'unsigned 32-bit integer' : '32-bit integer';
}
