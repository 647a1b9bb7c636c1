/** Compiled by `npm run types`, never run: which statuses an RpcError takes, and what it says of its call. */
import { status } from '@grpc/grpc-js';
import { RpcError, Status, type StatusName } from '../../lib/index.ts';

new RpcError(Status.NOT_FOUND, 'x');
new RpcError('NOT_FOUND', 'x');
new RpcError(5, 'x');
new RpcError(status.NOT_FOUND, 'x');
// @ts-expect-error -- not an error
new RpcError(0, 'x');
// @ts-expect-error -- not an error
new RpcError(status.OK, 'x');
// @ts-expect-error -- there is no such number
new RpcError(17, 'x');
// @ts-expect-error -- there is no such name
new RpcError('NOT_FOND', 'x');

declare const error: RpcError;
export const known: boolean = error.code === Status.NOT_FOUND;
export const code: StatusName = error.code;
export const names: (string | undefined)[] = [error.method, error.target, error.endpoint];
// @ts-expect-error -- a name and a number are never equal
export const never: boolean = error.code === 5;
// @ts-expect-error -- set by the library
error.method = 'x';
