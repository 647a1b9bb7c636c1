import { expect, it, onTestFinished } from 'vitest';
import type { ClientTransportFactory } from '../../lib/contract/transport.ts';
import { Channel, createClient, Server } from '../../lib/index.ts';
import { toldResolver } from '../support/kinds-server.ts';
import { Kinds, type KindsHandlers } from '../support/memory-kinds.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';

it('gives a method to the transport once, however often the service config changes', async () => {
  const network = new MemoryNetwork();
  const given: string[] = [];
  const transport: ClientTransportFactory = (options, receiver) => {
    const made = network.clientTransport(options, receiver);
    const addMethod = made.addMethod.bind(made);
    made.addMethod = (method) => {
      given.push(method.wireName);
      return addMethod(method);
    };
    return made;
  };
  const server = new Server({ logger: false, transport: network.serverTransport });
  server.addService(Kinds, {
    one: (request: { text: string }) => request,
  } as Partial<KindsHandlers> as KindsHandlers);
  const { address } = await server.listen('127.0.0.1:0');
  const { resolver, tell } = toldResolver(address);
  const channel = new Channel('grpc:///told', { resolver, transport });
  onTestFinished(async () => {
    await channel.close({ drainMs: 0 });
    await server.close({ drainMs: 0 });
  });
  const client = createClient(Kinds, channel);
  for (let i = 1; i <= 5; i++) {
    const limits = { name: [{}], maxRequestMessageBytes: 5 + i, maxResponseMessageBytes: 5 + i };
    tell({ methodConfig: [limits], healthCheckConfig: { serviceName: `of${i}` } });
    const text = 'x'.repeat(3 + i);
    expect(await client.one({ text })).toEqual({ text });
    await expect(client.one({ text: `${text}y` })).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  }
  expect(given.sort()).toEqual(['grpc.health.v1.Health.Watch', 'kinds.v1.Kinds.One']);
});
