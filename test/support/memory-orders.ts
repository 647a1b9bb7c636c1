import {
  Channel,
  type ChannelOptions,
  type Client,
  createClient,
  Server,
  type ServerOptions,
} from '../../lib/index.ts';
import { echoGoods, type OrderHandler } from './loopback.ts';
import type { MemoryReply, MemoryRequest, MemoryServer } from './memory-server.ts';
import { MemoryNetwork } from './memory-transport.ts';
import { Order } from './order.ts';

export interface MemoryOrders {
  readonly network: MemoryNetwork;
  readonly server: Server;
  readonly memory: MemoryServer;
  readonly address: string;
  readonly logged: string[];
  /** A request straight to the server, past any channel. */
  request(fields?: Partial<MemoryRequest>): Promise<MemoryReply>;
  open(options?: ChannelOptions): { channel: Channel; orders: Client<typeof Order> };
}

/** A server of Order in memory, and a way to open channels to it. */
export async function memoryOrders(
  makeOrder: OrderHandler = echoGoods,
  options: ServerOptions = {},
  network = new MemoryNetwork(),
): Promise<MemoryOrders> {
  const logged: string[] = [];
  const logger = {
    warn: (line: string) => logged.push(line),
    error: (line: string) => logged.push(line),
  };
  const server = new Server({ logger, ...options, transport: network.serverTransport });
  server.addService(Order, { makeOrder });
  const { address } = await server.listen('10.0.0.9:0');
  const memory = network.servers.get(address)!;
  const defaults = {
    method: 'Order.makeOrder',
    body: Buffer.alloc(0),
    timeoutMs: 0,
    metadata: '',
    msgId: 'id',
  };
  return {
    network,
    server,
    memory,
    address,
    logged,
    request: (fields = {}) => memory.request({ ...defaults, ...fields }),
    open: (channelOptions = {}) => {
      const channel = new Channel(address, {
        connections: 1,
        ...channelOptions,
        transport: network.clientTransport,
      });
      return { channel, orders: createClient(Order, channel) };
    },
  };
}
