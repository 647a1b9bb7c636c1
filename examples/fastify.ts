/**
 * HTTP and rocket in one process: Fastify accepts JSON over HTTP and calls a rocket service, which other processes
 * reach through rocket; both log through one pino, which writes to rocket's asynchronous log.
 *
 * `npx tsx examples/fastify.ts`
 */
import fastify from 'fastify';
import { Channel, createClient, RpcError, rocketDestination, Server, type StatusName } from 'rocket-rpc';
import { Greeter, type HelloRequest } from './greeter.ts';

const destination = rocketDestination();
const app = fastify({ logger: { stream: destination, base: null, timestamp: false } });

const server = new Server({ logger: app.log });
server.addService(Greeter, {
  hello({ name }, ctx) {
    ctx.log.info(`greeting ${name}`);
    if (name === 'nobody') throw new RpcError('NOT_FOUND', 'there is nobody');
    return { text: `hello, ${name}` };
  },
});
const { address } = await server.listen('127.0.0.1:0');

const channel = new Channel(address);
const greeter = createClient(Greeter, channel);

const httpStatus: Partial<Record<StatusName, number>> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

// Fastify logs each request at `info`; the handler's lines are enough here.
app.post<{ Body: HelloRequest }>('/hello', { logLevel: 'warn' }, async (request, reply) => {
  // If the browser's tab is closed, no answer is needed.
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return greeter.hello(request.body, { timeoutMs: 1000, signal: gone.signal });
});
app.setErrorHandler((error, _request, reply) => {
  if (!(error instanceof RpcError)) return reply.send(error);
  return reply.code(httpStatus[error.code] ?? 500).send({ code: error.code, message: error.message });
});

const url = await app.listen({ host: '127.0.0.1', port: 0 });
for (const name of ['Ada', 'nobody']) {
  const response = await fetch(`${url}/hello`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  console.log(`POST ${JSON.stringify({ name })}: ${response.status} ${await response.text()}`);
}

// From the outside in: no HTTP request may arrive once the channel is closed.
await app.close();
await channel.close();
await server.close();
destination.end();
