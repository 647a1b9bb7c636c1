import { Injectable } from '@nestjs/common';
import { filter, type Observable, ReplaySubject } from 'rxjs';
import type { Order, OrderRequest } from './messages.ts';

/** Keeps the last hundred orders, and tells of new ones. */
@Injectable()
export class OrdersService {
  #lastId = 0n;
  readonly #orders = new ReplaySubject<Order>(100);

  make({ goods, count }: OrderRequest): Order {
    this.#lastId++;
    const order: Order = { id: String(this.#lastId), goods, count, state: 'NEW' };
    this.#orders.next(order);
    return order;
  }

  watch(goods: string): Observable<Order> {
    return this.#orders.pipe(filter((order) => goods === '' || order.goods === goods));
  }

  priceOf({ goods, count }: OrderRequest): number {
    return count * goods.length;
  }
}
