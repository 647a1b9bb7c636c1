/**
 * One service on one port, called by TinyPB and by gRPC at the same time. Nobody has to say which it is: the first bytes
 * of a connection tell.
 *
 * `npx tsx examples/both-protocols.ts`
 */
import { Channel, createClient, Server } from 'rocket-rpc';
import { Greeter } from './greeter.ts';

await using server = new Server();
server.addService(Greeter, {
  hello: ({ name }, context) => {
    // TinyPB has no trailers: they go with the other metadata, which the caller sees as well.
    context.trailers.set('greeted', name ?? '');
    return { text: `hello, ${name}` };
  },
});
const { address } = await server.listen('127.0.0.1:0');

await using tinypb = new Channel(address);
await using grpc = new Channel(`grpc://${address}`);

async function greet(channel: Channel, who: string): Promise<number> {
  const greeter = createClient(Greeter, channel);
  const names = Array.from({ length: 1000 }, (_, at) => `${who} ${at}`);
  const replies = await Promise.all(names.map((name) => greeter.hello({ name })));
  return replies.filter(({ text }, at) => text === `hello, ${names[at]}`).length;
}

const [byTinypb, byGrpc] = await Promise.all([greet(tinypb, 'Ada'), greet(grpc, 'Grace')]);
console.log(`answered by TinyPB: ${byTinypb}, by gRPC: ${byGrpc}`);
console.log(`calls of the server: ${server.stats().callsTotal}`);
