/**
 * Code that every call needs, written once for each side: a token that the client sends and the server checks, and a
 * log line for each call, with its id on both sides.
 *
 * `npx tsx examples/interceptors.ts`
 */
import {
  Channel,
  type ClientInterceptor,
  createClient,
  createLogger,
  Metadata,
  RpcError,
  Server,
  type ServerInterceptor,
} from 'rocket-rpc';
import { Greeter } from './greeter.ts';

const log = createLogger();

const users = new Map([['secret-of-ada', 'Ada']]);

/** Refuses unknown callers, before the handler sees the call. */
const checkToken: ServerInterceptor = ({ context }, next) => {
  const user = users.get(context.metadata.get('token') ?? '');
  if (user === undefined) throw new RpcError('UNAUTHENTICATED', 'no token that we know');
  return next();
};

/** The outermost, so that it also sees calls refused by the others. */
const logHandled: ServerInterceptor = async ({ context }, next) => {
  try {
    const reply = await next();
    context.log.info('handled');
    return reply;
  } catch (error) {
    context.log.warn(`refused: ${error instanceof RpcError ? error.code : String(error)}`);
    throw error;
  }
};

const server = new Server({ interceptors: [logHandled, checkToken], logger: log });
server.addService(Greeter, { hello: ({ name }) => ({ text: `hello, ${name}` }) });
const { address } = await server.listen('127.0.0.1:0');

const sendToken =
  (token: string): ClientInterceptor =>
  (call, next) =>
    next({ ...call, metadata: new Metadata(call.metadata).set('token', token) });

const logCalls: ClientInterceptor = async (call, next) => {
  try {
    const reply = await next(call);
    log.info(`called ${call.method}`);
    return reply;
  } catch (error) {
    log.warn(`called ${call.method}: ${error instanceof RpcError ? error.code : String(error)}`);
    throw error;
  }
};

for (const token of ['secret-of-ada', 'guess']) {
  const channel = new Channel(address, { interceptors: [logCalls, sendToken(token)] });
  const greeter = createClient(Greeter, channel);
  const answer = await greeter.hello({ name: 'server' }).then(
    ({ text }) => text,
    (error: RpcError) => `${error.code}: ${error.message}`,
  );
  console.log(`with ${token}: ${answer}`);
  await channel.close();
}

await server.close();
await log.close();
