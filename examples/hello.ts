/**
 * A minimal program: a service, a server, a client, a reply, an error, and automatic closing at the end of the block.
 *
 * `npx tsx examples/hello.ts`
 */
import { Channel, createClient, RpcError, Server } from 'rocket-rpc';
import { Greeter } from './greeter.ts';

await using server = new Server();
server.addService(Greeter, {
  hello({ name }) {
    if (!name) throw new RpcError('INVALID_ARGUMENT', 'who is it?');
    return { text: `hello, ${name}` };
  },
});
const { address } = await server.listen('127.0.0.1:0');

await using channel = new Channel(address);
const greeter = createClient(Greeter, channel);

const { text } = await greeter.hello({ name: 'Ada' });
console.log(text);

try {
  await greeter.hello({});
} catch (error) {
  if (!(error instanceof RpcError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
