import type { Observable } from 'rxjs';

/** The messages of orders.proto, as the loader of transport.ts gives them. */
export interface OrderRequest {
  goods: string;
  count: number;
}

export interface Order extends OrderRequest {
  id: string;
  state: 'NEW' | 'PAID';
}

export interface Summary {
  orders: number;
  items: number;
}

export interface Price {
  goods: string;
  price: number;
}

/** The service as its callers see it. */
export interface Orders {
  makeOrder(request: OrderRequest, metadata?: unknown): Observable<Order>;
  watchOrders(filter: { goods: string }, metadata?: unknown): Observable<Order>;
  importOrders(requests: Observable<OrderRequest>, metadata?: unknown): Observable<Summary>;
  quote(requests: Observable<OrderRequest>, metadata?: unknown): Observable<Price>;
}
