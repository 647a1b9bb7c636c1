import { connect, constants } from 'node:http2';
import { Client, credentials, Metadata as GrpcMetadata, type ServiceError } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorDetailsIn } from '../../lib/codec/error-details.ts';
import {
  type CallContext,
  type ErrorDetail,
  loadProto,
  Metadata,
  RpcError,
  Server,
} from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

const details: readonly ErrorDetail[] = [
  { type: 'BadRequest', fieldViolations: [{ field: 'price', description: 'negative' }] },
  { type: 'RetryInfo', retryDelayMs: 250 },
  { typeUrl: 'type.googleapis.com/shop.OutOfStock', value: new Uint8Array([8, 1]) },
];

/** Fails a call of Order/makeOrder by grpc-js. */
function failedByGrpc(address: string, path = '/Order/makeOrder'): Promise<ServiceError> {
  const client = new Client(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      () => Buffer.alloc(0),
      (bytes: Buffer) => bytes,
      {},
      new GrpcMetadata(),
      { deadline: Date.now() + 8000 },
      (error) => (error === null ? reject(new Error('it did not fail')) : resolve(error)),
    );
  });
}

function detailsOf({ metadata }: ServiceError): readonly ErrorDetail[] {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (bytes === undefined) return [];
  return errorDetailsIn(`\0grpc-status-details-bin\0${Buffer.from(bytes).toString('base64')}\0`);
}

/** JavaScript code may throw anything. */
function failing(given: unknown): () => never {
  return () => {
    const error = new RpcError('NOT_FOUND', 'gone');
    Object.defineProperty(
      error,
      'details',
      typeof given === 'function' ? { get: given as () => unknown } : { value: given },
    );
    throw error;
  };
}

