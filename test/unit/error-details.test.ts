import { createRequire } from 'node:module';
import path from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { errorDetailsIn, maxDetailsBytes, withDetails } from '../../lib/codec/error-details.ts';
import { wireFailure } from '../../lib/contract/errors.ts';
import { Metadata } from '../../lib/contract/metadata.ts';
import { type ErrorDetail, RpcError } from '../../lib/index.ts';
import { hostileValues } from '../support/hostile-values.ts';

const google = path.dirname(createRequire(import.meta.url).resolve('google-proto-files/package.json'));
const official = new protobuf.Root();
official.resolvePath = (_origin, target) => path.resolve(google, target);
official.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'], { keepCase: true });
const Status = official.lookupType('google.rpc.Status');

interface Any {
  readonly type_url: string;
  readonly value: Uint8Array;
}

/** What the failure sends, as another implementation of protobuf reads it. */
function sent(error: unknown): {
  status: { code: number; message: string; details: Any[] } | undefined;
  dropped: string[];
} {
  const failure = wireFailure(error);
  if (failure === undefined) throw new Error('it is not sent at all');
  const dropped: string[] = [];
  const text = withDetails('', failure, (what) => dropped.push(what));
  if (text === '') return { status: undefined, dropped };
  const [, key, value] = text.split('\0');
  expect(key).toBe('grpc-status-details-bin');
  const status = Status.toObject(Status.decode(Buffer.from(value ?? '', 'base64')), { defaults: true });
  return { status: status as { code: number; message: string; details: Any[] }, dropped };
}

function throughWire(details: readonly ErrorDetail[]): readonly ErrorDetail[] {
  const failure = wireFailure(new RpcError('ABORTED', 'x', { details }));
  return errorDetailsIn(
    withDetails('\0k\0v\0', failure!, (what) => {
      throw new Error(what);
    }),
  );
}

/** As another implementation would send it. */
function trailersOf(code: number, ...details: readonly [name: string, fields: object][]): string {
  const anys = details.map(([name, fields]) => {
    const type = official.lookupType(name);
    return { type_url: `type.googleapis.com/${name}`, value: type.encode(type.fromObject(fields)).finish() };
  });
  const bytes = Status.encode(Status.fromObject({ code, message: 'x', details: anys })).finish();
  return `\0grpc-status-details-bin\0${Buffer.from(bytes).toString('base64').replace(/=+$/, '')}\0`;
}

const all: readonly ErrorDetail[] = [
  { type: 'ErrorInfo', reason: 'STOCK_OUT', domain: 'shop.example.com', metadata: { goods: 'apple' } },
  { type: 'RetryInfo', retryDelayMs: 1500.25 },
  { type: 'DebugInfo', stackEntries: ['a', 'b'], detail: 'deep' },
  {
    type: 'QuotaFailure',
    violations: [
      {
        subject: 'project:1',
        description: 'too many',
        apiService: 'api',
        quotaMetric: 'm',
        quotaId: 'id',
        quotaDimensions: { region: 'eu' },
        quotaValue: 2n ** 60n,
        futureQuotaValue: 7n,
      },
      { subject: 's', description: 'd', quotaDimensions: {} },
    ],
  },
  { type: 'PreconditionFailure', violations: [{ type: 'TOS', subject: 'me', description: 'not accepted' }] },
  {
    type: 'BadRequest',
    fieldViolations: [
      {
        field: 'items[2].price',
        description: 'negative',
        reason: 'NEGATIVE',
        localizedMessage: { locale: 'de', message: 'negativ ☺' },
      },
      { field: 'f', description: '' },
    ],
  },
  { type: 'RequestInfo', requestId: 'r-1', servingData: 'host 5' },
  { type: 'ResourceInfo', resourceType: 'order', resourceName: 'o/1', owner: 'me', description: 'gone' },
  { type: 'Help', links: [{ description: 'docs', url: 'https://example.com' }] },
  { type: 'LocalizedMessage', locale: 'en-US', message: 'no' },
  { typeUrl: 'type.googleapis.com/shop.OutOfStock', value: new Uint8Array([8, 1]) },
];

