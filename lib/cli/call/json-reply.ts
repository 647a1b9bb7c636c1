import { randomBytes } from 'node:crypto';
import {
  create,
  type DescMessage,
  fromBinary,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { type Any, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { base64Of } from '../../contract/metadata-value.ts';
import type { TypeSource } from './type-source.ts';

const deepest = 100;
const anyName = 'google.protobuf.Any';
const heldUrl = 'type.googleapis.com/google.protobuf.StringValue';

/** The JSON of each Any, by the placeholder text that stands for it in the message while that is converted. */
type Held = Map<string, JsonValue>;

/**
 * Converts messages to protobuf's JSON. toJson() fails for an Any whose type is unknown or whose value is not of its
 * type; here such an Any is shown with `@error`, and with `@value` in base64, so that the rest of the reply is still
 * visible.
 */
export class ReplyJson {
  readonly #types: TypeSource;
  readonly #emitDefaults: boolean;
  /** Types that the server does not know either, so that it is asked only once. */
  readonly #unknown = new Set<string>();

  constructor(types: TypeSource, emitDefaults: boolean) {
    this.#types = types;
    this.#emitDefaults = emitDefaults;
  }

  /**
   * Replaces the values of Anys in `message` by placeholders. @throws Error for a value that has no JSON, such as a
   * Timestamp of the year 10000.
   */
  async of(type: DescMessage, message: Message, depth = 0): Promise<JsonValue> {
    const held: Held = new Map();
    if (mayHaveAny(type)) await this.#hold(type, message, held, depth);
    const options = { registry: this.#types.registry, alwaysEmitImplicit: this.#emitDefaults };
    const json = toJson(type, message, options) as JsonValue;
    return held.size === 0 ? json : withHeld(json, held);
  }

  async #hold(type: DescMessage, message: Message, held: Held, depth: number): Promise<void> {
    if (depth > deepest) throw new Error(`nested deeper than ${deepest} messages`);
    if (type.typeName === anyName) return this.#holdAny(message as Any, held, depth);
    const fields = reflect(type, message, false);
    for (const field of type.fields) {
      const inner = field.message;
      if (inner === undefined || !mayHaveAny(inner) || !fields.isSet(field)) continue;
      for (const each of messagesOf(fields.get(field))) await this.#hold(inner, each, held, depth + 1);
    }
  }

  async #holdAny(any: Any, held: Held, depth: number): Promise<void> {
    if (any.typeUrl === '') return;
    const text = randomBytes(16).toString('hex');
    held.set(text, await this.#anyJson(any, depth));
    any.typeUrl = heldUrl;
    any.value = toBinary(StringValueSchema, create(StringValueSchema, { value: text }));
  }

  async #anyJson({ typeUrl, value }: Any, depth: number): Promise<JsonValue> {
    const type = await this.#typeOf(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
    let problem = 'the type is not known';
    if (type !== undefined) {
      try {
        const json = await this.of(type, fromBinary(type, value), depth + 1);
        return isCustom(json, type)
          ? { '@type': typeUrl, value: json }
          : { '@type': typeUrl, ...(json as { [name: string]: JsonValue }) };
      } catch {
        problem = 'the value is not of this type';
      }
    }
    return { '@type': typeUrl, '@error': problem, '@value': base64Of(value, 'base64') };
  }

  async #typeOf(name: string): Promise<DescMessage | undefined> {
    const known = this.#types.registry.getMessage(name);
    if (known !== undefined || this.#unknown.has(name)) return known;
    try {
      if (await this.#types.find(name)) return this.#types.registry.getMessage(name);
    } catch {
      // Treated like a type that the server does not know.
    }
    this.#unknown.add(name);
    return undefined;
  }
}

/** Whether, in an Any of this type, the JSON is in a property `value` instead of beside `@type`. */
function isCustom(json: JsonValue, { typeName }: DescMessage): boolean {
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  const names = ['Any', 'Struct', 'Value'];
  return !isObject || names.some((name) => typeName === `google.protobuf.${name}`);
}

/** The messages in a field: one message, a list of them, or the values of a map. */
function messagesOf(value: unknown): Message[] {
  type Reflected = { readonly message: Message };
  const isMany = typeof value === 'object' && value !== null && Symbol.iterator in value;
  if (!isMany) return [(value as Reflected).message];
  return Array.from(value as Iterable<Reflected | readonly [unknown, Reflected]>, (item) =>
    'message' in item ? item.message : item[1].message,
  );
}

function withHeld(json: JsonValue, held: Held): JsonValue {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item) => withHeld(item, held));
  const { '@type': url, value } = json;
  const shown = url === heldUrl && typeof value === 'string' ? held.get(value) : undefined;
  if (shown !== undefined) return shown;
  return Object.fromEntries(Object.entries(json).map(([name, item]) => [name, withHeld(item, held)]));
}

const known = new WeakMap<DescMessage, boolean>();

/** Whether a message of this type can contain an Any, at any depth. */
function mayHaveAny(type: DescMessage): boolean {
  let found = known.get(type);
  if (found === undefined) {
    const types = new Set([type]);
    for (const each of types)
      for (const { message } of each.fields) if (message !== undefined) types.add(message);
    found = [...types].some(({ typeName }) => typeName === anyName);
    known.set(type, found);
  }
  return found;
}
