/**
 * What the ts blocks of the documents may use without saying where it comes from, so that an excerpt can be short. A block
 * that declares a name itself means its own.
 */
import type {
  CallContext,
  Channel,
  Client,
  DefinitionOf,
  EtcdDiscovery,
  RocketLogger,
  Server,
  Unary,
} from 'rocket-rpc';

/** Messages of proto/order.proto. */
interface MakeOrderRequest {
  price?: number;
  goods?: string;
}
interface MakeOrderResponse {
  retCode?: number;
  resInfo?: string;
  orderId?: string;
}
type OrderService = DefinitionOf<{ makeOrder: Unary<MakeOrderRequest, MakeOrderResponse> }>;

declare global {
  const Order: OrderService;
  const server: Server;
  const channel: Channel;
  const orders: Client<OrderService>;
  /** The context of the call that a handler is at. */
  const ctx: CallContext;
  const discovery: EtcdDiscovery;
  const logger: RocketLogger;
  /** Of whoever gives tokens. */
  function fetchToken(): Promise<{ readonly value: string; readonly expires: number }>;
}
