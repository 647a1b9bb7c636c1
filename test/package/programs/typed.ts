import { Channel, createClient, loadProto, RpcError, Server, type Unary } from 'rocket-rpc';
import { type LoadResult, runLoad } from 'rocket-rpc/bench';

interface Services {
  Greeter: { greet: Unary<{ name?: string }, { text?: string }> };
}

const { Greeter } = loadProto<Services>('greeter.proto');
await using server = new Server();
server.addService(Greeter, { greet: async ({ name }) => ({ text: `hello ${name}` }) });
const { address } = await server.listen('127.0.0.1:0');
await using channel = new Channel(address);
const greeter = createClient(Greeter, channel);
const { text } = await greeter.greet({ name: 'TypeScript' });

// The types have arrived: neither is `any`.
// @ts-expect-error
const missing = (reply: Awaited<ReturnType<typeof greeter.greet>>) => reply.nothing;
// @ts-expect-error
const other = (result: LoadResult) => result.nothing;

console.log(text, [missing, other, runLoad, RpcError].map((value) => typeof value).join());