describe('the details of an error', () => {
  it('arrive as they were sent, of every type', () => {
    expect(throughWire(all)).toEqual(all);
  });

  it('are a google.rpc.Status that others read', () => {
    const { status, dropped } = sent(
      new RpcError('FAILED_PRECONDITION', 'short ☺ balance', { details: all }),
    );
    expect(dropped).toEqual([]);
    expect(status).toMatchObject({ code: 9, message: 'short ☺ balance' });
    for (const [at, { type_url, value }] of (status?.details ?? []).entries()) {
      const detail = all[at]!;
      if (detail.type === undefined) {
        expect({ typeUrl: type_url, value: new Uint8Array(value) }).toEqual(detail);
        continue;
      }
      expect(type_url).toBe(`type.googleapis.com/google.rpc.${detail.type}`);
      const type = official.lookupType(`google.rpc.${detail.type}`);
      const read = type.decode(value);
      expect(Buffer.from(type.encode(read).finish())).toEqual(Buffer.from(value));
      expect(JSON.stringify(type.toObject(read, { longs: String })).length).toBeGreaterThan(5);
    }
    const retry = official.lookupType('google.rpc.RetryInfo').decode(status!.details[1]!.value);
    expect(retry.toJSON()).toEqual({ retry_delay: { seconds: '1', nanos: 500250000 } });
  });

  it('are read from what others send, with defaults for what is not there', () => {
    const trailers = trailersOf(
      3,
      ['google.rpc.BadRequest', { field_violations: [{ field: 'a' }] }],
      ['google.rpc.ErrorInfo', {}],
      ['google.rpc.RetryInfo', { retry_delay: { seconds: -1, nanos: -500_000_000 } }],
      ['google.rpc.RetryInfo', {}],
      ['google.rpc.QuotaFailure', { violations: [{ quota_value: 5 }] }],
      ['google.rpc.Help', {}],
    );
    expect(errorDetailsIn(trailers)).toEqual([
      { type: 'BadRequest', fieldViolations: [{ field: 'a', description: '' }] },
      { type: 'ErrorInfo', reason: '', domain: '', metadata: {} },
      { type: 'RetryInfo', retryDelayMs: -1500 },
      { type: 'RetryInfo', retryDelayMs: 0 },
      {
        type: 'QuotaFailure',
        violations: [{ subject: '', description: '', quotaDimensions: {}, quotaValue: 5n }],
      },
      { type: 'Help', links: [] },
    ]);
  });

  it('are kept as they came if they are of another type, or cannot be decoded', () => {
    const status = {
      code: 3,
      details: [
        { type_url: 'type.googleapis.com/google.rpc.Status', value: Buffer.from([8, 1]) },
        { type_url: 'type.googleapis.com/google.rpc.Help', value: Buffer.from([0xff]) },
        { type_url: 'elsewhere/google.rpc.Help', value: Buffer.alloc(0) },
        { type_url: '', value: Buffer.alloc(0) },
      ],
    };
    const text = Buffer.from(Status.encode(Status.fromObject(status)).finish()).toString('base64');
    const read = errorDetailsIn(`\0a\0b\0grpc-status-details-bin\0${text}\0`);
    expect(read).toEqual(
      status.details.map(({ type_url, value }) => ({ typeUrl: type_url, value: new Uint8Array(value) })),
    );
    // So a server may pass on what it has received.
    expect(throughWire(read)).toEqual(read);
  });

  it.each([
    '',
    '\0',
    '\0grpc-status-details-bin\0\0',
    '\0grpc-status-details-bin\0!!!\0',
    '\0grpc-status-details-bin\0/////w==\0',
    '\0grpc-status-details-bin',
    '\0a\0grpc-status-details-bin\0b\0c\0',
    `\0grpc-status-details-bin\0${Buffer.alloc(9000, 0x1a).toString('base64')}\0`,
  ])('are none in what is malformed: %j', (trailers) => {
    expect(errorDetailsIn(trailers)).toEqual([]);
  });

  it('are at most a hundred, also of a peer', () => {
    const many = Array.from({ length: 150 }, (): [string, object] => ['google.rpc.Help', {}]);
    const read = errorDetailsIn(trailersOf(3, ...many));
    expect(read).toHaveLength(100);
    expect(new RpcError('ABORTED', 'x', { details: read }).details).toHaveLength(100);
  });

  it('are not in the metadata', () => {
    expect([...Metadata.decode(`\0a\0b${trailersOf(3, ['google.rpc.Help', {}])}`)]).toEqual([['a', 'b']]);
  });

  it('are in the JSON of the error', () => {
    const json = JSON.parse(JSON.stringify(new RpcError('ABORTED', 'x', { details: all }))) as RpcError;
    expect(json.details[3]).toMatchObject({ violations: [{ quotaValue: String(2n ** 60n) }, {}] });
    expect(json.details.at(-1)).toEqual({ typeUrl: 'type.googleapis.com/shop.OutOfStock', value: 'CAE=' });
    expect(JSON.stringify(new RpcError('ABORTED', 'x'))).not.toContain('details');
  });
});

