import { join } from 'node:path';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { RocketServer } from 'rocket-rpc/nestjs';

/** The options of Nest's gRPC transport, which both take. */
export const grpcOptions = {
  package: 'orders',
  protoPath: join(import.meta.dirname, 'orders.proto'),
  loader: { longs: String, enums: String, defaults: true },
};

/** As it was. */
export function onNest(url: string): MicroserviceOptions {
  return { transport: Transport.GRPC, options: { ...grpcOptions, url } };
}

/** As it is: the same controllers, guards and options. */
export function onRocket(url: string): MicroserviceOptions {
  return { strategy: new RocketServer({ ...grpcOptions, url }) };
}
