import { describe, expect, it } from 'vitest';
import { statusOfWireCode, wireCodeOfStatus } from '../../lib/contract/status.ts';
import {
  Metadata,
  RpcError,
  Status,
  type StatusName,
  type StatusNumber,
  statusNumbers,
} from '../../lib/index.ts';

const names = Object.keys(Status) as StatusName[];
const errors = names.filter((name) => name !== 'OK');

describe('wire codes', () => {
  it.each([
    [10000000, 'UNAVAILABLE'],
    [10000001, 'UNAVAILABLE'],
    [10000002, 'UNAVAILABLE'],
    [10000003, 'INVALID_ARGUMENT'],
    [10000004, 'INTERNAL'],
    [10000005, 'INTERNAL'],
    [10000006, 'INTERNAL'],
    [10000007, 'DEADLINE_EXCEEDED'],
    [10000008, 'UNIMPLEMENTED'],
    [10000009, 'UNIMPLEMENTED'],
    [10000010, 'UNIMPLEMENTED'],
    [10000011, 'INTERNAL'],
    [10000012, 'UNAVAILABLE'],
  ])('of C++ rocket: %i is %s', (code, status) => {
    expect(statusOfWireCode(code)).toBe(status);
    expect(RpcError.fromWire(code, 'x')).toMatchObject({
      code: status,
      wireCode: code,
      requestWritten: undefined,
    });
  });

  it.each(errors)('of ours: 20000000 + n is %s', (name) => {
    expect(statusOfWireCode(20000000 + statusNumbers[name])).toBe(name);
  });

  it.each([1, 42, -1, 9999999, 10000013, 19999999, 20000000, 20000017, 2 ** 31 - 1, -(2 ** 31)])(
    'of an application: %i is UNKNOWN and the number is kept',
    (code) => {
      expect(statusOfWireCode(code)).toBe('UNKNOWN');
      expect(RpcError.fromWire(code, 'x', true)).toMatchObject({
        code: 'UNKNOWN',
        wireCode: code,
        requestWritten: true,
      });
    },
  );

  it.each(errors)('there and back: %s', (name) => {
    const code = wireCodeOfStatus(name);
    expect(code).toBe(name === 'DEADLINE_EXCEEDED' ? 10000007 : 20000000 + statusNumbers[name]);
    expect(statusOfWireCode(code)).toBe(name);
  });

  it('the numbers are those of gRPC', () => {
    expect(names.map((name) => statusNumbers[name])).toEqual([...names.keys()]);
    expect(names).toHaveLength(17);
    expect(statusNumbers).toMatchObject({ CANCELLED: 1, UNIMPLEMENTED: 12, UNAUTHENTICATED: 16 });
  });
});

describe('RpcError', () => {
  it('is an Error with code, wire code, cause and metadata', () => {
    const cause = new Error('below');
    const error = new RpcError('NOT_FOUND', 'none', { cause, wireCode: 77 });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'RpcError',
      code: 'NOT_FOUND',
      message: 'none',
      wireCode: 77,
      cause,
    });
    expect(error.metadata.size).toBe(0);
    expect(`${error}`).toBe('RpcError: none');
    expect('cause' in new RpcError('NOT_FOUND', 'x')).toBe(false);
  });

  it.each(errors)('takes a status as grpc-js has it, as Status has it, and by name: %s', (name) => {
    expect(new RpcError(Status[name], 'x').code).toBe(name);
    expect(new RpcError(statusNumbers[name] as StatusNumber, 'x')).toMatchObject({
      code: Status[name],
      wireCode: wireCodeOfStatus(name),
    });
  });

  it.each([
    ...['OK', 'NOPE', '', 'constructor', '5', 'not_found'],
    ...[0, 17, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 20000005],
    ...[undefined, null, true, 5n, Symbol('NOT_FOUND'), ['NOT_FOUND'], { NOT_FOUND: 5 }],
  ])('refuses the status %o, and says which there are', (code) => {
    const make = () => new RpcError(code as StatusName, 'x');
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/NOT_FOUND.*1 to 16/);
  });

  it('is headed by its name, and as JSON has its message', () => {
    const error = new RpcError('NOT_FOUND', 'none', { metadata: new Metadata({ k: 'v' }) });
    expect(error.stack).toMatch(/^RpcError: none\n/);
    expect(JSON.parse(JSON.stringify({ error }))).toEqual({
      error: {
        name: 'RpcError',
        code: 'NOT_FOUND',
        message: 'none',
        wireCode: 20000005,
        metadata: { k: 'v' },
      },
    });
  });

  it.each([0, 1.5, Number.NaN, 2 ** 31, -(2 ** 31) - 1, '5'])('refuses the wire code %s', (wireCode) => {
    expect(() => new RpcError('ABORTED', 'x', { wireCode: wireCode as number })).toThrow(RangeError);
  });
});
