/** The details of errors of our server, as clients of other projects read them. */
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorDetailsIn } from '../../lib/codec/error-details.ts';
import { type ErrorDetail, Metadata, RpcError } from '../../lib/index.ts';
import { startOrderServer } from '../support/loopback.ts';
import { Spawned } from '../support/spawned.ts';
import { runPeer } from './support/peer-process.ts';
import { peerPath, peersAreMissing } from './support/peers.ts';

const deadlineMs = 30_000;
const details: readonly ErrorDetail[] = [
  { type: 'BadRequest', fieldViolations: [{ field: 'price', description: 'negative' }] },
  { type: 'ErrorInfo', reason: 'PRICE', domain: 'shop.example.com', metadata: { currency: 'EUR' } },
  { type: 'RetryInfo', retryDelayMs: 1250 },
];

async function startFailing(): Promise<number> {
  const failing = () => {
    throw new RpcError('INVALID_ARGUMENT', 'bad ☺ price', { details, metadata: new Metadata({ m: '1' }) });
  };
  const { port } = await startOrderServer(failing, { reflection: true });
  return port;
}

describe.skipIf(peersAreMissing('grpcio'))('grpcio', () => {
  it('has them in its trailers', async () => {
    const script = path.resolve(import.meta.dirname, 'python/error_client.py');
    const { output } = await runPeer('grpcio', {
      args: ['-B', script, String(await startFailing())],
      deadlineMs,
    });
    const [, code, message, digits] = /^(\w+) (.*) ([0-9a-f]+)\n$/.exec(output) ?? [];
    expect([code, message]).toEqual(['INVALID_ARGUMENT', 'bad ☺ price']);
    const text = Buffer.from(digits ?? '', 'hex').toString('base64');
    expect(errorDetailsIn(`\0grpc-status-details-bin\0${text}\0`)).toEqual(details);
  });
});

describe.skipIf(peersAreMissing('grpcurl'))('grpcurl, which is grpc-go', () => {
  const files = ['-import-path', 'proto', '-proto', 'order.proto'];
  const google = [
    '-import-path',
    'node_modules/google-proto-files',
    '-proto',
    'google/rpc/error_details.proto',
  ];

  it.each([
    ['by the files of googleapis', [...files, ...google]],
    ['by reflection', []],
  ])('decodes and prints them, %s', async (_name, how) => {
    const address = `127.0.0.1:${await startFailing()}`;
    const args = ['-plaintext', '-format-error', ...how, address, 'Order/makeOrder'];
    const grpcurl = new Spawned([peerPath('grpcurl'), ...args]);
    onTestFinished(() => grpcurl.stop(deadlineMs));
    await grpcurl.exit(deadlineMs);
    const { code, message, details: shown } = JSON.parse(grpcurl.errors) as Record<string, unknown>;
    expect({ code, message }).toEqual({ code: 3, message: 'bad ☺ price' });
    expect(shown).toEqual([
      {
        '@type': 'type.googleapis.com/google.rpc.BadRequest',
        fieldViolations: [{ field: 'price', description: 'negative' }],
      },
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: 'PRICE',
        domain: 'shop.example.com',
        metadata: { currency: 'EUR' },
      },
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.250s' },
    ]);
  });
});
