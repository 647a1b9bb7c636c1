/** Retries, pushback and hedging of our client on a server of grpc-js. */
import { Metadata, Server, ServerCredentials, type sendUnaryData, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Channel, createClient, loadProto, type ServiceDefinition } from '../../lib/index.ts';
import { protosFolder, testProto, testServiceDefinition } from './support/definitions.ts';

interface Calls {
  emptyCall(request: object): Promise<object>;
}

describe('our client on grpc-js', () => {
  const attempts: (string | undefined)[] = [];
  let pushback: string | undefined;
  let failures = 0;
  let hangs = 0;
  let cancelled = 0;
  let server: Server;
  let port = 0;

  beforeAll(async () => {
    server = new Server();
    const emptyCall = (
      call: { readonly metadata: Metadata; on(event: 'cancelled', heard: () => void): void },
      answer: sendUnaryData<object>,
    ): void => {
      attempts.push(call.metadata.get('grpc-previous-rpc-attempts')[0]?.toString());
      if (attempts.length <= hangs) {
        call.on('cancelled', () => cancelled++);
        return;
      }
      if (attempts.length > failures) return answer(null, {});
      const metadata = new Metadata();
      if (pushback !== undefined) metadata.set('grpc-retry-pushback-ms', pushback);
      answer({ code: status.UNAVAILABLE, details: 'not now', metadata });
    };
    server.addService(testServiceDefinition, { EmptyCall: emptyCall });
    port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
  });
  afterAll(() => server.forceShutdown());

  async function call(policy: object, given: { failures?: number; hangs?: number; pushback?: string }) {
    attempts.length = 0;
    failures = given.failures ?? 0;
    hangs = given.hangs ?? 0;
    ({ pushback } = given);
    const serviceConfig = JSON.stringify({
      methodConfig: [{ name: [{ service: 'grpc.testing.TestService' }], ...policy }],
    });
    const channel = new Channel(`grpc://127.0.0.1:${port}`, { serviceConfig });
    const services = loadProto(testProto, { includeDirs: [protosFolder] });
    const client = createClient(services['TestService'] as ServiceDefinition, channel) as unknown as Calls;
    const outcome = await client.emptyCall({}).then(
      () => 'OK',
      (error: { readonly code: string }) => error.code,
    );
    await channel.close({ drainMs: 0 });
    return outcome;
  }

  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: '0.001s',
    maxBackoff: '0.001s',
    backoffMultiplier: 1,
    retryableStatusCodes: ['UNAVAILABLE'],
  };

  it('calls again, and says how often it has', async () => {
    expect(await call({ retryPolicy }, { failures: 2 })).toBe('OK');
    expect(attempts).toEqual([undefined, '1', '2']);
    expect(await call({ retryPolicy }, { failures: 9 })).toBe('UNAVAILABLE');
    expect(attempts.length).toBe(3);
  });

  it('does as pushback says', async () => {
    expect(await call({ retryPolicy }, { failures: 9, pushback: '-1' })).toBe('UNAVAILABLE');
    expect(attempts).toEqual([undefined]);
    const patient = { ...retryPolicy, initialBackoff: '600s', maxBackoff: '600s' };
    expect(await call({ retryPolicy: patient }, { failures: 1, pushback: '5' })).toBe('OK');
    expect(attempts).toEqual([undefined, '1']);
  });

  it('hedges, and cancels what it needs no more', async () => {
    const hedgingPolicy = { maxAttempts: 3, hedgingDelay: '0.01s' };
    expect(await call({ hedgingPolicy }, { hangs: 2 })).toBe('OK');
    expect(attempts).toEqual([undefined, '1', '2']);
    await expect.poll(() => cancelled).toBe(2);
  });
});
