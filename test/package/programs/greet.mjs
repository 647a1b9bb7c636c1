import { join } from 'node:path';

/** A call over TCP, and the binary that this process has loaded for it. */
export async function greet({ Channel, createClient, loadProto, Server }, name, generated) {
  const { Greeter } = generated ?? loadProto(join(import.meta.dirname, 'greeter.proto'));
  const server = new Server();
  server.addService(Greeter, { greet: async (request) => ({ text: `hello ${request.name}` }) });
  const { address } = await server.listen('127.0.0.1:0');
  const channel = new Channel(address);
  const { text } = await createClient(Greeter, channel).greet({ name });
  await channel.close();
  await server.close();
  const binary = process.report.getReport().sharedObjects.find((file) => file.endsWith('.node'));
  return `${text} from ${process.version} by ${binary}`;
}
