import { types } from 'node:util';
import protobuf from 'protobufjs';
import { nearest } from '../contract/nearest.ts';
import { takeMap } from './given-map.ts';
import { takeScalar } from './given-scalars.ts';
import type { FieldKind, MessageField, MessageType } from './message-type.ts';
import { described, inside, Misfit, misfit } from './misfit.ts';
import { type ClassFields, classFields, isBuiltIn, isForeign, isPlain, isTagged } from './object-shape.ts';
import { timestampName, timestampOf, timestampType } from './timestamp.ts';

type Fields = Record<string, unknown>;

/** Options for accepting messages. */
export interface GivenRules {
  /** What happens to an unknown field name. */
  readonly unknownFields: 'ignore' | 'error';
  /** Bytes may be base64 strings. */
  readonly base64: boolean;
}

interface Oneof {
  readonly name: string;
  readonly members: readonly string[];
}

interface GivenField {
  readonly take: (value: unknown, depth: number) => unknown;
}

/** A message in protobufjs's form, for types with special rules beyond their .proto. */
const strict =
  /^google\.protobuf\.(?:Struct|Value|ListValue|Any|Duration|FieldMask|Timestamp|[A-Za-z0-9]+Value)$/;

/**
 * Accepts users' values for messages of one type: checks every value and converts it for protobufjs. Each property is
 * read once, and no user code runs afterwards, so the checked values are those that are written.
 */
export class GivenMessage {
  static readonly #known = new WeakMap<GivenType, Map<string, GivenMessage>>();

  readonly #type: GivenType;
  readonly #isTimestamp: boolean;
  /** Whether an unknown field name is refused. */
  readonly rejectsUnknown: boolean;
  readonly #fields = new Map<string, GivenField>();
  #names: readonly string[] = [];
  #required: readonly string[] = [];
  /** An object may also have the names of oneofs, as received messages do. */
  readonly #oneofs: Oneof[] = [];
  readonly #classes = new WeakMap<object, ClassFields>();

  private constructor(type: GivenType, rules: GivenRules) {
    this.#type = type;
    this.#isTimestamp = type.fullName === timestampName;
    this.rejectsUnknown = rules.unknownFields === 'error' || strict.test(type.fullName);
  }

  static of(type: GivenType, rules: GivenRules): GivenMessage {
    const key = `${rules.unknownFields} ${rules.base64}`;
    const byRules = GivenMessage.#known.get(type) ?? new Map<string, GivenMessage>();
    GivenMessage.#known.set(type, byRules);
    let made = byRules.get(key);
    if (made === undefined) {
      made = new GivenMessage(type, rules);
      byRules.set(key, made); // before reading the fields: a message type may contain itself
      made.#collect(rules);
    }
    return made;
  }

