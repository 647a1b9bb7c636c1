import { fromLong, keyOfHash, type Longs } from './int64.ts';
import { addToJson } from './message-json.ts';
import type { FieldKind, MessageField, MessageType } from './message-type.ts';
import { dateOf } from './timestamp.ts';

type Fields = Record<string, unknown>;
type Step = (value: unknown) => unknown;
type KeyStep = (key: string) => string;

interface FieldSteps {
  readonly name: string;
  readonly shape: MessageField['shape'];
  readonly read: Step;
  readonly readKey: KeyStep;
}

/**
 * Converts a message read by protobufjs (Long objects, Timestamp messages) to the form that users see, at any depth.
 * Types without such fields pass through unchanged.
 */
export class ReceivedMessage {
  static readonly #known = new WeakMap<MessageType, Map<Longs, ReceivedMessage>>();

  readonly #fields: FieldSteps[] = [];

  private constructor() {}

  static of(type: MessageType, longs: Longs): ReceivedMessage {
    const byLongs = ReceivedMessage.#known.get(type) ?? new Map<Longs, ReceivedMessage>();
    ReceivedMessage.#known.set(type, byLongs);
    let made = byLongs.get(longs);
    if (made === undefined) {
      made = new ReceivedMessage();
      byLongs.set(longs, made); // before reading the fields: a message type may contain itself
      made.#collect(type, longs);
    }
    return made;
  }

  #collect(type: MessageType, longs: Longs): void {
    for (const field of type.fields()) {
      if (isTranslated(field, new Set())) this.#fields.push(stepsOf(field, longs));
      // Fields not on the wire are read from the prototype, which is shared by types with the same `longs`.
      if (field.kind.is === 'long' && field.shape === 'single')
        type.prototype[field.name] = fromLong(type.prototype[field.name], longs);
    }
    if (this.#fields.length > 0) addToJson(type);
  }

  /** In place. */
  translate(message: Fields): Fields {
    for (const steps of this.#fields) {
      if (Object.hasOwn(message, steps.name)) translateField(message, steps);
    }
    return message;
  }
}

function translateField(message: Fields, { name, shape, read, readKey }: FieldSteps): void {
  const value = message[name];
  if (shape === 'repeated') message[name] = (value as unknown[]).map(read);
  else if (shape === 'map') {
    message[name] = Object.fromEntries(
      Object.entries(value as Fields).map(([key, item]) => [readKey(key), read(item)]),
    );
  } else message[name] = read(value);
}

/** Whether a field contains, at any depth, something to convert. */
function isTranslated(field: MessageField, seen: Set<MessageType>): boolean {
  if (field.key?.is === 'long') return true;
  if (field.kind.is !== 'message') return field.kind.is === 'long' || field.kind.is === 'date';
  const { type } = field.kind;
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fields().some((inner) => isTranslated(inner, seen));
}

function stepsOf({ name, shape, kind, key }: MessageField, longs: Longs): FieldSteps {
  const unsigned = key?.is === 'long' ? key.unsigned : undefined;
  return {
    name,
    shape,
    read: readStep(kind, longs),
    readKey: unsigned === undefined ? (key) => key : (key) => keyOfHash(key, unsigned),
  };
}

function readStep(kind: FieldKind, longs: Longs): Step {
  switch (kind.is) {
    case 'long':
      return (value) => fromLong(value, longs);
    case 'message': {
      const nested = ReceivedMessage.of(kind.type, longs);
      return (value) => nested.translate(value as Fields);
    }
    case 'date':
      return (value) => dateOf(value as object);
    default:
      return (value) => value;
  }
}
