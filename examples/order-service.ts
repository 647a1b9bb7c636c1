import { fileURLToPath } from 'node:url';
import { type DefinitionOf, type Handlers, loadProto, RpcError, type Unary } from 'rocket-rpc';

/** The types of proto/order.proto. Every field may be left out: proto3 has defaults for all. */
export interface MakeOrderRequest {
  price?: number;
  goods?: string;
}

export interface MakeOrderResponse {
  retCode?: number;
  resInfo?: string;
  orderId?: string;
}

export interface OrderMethods {
  makeOrder: Unary<MakeOrderRequest, MakeOrderResponse>;
}

const protoPath = fileURLToPath(new URL('../proto/order.proto', import.meta.url));
export const { Order } = loadProto<{ Order: OrderMethods }>(protoPath);

/** Behaves like C++ rocket's test server: a price under 10 is refused in the reply itself. */
export const orderHandlers: Handlers<DefinitionOf<OrderMethods>> = {
  async makeOrder(request, context) {
    if (request.goods === 'slow boat') {
      // Runs until the signal aborts: at the deadline, when the caller disconnects, or when the server closes.
      await new Promise((_resolve, reject) => {
        context.signal.addEventListener('abort', () => reject(context.signal.reason));
      });
    }
    if (request.goods === 'unicorn') throw new RpcError('NOT_FOUND', 'we do not sell unicorns');
    if ((request.price ?? 0) < 10) return { retCode: -1, resInfo: 'short balance' };
    return { retCode: 0, orderId: '20230514' };
  },
};
