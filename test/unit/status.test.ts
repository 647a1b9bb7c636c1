import { describe, expect, it } from 'vitest';
import { RpcError, Status, type StatusName } from '../../lib/index.ts';
import { statusOfWireCode, wireCodeOfStatus } from '../../lib/rpc/status.ts';

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
    expect(statusOfWireCode(20000000 + Status[name])).toBe(name);
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
    expect(code).toBe(name === 'DEADLINE_EXCEEDED' ? 10000007 : 20000000 + Status[name]);
    expect(statusOfWireCode(code)).toBe(name);
  });

  it('the numbers are those of gRPC', () => {
    expect(names.map((name) => Status[name])).toEqual(Array.from({ length: 17 }, (_, number) => number));
    expect(Status).toMatchObject({ CANCELLED: 1, UNIMPLEMENTED: 12, UNAUTHENTICATED: 16 });
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

  it.each(['OK', 'NOPE', '', 'constructor', 5, undefined])('refuses the status %s', (code) => {
    expect(() => new RpcError(code as StatusName, 'x')).toThrow(TypeError);
  });

  it.each([0, 1.5, Number.NaN, 2 ** 31, -(2 ** 31) - 1, '5'])('refuses the wire code %s', (wireCode) => {
    expect(() => new RpcError('ABORTED', 'x', { wireCode: wireCode as number })).toThrow(RangeError);
  });
});
