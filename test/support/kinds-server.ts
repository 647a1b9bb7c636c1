import { onTestFinished } from 'vitest';
import {
  type CallContext,
  Channel,
  type ChannelOptions,
  createClient,
  Metadata,
  type ResolverListener,
  RpcError,
  Server,
  type ServerOptions,
  type StatusName,
} from '../../lib/index.ts';
import { Kinds, type KindsHandlers, type Text } from './memory-kinds.ts';

/** A server with these handlers, closed when the test ends. */
export async function serveKinds(handlers: Partial<KindsHandlers>, options: ServerOptions = {}) {
  const server = new Server({ logger: false, ...options });
  server.addService(Kinds, handlers as KindsHandlers);
  onTestFinished(() => server.close({ drainMs: 0 }));
  const { address } = await server.listen('127.0.0.1:0');
  return { server, address };
}

/** A channel, closed when the test ends. */
export function openKinds(target: string, options: ChannelOptions = {}) {
  const channel = new Channel(target, options);
  onTestFinished(() => channel.close({ drainMs: 0 }));
  return { channel, client: createClient(Kinds, channel) };
}

/** A channel by gRPC to a server with these handlers. */
export async function connectedKinds(handlers: Partial<KindsHandlers>, options: ChannelOptions = {}) {
  const { server, address } = await serveKinds(handlers);
  return { server, ...openKinds(`grpc://${address}`, options) };
}

/** What a server throws; with `pushback` it says when to repeat the call. */
export function refusal(code: StatusName, pushback?: string): RpcError {
  const metadata = new Metadata();
  if (pushback !== undefined) metadata.set('grpc-retry-pushback-ms', pushback);
  return new RpcError(code, 'not now', { metadata });
}

/** Handlers that fail their first calls, and what they saw of all. */
export function failing(failures: number, error: () => RpcError) {
  const seen: number[] = [];
  const at: number[] = [];
  const meet = (ctx: CallContext) => {
    seen.push(ctx.previousAttempts);
    at.push(performance.now());
    if (seen.length <= failures) throw error();
  };
  const handlers: Partial<KindsHandlers> = {
    one: (_request: Text, ctx: CallContext) => {
      meet(ctx);
      return { text: 'done' };
    },
    many: async (requests, ctx: CallContext) => {
      let text = '';
      for await (const request of requests) text += request.text;
      meet(ctx);
      return { text };
    },
    flow: async function* (_request: Text, ctx: CallContext) {
      meet(ctx);
      yield { text: 'done' };
    },
  };
  return { seen, at, handlers };
}

/** A resolver whose result is what the test says. */
export function toldResolver(...addresses: string[]) {
  let listener: ResolverListener | undefined;
  let last: unknown;
  const tell = (config: unknown, ...now: string[]) => {
    last = config;
    const list = (now.length > 0 ? now : addresses).map((address) => ({
      name: address,
      addresses: [address],
    }));
    listener?.onEndpoints(list, config as never);
  };
  const resolver = {
    start: (given: ResolverListener) => {
      listener = given;
      tell(last);
    },
    refresh: () => undefined,
    close: () => undefined,
  };
  return { resolver, tell };
}
