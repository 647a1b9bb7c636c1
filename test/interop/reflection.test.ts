/** Server reflection as grpcurl uses it, and our descriptors beside protoc's. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DescriptorRegistry } from '../../lib/codec/descriptor-registry.ts';
import { decodedFile, descriptorSourceOf, filesOfSet } from '../../lib/codec/descriptor-source.ts';
import { type AnyService, loadProto, Server } from '../../lib/index.ts';
import { builtPackage } from '../support/child.ts';
import { protos } from '../support/generated.ts';
import { protosFolder, testProto } from './support/definitions.ts';
import { type RunningPeer, runPeer, startPeer } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';

const deadlineMs = 30_000;

async function grpcurl(...args: string[]): Promise<string> {
  return (await runPeer('grpcurl', { args: ['-plaintext', ...args], deadlineMs })).output;
}

describe.skipIf(peersAreMissing('grpcurl'))('grpcurl without a .proto', () => {
  describe('on the demo, as the README shows', () => {
    let demo: RunningPeer;
    let address: string;

    beforeAll(async () => {
      await builtPackage();
      const argv = [process.execPath, '--import', 'tsx', 'examples/demo.ts', '--serve', '0'];
      demo = await startPeer(argv, {}, async (peer) => {
        const bound = await peer.said('listening on', deadlineMs);
        return Number(bound.slice(bound.lastIndexOf(':') + 1));
      });
      address = `127.0.0.1:${demo.port}`;
    }, 60_000);
    afterAll(() => demo.stop());

    it('lists its services', async () => {
      expect((await grpcurl(address, 'list')).split('\n')).toContain('Order');
    });

    it('describes one', async () => {
      expect(await grpcurl(address, 'describe', 'Order')).toContain(
        'rpc makeOrder ( .makeOrderRequest ) returns ( .makeOrderResponse );',
      );
    });

    it('calls it', async () => {
      const order = JSON.stringify({ price: 100, goods: 'apple' });
      const answer = await grpcurl('-d', order, address, 'Order/makeOrder');
      expect(JSON.parse(answer)).toEqual({ orderId: '20230514' });
    });
  });

  it('describes and calls what loadProto() and proto-loader have read', async () => {
    const server = new Server({ reflection: true });
    onTestFinished(() => server.close({ drainMs: 0 }));
    const { New } = loadProto('described/new.proto', { includeDirs: [protos] });
    server.addService(New!, { ask: () => ({ seconds: 90 }) } as never);
    const loaded = loadPackageDefinition(
      loadSync(path.resolve(protosFolder, testProto), {
        includeDirs: [path.resolve(protosFolder)],
        keepCase: true,
      }),
    ) as unknown as { grpc: { testing: { TestService: { service: ServiceDefinition } } } };
    const unary = (request: { readonly response_size: number }) => ({
      payload: { body: Buffer.alloc(request.response_size) },
    });
    const service = loaded.grpc.testing.TestService.service as unknown as AnyService;
    server.addService(service, { unaryCall: unary } as never);
    const { address } = await server.listen('127.0.0.1:0');
    expect(await grpcurl(address, 'describe', 'described.new.Message')).toContain(
      'map<string, .described.new.Message> _my_map_ = 7;',
    );
    expect(await grpcurl(address, 'describe', 'described.old.Inner.s')).toContain('default = ');
    expect(await grpcurl(address, 'described.new.New/Ask')).toBe('"90s"\n');
    expect(await grpcurl(address, 'describe', 'grpc.testing.SimpleRequest')).toContain(
      'int32 response_size = 2;',
    );
    const answer = await grpcurl('-d', '{"response_size": 3}', address, 'grpc.testing.TestService/UnaryCall');
    expect(JSON.parse(answer)).toEqual({ payload: { body: 'AAAA' } });
  });
});

describe.skipIf(peersAreMissing('protoc'))('descriptors', () => {
  /** Those of protoc, by name. */
  async function byProtoc(file: string, folder: string): Promise<Map<string, unknown>> {
    const out = mkdtempSync(path.join(tmpdir(), 'rocket-protoc-'));
    onTestFinished(() => rmSync(out, { recursive: true }));
    const args = ['-I', folder, '--include_imports', `--descriptor_set_out=${out}/set`, file];
    await runPeer('protoc', { args, deadlineMs });
    const files = filesOfSet(readFileSync(path.join(out, 'set'))).map((bytes) => decodedFile(bytes));
    return new Map(files.map((each) => [each['name'] as string, comparable(each)]));
  }

  it.each([
    ['described/new.proto', protos],
    ['described/old.proto', protos],
    ['catalog/v1/catalog.proto', protos],
    ['grpc/testing/test.proto', path.resolve(protosFolder)],
    ['grpc/reflection/v1/reflection.proto', path.resolve('proto')],
    ['grpc/health/v1/health.proto', path.resolve('proto')],
    ['google/pubsub/v1/pubsub.proto', path.resolve('node_modules/google-proto-files')],
    ['google/firestore/v1/firestore.proto', path.resolve('node_modules/google-proto-files')],
    ['google/longrunning/operations.proto', path.resolve('node_modules/google-proto-files')],
  ])('of %s are those of protoc, in every file', async (file, folder) => {
    const registry = new DescriptorRegistry();
    for (const service of Object.values(loadProto(file, { includeDirs: [folder] })))
      registry.add(descriptorSourceOf(service)!());
    const theirs = await byProtoc(file, folder);
    // Every release of protobuf has another one.
    theirs.delete('google/protobuf/descriptor.proto');
    for (const [name, wanted] of theirs) {
      const ours = registry.file(name);
      expect(ours === undefined ? undefined : comparable(decodedFile(ours.bytes)), name).toEqual(wanted);
    }
  });
});

/** Without positions, options declared by extensions (those leave empty options), and the languages of google/protobuf. */
function comparable(file: Record<string, unknown>): unknown {
  const { sourceCodeInfo: _, options, ...others } = file;
  const isGoogle = String(file['name']).startsWith('google/protobuf/');
  return withoutEmptyOptions(isGoogle ? others : { ...others, options });
}

function withoutEmptyOptions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmptyOptions);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, withoutEmptyOptions(each)] as const);
  return Object.fromEntries(entries.filter(([key, each]) => key !== 'options' || !isEmpty(each)));
}

function isEmpty(options: unknown): boolean {
  return Object.values(options ?? {}).every((each) => Array.isArray(each) && each.length === 0);
}
