import path from 'node:path';
import { loadProto, type Unary } from '../../lib/index.ts';

export interface OrderRequest {
  price?: number;
  goods?: string;
}

export interface OrderReply {
  retCode?: number;
  resInfo?: string;
  orderId?: string;
}

export type OrderDescription = { makeOrder: Unary<OrderRequest, OrderReply> };

export const orderProto = path.resolve(import.meta.dirname, '../../proto/order.proto');

/** The service of proto/order.proto, typed. */
export const { Order } = loadProto<{ Order: OrderDescription }>(orderProto);

/** `{ price: 100, goods: 'apple' }` and `{ orderId: '20230514' }` as protobuf: the bodies of the golden vectors. */
export const orderRequestBody = Buffer.from('086412056170706c65', 'hex');
export const orderReplyBody = Buffer.from('1a083230323330353134', 'hex');