/** JavaScript callers may pass anything. */
function errorWith(details: unknown): RpcError {
  return new RpcError('NOT_FOUND', 'gone', { details: details as ErrorDetail[] });
}

describe('details that are wrong', () => {
  it.each([
    ['no list', { type: 'Help', links: [] }, /details is a list of objects .*, not an object/],
    ['an item that is no object', ['x'], /details\[0\] is an object .*, not "x"/],
    [
      'a type that there is not',
      [{ type: 'BadRequests' }],
      /details\[0\]\.type: there is no "BadRequests"; did you mean BadRequest\?/,
    ],
    ['a type that is no string', [{ type: 5 }], /there is no 5; there are ErrorInfo, /],
    ['neither type nor typeUrl', [{ value: new Uint8Array() }], /details\[0\] needs a type, or a typeUrl/],
    ['a value that is no Uint8Array', [{ typeUrl: 'x', value: 'y' }], /a value, which is a Uint8Array/],
    ['a hole', new Array(2), /details\[0\] is an object/],
  ])('are a TypeError of the constructor: %s', (_name, details, message) => {
    expect(() => errorWith(details)).toThrow(TypeError);
    expect(() => errorWith(details)).toThrow(message);
  });

  it('are a RangeError if there are too many', () => {
    expect(() => errorWith(new Array(1e9))).toThrow('details has 1000000000 items; at most 100 are sent');
  });

  it.each([
    [{ type: 'BadRequest', fieldViolation: [] }, /fieldViolations/],
    [{ type: 'BadRequest', fieldViolations: [{ field: 5 }] }, /fieldViolations\[0\]\.field/],
    [{ type: 'BadRequest', fieldViolations: 'x' }, /fieldViolations/],
    [
      { type: 'RetryInfo', retryDelayMs: '5' },
      /RetryInfo\.retryDelayMs is a number of milliseconds, not "5"/,
    ],
    [{ type: 'RetryInfo', retryDelayMs: Number.NaN }, /not NaN/],
    [{ type: 'RetryInfo' }, /not undefined/],
    [{ type: 'ErrorInfo', reason: 'a', domain: 'b', metadata: { a: 1 } }, /metadata/],
  ])('are left out alone, and told: %j', (detail, why) => {
    const { status, dropped } = sent(errorWith([detail, { type: 'Help', links: [] }]));
    expect(status?.details.map(({ type_url }) => type_url)).toEqual(['type.googleapis.com/google.rpc.Help']);
    expect(dropped).toEqual([expect.stringMatching(/^details\[0\]: /)]);
    expect(dropped[0]).toMatch(why);
  });

  it('are left out if they are too long', () => {
    const { status, dropped } = sent(
      errorWith([{ type: 'DebugInfo', stackEntries: [], detail: 'x'.repeat(maxDetailsBytes) }]),
    );
    expect(status).toBeUndefined();
    expect(dropped).toEqual([expect.stringMatching(/bytes; at most 32768 are sent/)]);
  });

  it.each(Object.keys(hostileValues()))('never keep the error itself from being sent: %s', (name) => {
    const make = hostileValues()[name]!;
    const withItem = errorWith([{ type: 'Help', links: [] }]);
    Object.defineProperty(withItem, 'details', {
      value: [
        make(),
        { type: make() },
        { type: 'BadRequest', fieldViolations: make() },
        { type: 'BadRequest', fieldViolations: [make()] },
        { type: 'RetryInfo', retryDelayMs: make() },
        { typeUrl: make(), value: make() },
      ],
    });
    expect(() => sent(withItem)).not.toThrow();
    const replaced = errorWith([]);
    Object.defineProperty(replaced, 'details', { value: make() });
    expect(() => sent(replaced)).not.toThrow();
    expect(() => JSON.stringify(withItem)).not.toThrow();
  });

  it('does not read a list for ever', () => {
    const endless = new Proxy([], {
      get: (_target, key) => (key === 'length' ? Number.POSITIVE_INFINITY : { type: 'Help' }),
    });
    const error = errorWith([]);
    Object.defineProperty(error, 'details', { value: endless });
    expect(sent(error).status?.details).toHaveLength(100);
  });
});