describe('the details of an error by gRPC', () => {
  it('arrive with its metadata and the trailers of the call', async () => {
    const { address, logged } = await startOrderServer((_request, context: CallContext) => {
      context.trailers.set('t', '1');
      throw new RpcError('INVALID_ARGUMENT', 'bad ☺ price', {
        details,
        metadata: new Metadata({ 'm-bin': new Uint8Array([0, 255]) }),
      });
    });
    const error = await failedByGrpc(address);
    expect(error).toMatchObject({ code: 3, details: 'bad ☺ price' });
    expect(detailsOf(error)).toEqual(details);
    expect(error.metadata.get('t')).toEqual(['1']);
    expect(error.metadata.get('m-bin')).toEqual([Buffer.from([0, 255])]);
    expect(logged).toEqual([]);
  });

  it('are those of the error that a channel of gRPC gets, and may be passed on', async () => {
    const inner = await startOrderServer(() => {
      throw new RpcError('ABORTED', 'inner', { details, metadata: new Metadata({ m: '1' }) });
    });
    const { orders } = openOrders(`grpc://${inner.address}`);
    const { address } = await startOrderServer(() => orders.makeOrder({}));
    const error: unknown = await openOrders(`grpc://${address}`)
      .orders.makeOrder({})
      .catch((why: unknown) => why);
    expect(error).toMatchObject({ code: 'ABORTED', message: 'inner', details });
    expect((error as RpcError).metadata.get('m')).toBe('1');
  });

  it.each(['listen', 'echo'])('arrive behind the replies of a stream: %s', async (method) => {
    const { Feed } = loadProto('bench/proto/feed.proto');
    const server = new Server();
    const fail = async function* () {
      yield { text: 'one' };
      throw new RpcError('OUT_OF_RANGE', 'no more', { details });
    };
    server.addService(Feed!, { listen: fail, echo: fail } as never);
    onTestFinished(() => server.close({ drainMs: 0 }));
    const { address } = await server.listen('127.0.0.1:0');
    const client = new Client(address, credentials.createInsecure());
    onTestFinished(() => client.close());
    const call = client.makeBidiStreamRequest(
      `/Feed/${method}`,
      () => Buffer.alloc(0),
      (bytes: Buffer) => bytes,
    );
    let messages = 0;
    call.on('data', () => messages++);
    call.write({});
    call.end();
    const error = await new Promise<ServiceError>((resolve) =>
      call.on('error', (why) => resolve(why as ServiceError)),
    );
    expect(error).toMatchObject({ code: 11, details: 'no more' });
    expect(messages).toBe(1);
    expect(detailsOf(error)).toEqual(details);
  });

  it('are left out, and logged, where they cannot be sent', async () => {
    const { address, logged } = await startOrderServer(() => {
      throw new RpcError('INVALID_ARGUMENT', 'bad', {
        details: [
          { type: 'BadRequest', fieldViolations: [{ field: 5 }] } as unknown as ErrorDetail,
          { type: 'Help', links: [] },
        ],
      });
    });
    const error = await failedByGrpc(address);
    expect(error).toMatchObject({ code: 3, details: 'bad' });
    expect(detailsOf(error)).toEqual([{ type: 'Help', links: [] }]);
    expect(logged.join()).toMatch(
      /details of the error of Order\.makeOrder cannot be sent: details\[0\]: .*field/,
    );
  });

  it('are left out, and logged, where the client takes no header list as long', async () => {
    const { port, server, logged } = await startOrderServer(() => {
      throw new RpcError('NOT_FOUND', 'gone', {
        details: [{ type: 'DebugInfo', stackEntries: [], detail: 'x'.repeat(3000) }],
        metadata: new Metadata({ m: '1' }),
      });
    });
    const ask = async (maxHeaderListSize: number): Promise<Record<string, unknown>> => {
      const session = connect(`http://127.0.0.1:${port}`, { settings: { maxHeaderListSize } });
      onTestFinished(() => session.destroy());
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/Order/makeOrder',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.end(Buffer.alloc(5));
      return new Promise((resolve, reject) => {
        stream.on('response', resolve);
        stream.on('error', reject);
      });
    };
    expect(await ask(2000)).toMatchObject({ 'grpc-status': '5', 'grpc-message': 'gone', m: '1' });
    await until(() => logged.length > 0, { deadlineMs: 8000, what: 'the log line' });
    expect(logged.join()).toMatch(/details of an error were not sent.* over the client's limit of 2000/);
    const with65535 = await ask(65_535);
    expect(with65535['grpc-status-details-bin']).toBeDefined();
    expect(server.stats().connections).toBe(2);
  });

  it('may be as long as 32 KiB', async () => {
    const { address, logged } = await startOrderServer(() => {
      throw new RpcError('NOT_FOUND', 'gone', {
        details: [{ type: 'DebugInfo', stackEntries: [], detail: 'x'.repeat(32_000) }],
      });
    });
    expect(detailsOf(await failedByGrpc(address))).toMatchObject([{ type: 'DebugInfo' }]);
    expect(logged).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['no list', 'x'],
    ['null', null],
    ['a list of nothing', [null, undefined, 5]],
    [
      'a type with a getter',
      [
        {
          get type() {
            throw new Error('no');
          },
        },
      ],
    ],
    ['an endless list', new Proxy([], { get: () => Number.POSITIVE_INFINITY })],
    ['a sparse list', [{ type: 'Help', links: new Array(1e9) }]],
  ])('keep their error when they are %s', async (_name, given) => {
    const { address } = await startOrderServer(failing(given));
    expect(await failedByGrpc(address)).toMatchObject({ code: 5, details: 'gone' });
  });

  it('end a call whose error does not want to be asked for them', async () => {
    const { address } = await startOrderServer(
      failing(() => {
        throw new Error('no');
      }),
    );
    expect(await failedByGrpc(address)).toMatchObject({ code: 13 });
  });

  it('stay behind with TinyPB, which carries code and message', async () => {
    const { address } = await startOrderServer(() => {
      throw new RpcError('INVALID_ARGUMENT', 'bad', { details });
    });
    const error: unknown = await openOrders(address)
      .orders.makeOrder({})
      .catch((why: unknown) => why);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'bad', details: [] });
  });
});