  #collect(rules: GivenRules): void {
    const fields = this.#type.fields();
    this.#names = fields.map(({ name }) => name);
    this.#required = fields.filter(({ required }) => required === true).map(({ name }) => name);
    for (const field of fields) this.#fields.set(field.name, { take: takeField(field, rules) });
    for (const name of new Set(fields.map(({ oneof }) => oneof))) {
      if (name === undefined) continue;
      const members = fields.filter(({ oneof }) => oneof === name).map((field) => field.name);
      this.#oneofs.push({ name, members });
    }
  }

  /** @throws Misfit; or what a user's getter throws. */
  take(value: unknown, depth: number): Fields {
    if (typeof value !== 'object' || value === null) throw notAMessage(value);
    if (depth > protobuf.util.recursionLimit)
      throw new Misfit(`nested deeper than ${protobuf.util.recursionLimit} messages, or in a circle`);
    if (this.#isTimestamp && types.isDate(value)) return timestampOf(value);
    const prototype = Object.getPrototypeOf(value) as object | null;
    const isPlainly = prototype === this.#type.prototype || isPlain(prototype);
    return this.#takeObject(
      value as Fields,
      isPlainly ? undefined : this.#classOf(value, prototype as object),
      depth,
    );
  }

  #takeObject(message: Fields, ofClass: ClassFields | undefined, depth: number): Fields {
    const result = { ...message };
    if (ofClass !== undefined) for (const name of ofClass.getters) result[name] ??= message[name];
    let found = 0;
    let others = false;
    let at = '';
    try {
      for (at in result) {
        const field = this.#fields.get(at);
        const value = result[at];
        if (field === undefined) others = true;
        else if (value !== undefined && value !== null) {
          const taken = field.take(value, depth);
          if (taken !== value) result[at] = taken;
          found++;
        }
      }
    } catch (error) {
      throw inside(error, at);
    }
    if (found === 0) this.#checkEmpty(message, ofClass);
    for (const name of this.#required) {
      if (!isSet(result, name)) throw new Misfit('required, and not given').in(name);
    }
    for (const oneof of this.#oneofs) checkOneof(oneof, result);
    if (others && this.rejectsUnknown) this.#checkNames(result);
    if (message['$unknowns'] !== undefined) keepUnknowns(message['$unknowns'], result);
    return result;
  }

  #classOf(value: object, prototype: object): ClassFields {
    if (isBuiltIn(value)) throw notAMessage(value);
    let known = this.#classes.get(prototype);
    if (known === undefined) {
      known = classFields(prototype, this.#names);
      this.#classes.set(prototype, known);
    }
    // The getters of a URL do not make it a message, even if one has the name of a field.
    if (isTagged(value) && !this.#hasOwnField(value)) throw notAMessage(value);
    return known;
  }

  #checkEmpty(message: Fields, ofClass: ClassFields | undefined): void {
    if (isForeign(message, this.#names)) throw this.#fieldless(message);
    if (ofClass === undefined || this.#names.length === 0) return;
    // An instance of a class that has none of the fields; in other cases the fields merely have no value.
    if (!ofClass.isMessage && ofClass.getters.size === 0 && !this.#hasOwnField(message))
      throw this.#fieldless(message);
  }

  #fieldless(value: object): Misfit {
    return new Misfit(
      `an object with fields of ${this.#type.fullName} is needed, not ${described(value)} without`,
    );
  }

  #hasOwnField(value: object): boolean {
    return this.#names.some((name) => Object.hasOwn(value, name));
  }

  #checkNames(message: Fields): void {
    for (const name of Object.keys(message)) {
      if (this.#fields.has(name) || message[name] === undefined) continue;
      if (this.#oneofs.some((oneof) => oneof.name === name)) continue;
      const near = nearest(name, this.#names);
      const hint = near === undefined ? 'the message has none' : `is ${near} meant?`;
      throw new Misfit(`no such field in ${this.#type.fullName}; ${hint}`).in(name);
    }
  }
}

/** What this code needs of a type. */
export type GivenType = Pick<MessageType, 'fullName' | 'prototype' | 'fields'>;

/** A field may have the name of an inherited property: `toString`. */
function isSet(message: Fields, name: string): boolean {
  return Object.hasOwn(message, name) && message[name] !== undefined && message[name] !== null;
}

/** The property with the oneof's name, if present, says which member is set. */
function checkOneof({ name, members }: Oneof, message: Fields): void {
  let chosen: string | undefined;
  for (const member of members) {
    if (!isSet(message, member)) continue;
    if (chosen !== undefined)
      throw new Misfit(`${chosen} and ${member} are both given, but only one may be`).in(name);
    chosen = member;
  }
  const named = message[name];
  if (typeof named !== 'string' || named === chosen || !members.includes(named)) return;
  throw new Misfit(`says ${named}, but ${chosen ?? 'none'} is given`).in(name);
}

/** Unknown fields that a newer peer sent are passed on. */
function keepUnknowns(unknowns: unknown, result: Fields): void {
  if (Array.isArray(unknowns) && unknowns.every((bytes) => types.isUint8Array(bytes)))
    result['$unknowns'] = unknowns;
  else delete result['$unknowns'];
}

function notAMessage(value: unknown): Misfit {
  const hint = types.isPromise(value) ? '; is an await missing?' : '';
  return new Misfit(`an object is needed, not ${described(value)}${hint}`);
}

type TakeNested = (value: unknown, depth: number) => unknown;

function takeField({ shape, kind, key }: MessageField, rules: GivenRules): TakeNested {
  const take = takeValue(kind, rules);
  if (shape === 'repeated') return takeArray(take);
  return shape === 'map' && key !== undefined ? takeMap(key, take) : take;
}

function takeValue(kind: FieldKind, rules: GivenRules): TakeNested {
  if (kind.is !== 'message' && kind.is !== 'date') return takeScalar(kind, rules.base64);
  const nested = GivenMessage.of(kind.is === 'date' ? timestampType : kind.type, rules);
  return (value, depth) => nested.take(value, depth + 1);
}

function takeArray(take: TakeNested): TakeNested {
  return (value, depth) => {
    if (!Array.isArray(value)) throw misfit('array', value);
    let at = 0;
    try {
      if (value.length > longArray) {
        const { length } = value;
        const items: unknown[] = [];
        for (; at < length; at++) items.push(take(value[at], depth));
        return items;
      }
      const result = copyOf(value);
      for (; at < result.length; at++) {
        const item = result[at];
        const taken = take(item, depth);
        if (taken !== item) result[at] = taken;
      }
      return result;
    } catch (error) {
      throw inside(error, `[${at}]`);
    }
  };
}

/**
 * A longer array is copied only after its first item was checked: copying `new Array(1e9)`, which has no items, takes a
 * minute.
 */
const longArray = 100_000;

/** A subclass's own copy method would be called. */
function copyOf(values: readonly unknown[]): unknown[] {
  return (values.constructor as unknown) === Array
    ? values.slice()
    : Array.from({ length: values.length }, (_, at) => values[at]);
}
