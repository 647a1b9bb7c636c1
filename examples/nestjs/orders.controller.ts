import { Controller, Inject, UseGuards } from '@nestjs/common';
import { GrpcMethod, GrpcStreamMethod, RpcException } from '@nestjs/microservices';
import { map, type Observable, reduce } from 'rxjs';
import type { Order, OrderRequest, Price, Summary } from './messages.ts';
import { OrdersService } from './orders.service.ts';
import { TokenGuard } from './token.guard.ts';

/** INVALID_ARGUMENT. */
const invalidArgument = 3;

@Controller()
@UseGuards(TokenGuard)
export class OrdersController {
  readonly #orders: OrdersService;

  // With emitDecoratorMetadata, which tsx does not have, the type alone would do.
  constructor(@Inject(OrdersService) orders: OrdersService) {
    this.#orders = orders;
  }

  @GrpcMethod('Orders')
  makeOrder(request: OrderRequest): Order {
    if (request.count < 1) throw new RpcException({ code: invalidArgument, message: 'how many?' });
    return this.#orders.make(request);
  }

  @GrpcMethod('Orders')
  watchOrders({ goods }: { goods: string }): Observable<Order> {
    return this.#orders.watch(goods);
  }

  @GrpcStreamMethod('Orders')
  importOrders(requests: Observable<OrderRequest>): Observable<Summary> {
    return requests.pipe(
      map((request) => this.#orders.make(request)),
      reduce(({ orders, items }, { count }) => ({ orders: orders + 1, items: items + count }), {
        orders: 0,
        items: 0,
      }),
    );
  }

  @GrpcStreamMethod('Orders')
  quote(requests: Observable<OrderRequest>): Observable<Price> {
    return requests.pipe(map((request) => ({ goods: request.goods, price: this.#orders.priceOf(request) })));
  }
}
