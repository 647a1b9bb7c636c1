/** An application as `nest new` makes it: TypeScript that becomes CommonJS, and constructors injected by their types. */
import 'reflect-metadata';
import { join } from 'node:path';
import { Controller, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ClientGrpc, ClientsModule, GrpcMethod, type MicroserviceOptions } from '@nestjs/microservices';
import { type GrpcMetadata, RocketClient, RocketServer } from 'rocket-rpc/nestjs';
import { lastValueFrom, type Observable } from 'rxjs';

const files = { package: '', protoPath: join(__dirname, '..', '..', 'greeter.proto') };
const url = `unix:@rocket-nest-${process.pid}`;

interface Greeter {
  greet(request: { name: string }): Observable<{ text: string }>;
}

@Injectable()
class Greetings {
  for(name: string): string {
    return `hello ${name}`;
  }
}

@Controller()
class GreeterController {
  constructor(private readonly greetings: Greetings) {}

  @GrpcMethod('Greeter', 'greet')
  greet({ name }: { name: string }, metadata: GrpcMetadata): { text: string } {
    return { text: `${this.greetings.for(name)}, ${metadata.get('none').length}` };
  }
}

@Module({ controllers: [GreeterController], providers: [Greetings] })
class ServerModule {}

@Injectable()
class Caller {
  constructor(@Inject('GREETER') private readonly client: ClientGrpc) {}

  call(name: string): Promise<{ text: string }> {
    return lastValueFrom(this.client.getService<Greeter>('Greeter').greet({ name }));
  }
}

@Module({
  imports: [
    ClientsModule.register([{ name: 'GREETER', customClass: RocketClient, options: { ...files, url } }]),
  ],
  providers: [Caller],
})
class ClientModule {}

async function main(): Promise<void> {
  const strategy = new RocketServer({ ...files, url });
  const server = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, {
    strategy,
    logger: false,
  });
  await server.listen();
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: false });
  console.log((await app.get(Caller).call('CommonJS Nest')).text);
  await app.close();
  await server.close();
}

void main();
