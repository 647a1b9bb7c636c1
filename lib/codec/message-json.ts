import { GivenMessage } from './given-message.ts';
import type { MessageType } from './message-type.ts';
import { Misfit } from './misfit.ts';

type Fields = Record<string, unknown>;

const rules = { unknownFields: 'ignore', base64: true } as const;

/**
 * Makes JSON.stringify() write messages of a type as in proto3's JSON: protobufjs does not handle bigints and Dates.
 */
export function addToJson(type: MessageType): void {
  if (hasFieldToJson(type.prototype)) return;
  const { toJson } = type;
  const given = GivenMessage.of(type, rules);
  const value = function (this: Fields): unknown {
    if (toJson === undefined) return withTexts(this);
    try {
      return toJson(given.take(this, 0));
    } catch (error) {
      // It was changed so that it cannot be sent; it may still be logged.
      if (error instanceof Misfit) return withTexts(this);
      throw error;
    }
  };
  Object.defineProperty(type.prototype, 'toJSON', { value, writable: true, configurable: true });
}

/** A field or a oneof may have this name; the property is then its value. */
function hasFieldToJson(prototype: object): boolean {
  const own = Object.getOwnPropertyDescriptor(prototype, 'toJSON');
  return own !== undefined && typeof own.value !== 'function';
}

/** A copy with bigints as strings; nested messages have their own toJSON(). */
function withTexts(message: Fields): Fields {
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, textOf(value)]));
}

function textOf(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(textOf);
  return isMapOf(value) ? withTexts(value) : value;
}

function isMapOf(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
