import { onTestFinished } from 'vitest';
import {
  type CallContext,
  Channel,
  type ChannelOptions,
  type Client,
  createClient,
  Server,
  type ServerOptions,
} from '../../lib/index.ts';
import { Order, type OrderReply, type OrderRequest } from './order.ts';
import { connectRaw, type RawClient } from './raw-client.ts';
import { encodeFrame, type Frame } from './tinypb.ts';
import { until } from './waits.ts';

export type OrderHandler = (request: OrderRequest, context: CallContext) => OrderReply | Promise<OrderReply>;

export interface OrderServer {
  readonly server: Server;
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** What the server logged. */
  readonly logged: string[];
  /** Waits for a line with `text` among them. */
  logs(text: string): Promise<void>;
}

/** Answers with the goods as the order id, so that a caller can tell whose reply it got. */
export const echoGoods: OrderHandler = ({ goods }) => ({ orderId: goods ?? '' });

/** A server of Order on a free port of 127.0.0.1 (or `address`); closed without a drain when the test ends. */
export async function startOrderServer(
  makeOrder: OrderHandler = echoGoods,
  options: ServerOptions = {},
  address = '127.0.0.1:0',
): Promise<OrderServer> {
  const logged: string[] = [];
  const logger = {
    warn: (line: string) => logged.push(line),
    error: (line: string) => logged.push(line),
  };
  const server = new Server({ logger, ...options });
  server.addService(Order, { makeOrder });
  onTestFinished(() => server.close({ drainMs: 0 }));
  const bound = await server.listen(address);
  const logs = (text: string) =>
    until(() => logged.some((line) => line.includes(text)), {
      deadlineMs: 10_000,
      what: () => `a line with ${text}: ${logged.join('\n')}`,
    });
  return { server, port: bound.port, address: bound.address, logged, logs };
}

export interface OrderChannel {
  readonly channel: Channel;
  readonly orders: Client<typeof Order>;
}

/** A channel that is closed without a drain when the test ends. */
export function openOrders(target: string, options: ChannelOptions = {}): OrderChannel {
  const channel = new Channel(target, options);
  onTestFinished(() => channel.close({ drainMs: 0 }));
  return { channel, orders: createClient(Order, channel) };
}

/** A raw connection that is destroyed when the test ends. */
export async function rawTo(port: number, host?: string): Promise<RawClient> {
  const raw = await connectRaw(port, host);
  onTestFinished(() => raw.destroy());
  return raw;
}

/** A request as an old C++ client makes it: no checksum, no deadline; but for `fields`. */
export function orderFrame(msgId: string, fields: Partial<Frame> = {}): Buffer {
  return encodeFrame({
    msgId,
    method: 'Order.makeOrder',
    errCode: 0,
    errInfo: '',
    body: Buffer.alloc(0),
    checksum: 'none',
    ...fields,
  });
}

/** Settled from outside: the handler that waits for the test. */
export interface Gate<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function gate<T = void>(): Gate<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
