import { type DynamicModule, Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { type ClientGrpc, ClientsModule } from '@nestjs/microservices';
import { GrpcMetadata, RocketClient } from 'rocket-rpc/nestjs';
import { lastValueFrom, of, take, toArray } from 'rxjs';
import type { Order, OrderRequest, Orders, Price, Summary } from './messages.ts';
import { grpcOptions } from './transport.ts';

/** Calls the orders service. */
@Injectable()
export class Shop implements OnModuleInit {
  readonly #client: ClientGrpc;
  #orders!: Orders;

  constructor(@Inject('ORDERS') client: ClientGrpc) {
    this.#client = client;
  }

  onModuleInit(): void {
    this.#orders = this.#client.getService<Orders>('Orders');
  }

  get #token(): GrpcMetadata {
    const metadata = new GrpcMetadata();
    metadata.set('token', 'secret');
    return metadata;
  }

  buy(request: OrderRequest): Promise<Order> {
    return lastValueFrom(this.#orders.makeOrder(request, this.#token));
  }

  buyWithoutToken(request: OrderRequest): Promise<Order> {
    return lastValueFrom(this.#orders.makeOrder(request));
  }

  buyAll(...requests: OrderRequest[]): Promise<Summary> {
    return lastValueFrom(this.#orders.importOrders(of(...requests), this.#token));
  }

  /** Its first orders; to stop watching cancels the call. */
  first(goods: string, count: number): Promise<Order[]> {
    return lastValueFrom(this.#orders.watchOrders({ goods }, this.#token).pipe(take(count), toArray()));
  }

  prices(...requests: OrderRequest[]): Promise<Price[]> {
    return lastValueFrom(this.#orders.quote(of(...requests), this.#token).pipe(toArray()));
  }
}

@Module({})
export class ShopModule {
  static at(url: string): DynamicModule {
    const client = { name: 'ORDERS', customClass: RocketClient, options: { ...grpcOptions, url } };
    return { module: ShopModule, imports: [ClientsModule.register([client])], providers: [Shop] };
  }
}
