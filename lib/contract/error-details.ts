import { types } from 'node:util';
import { base64Of } from './metadata-value.ts';
import { nearest } from './nearest.ts';
import { kindOf } from './value-text.ts';

/** Why the call failed, for programs. */
export interface ErrorInfo {
  /** google.rpc.ErrorInfo. */
  readonly type: 'ErrorInfo';
  /** A constant of the service, in capitals, such as `STOCK_OUT`. */
  readonly reason: string;
  /** Where the reason is defined, such as `shop.example.com`. */
  readonly domain: string;
  /** More about this one failure. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** When to repeat the call at the earliest. */
export interface RetryInfo {
  /** google.rpc.RetryInfo. */
  readonly type: 'RetryInfo';
  /** Milliseconds, with fractions down to a nanosecond. */
  readonly retryDelayMs: number;
}

/** Information for debugging the server; not for untrusted clients. */
export interface DebugInfo {
  /** google.rpc.DebugInfo. */
  readonly type: 'DebugInfo';
  /** The innermost first. */
  readonly stackEntries: readonly string[];
  /** Anything else. */
  readonly detail: string;
}

/** Quotas that were exceeded. */
export interface QuotaFailure {
  /** google.rpc.QuotaFailure. */
  readonly type: 'QuotaFailure';
  /** One for each quota. */
  readonly violations: readonly {
    /** The owner of the quota, such as `project:1234`. */
    readonly subject: string;
    /** What was exceeded, and what to do about it. */
    readonly description: string;
    /** The service that the quota belongs to. */
    readonly apiService?: string;
    /** What the quota counts. */
    readonly quotaMetric?: string;
    /** The name of the limit. */
    readonly quotaId?: string;
    /** The dimensions by which the limit is divided. */
    readonly quotaDimensions?: Readonly<Record<string, string>>;
    /** The limit. A received one is a bigint. */
    readonly quotaValue?: bigint | number;
    /** A limit that is being introduced. A received one is a bigint. */
    readonly futureQuotaValue?: bigint | number;
  }[];
}

/** Conditions that the call needs and that did not hold. */
export interface PreconditionFailure {
  /** google.rpc.PreconditionFailure. */
  readonly type: 'PreconditionFailure';
  /** One for each condition. */
  readonly violations: readonly {
    /** A constant of the service, such as `TOS`. */
    readonly type: string;
    /** The thing that does not meet the condition. */
    readonly subject: string;
    /** In which way it does not. */
    readonly description: string;
  }[];
}

/** Fields of the request that are wrong. */
export interface BadRequest {
  /** google.rpc.BadRequest. */
  readonly type: 'BadRequest';
  /** One for each field. */
  readonly fieldViolations: readonly {
    /** A path, such as `items[2].price`. */
    readonly field: string;
    /** Why it is wrong. */
    readonly description: string;
    /** The same for programs: a constant of the service. */
    readonly reason?: string;
    /** The same for the user. */
    readonly localizedMessage?: Omit<LocalizedMessage, 'type'>;
  }[];
}

/** Data that the user can report to the operators of the server. */
export interface RequestInfo {
  /** google.rpc.RequestInfo. */
  readonly type: 'RequestInfo';
  /** The id by which they find the request in their logs. */
  readonly requestId: string;
  /** Anything that they understand, such as an encrypted stack. */
  readonly servingData?: string;
}

/** The resource that the call was about. */
export interface ResourceInfo {
  /** google.rpc.ResourceInfo. */
  readonly type: 'ResourceInfo';
  /** What kind of resource. */
  readonly resourceType: string;
  /** Which one. */
  readonly resourceName: string;
  /** Who owns it. */
  readonly owner?: string;
  /** What went wrong with it. */
  readonly description: string;
}

/** Links to documentation. */
export interface Help {
  /** google.rpc.Help. */
  readonly type: 'Help';
  /** One for each page. */
  readonly links: readonly {
    /** What the page is about. */
    readonly description: string;
    /** The address of the page. */
    readonly url: string;
  }[];
}

/** A message for the user. */
export interface LocalizedMessage {
  /** google.rpc.LocalizedMessage. */
  readonly type: 'LocalizedMessage';
  /** Such as `en-US`. */
  readonly locale: string;
  /** The text in that language. */
  readonly message: string;
}

/** A detail of any other type, as a google.protobuf.Any has it; also one of the types above that cannot be decoded. */
export interface AnyDetail {
  /** Never set. */
  readonly type?: undefined;
  /** Such as `type.googleapis.com/shop.OutOfStock`. */
  readonly typeUrl: string;
  /** The message, encoded. */
  readonly value: Uint8Array;
}

/** One of the details of an error: the types of google/rpc/error_details.proto by `type`, or any other message. */
export type ErrorDetail =
  | ErrorInfo
  | RetryInfo
  | DebugInfo
  | QuotaFailure
  | PreconditionFailure
  | BadRequest
  | RequestInfo
  | ResourceInfo
  | Help
  | LocalizedMessage
  | AnyDetail;

export type DetailType = NonNullable<ErrorDetail['type']>;

export const detailTypes: readonly DetailType[] = [
  'ErrorInfo',
  'RetryInfo',
  'DebugInfo',
  'QuotaFailure',
  'PreconditionFailure',
  'BadRequest',
  'RequestInfo',
  'ResourceInfo',
  'Help',
  'LocalizedMessage',
];

/** The limit for one error. More would not help anyone, and would not fit. */
export const mostDetails = 100;

/** The details of an error that has none. */
export const noDetails: readonly ErrorDetail[] = Object.freeze([]);

/**
 * A copy of the list. The fields of its items are checked when they are encoded (lib/codec/error-details.ts).
 *
 * @throws TypeError unless it is a list of objects that have a known `type`, or `typeUrl` and `value`; RangeError for
 * more than mostDetails.
 */
export function checkedDetails(given: readonly ErrorDetail[] | undefined): readonly ErrorDetail[] {
  if (given === undefined) return noDetails;
  if (!Array.isArray(given))
    throw new TypeError(
      `RpcError: details is a list of objects such as { type: 'ErrorInfo', reason }, not ${kindOf(given)}`,
    );
  const { length } = given;
  if (!(length <= mostDetails))
    throw new RangeError(`RpcError: details has ${length} items; at most ${mostDetails} are sent`);
  return Object.freeze(
    Array.from({ length }, (_, at) => checkedDetail(given[at], `RpcError: details[${at}]`)),
  );
}

function checkedDetail(given: unknown, name: string): ErrorDetail {
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`${name} is an object such as { type: 'ErrorInfo', reason }, not ${kindOf(given)}`);
  const { type, typeUrl, value } = given as Readonly<Record<string, unknown>>;
  if (type === undefined) {
    if (typeof typeUrl === 'string' && types.isUint8Array(value)) return given as AnyDetail;
    throw new TypeError(
      `${name} needs a type, or a typeUrl, which is a string, and a value, which is a Uint8Array`,
    );
  }
  if (detailTypes.includes(type as DetailType)) return given as ErrorDetail;
  const meant = typeof type === 'string' && type.length < 100 ? nearest(type, detailTypes) : undefined;
  const hint = meant === undefined ? `there are ${detailTypes.join(', ')}` : `did you mean ${meant}?`;
  throw new TypeError(`${name}.type: there is no ${kindOf(type)}; ${hint}`);
}

/**
 * The value that JSON.stringify() writes: 64-bit integers as strings, bytes as base64. Undefined if there is no JSON
 * for it.
 */
export function detailsToJson(details: readonly ErrorDetail[]): unknown {
  try {
    const texts = details.map((detail) =>
      detail.type === undefined
        ? { typeUrl: detail.typeUrl, value: base64Of(detail.value, 'base64') }
        : detail,
    );
    const text = JSON.stringify(texts, (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    return JSON.parse(text) as unknown;
  } catch {
    // There may be getters that throw, and cycles.
    return undefined;
  }
}
