import 'reflect-metadata';
import path from 'node:path';
import type { INestMicroservice, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientGrpcProxy, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { onTestFinished } from 'vitest';
import {
  RocketClient,
  type RocketClientOptions,
  RocketServer,
  type RocketServerOptions,
} from '../../lib/nestjs/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { KindsModule } from './kinds.ts';

export const files = {
  package: 'test.kinds',
  protoPath: path.join(import.meta.dirname, 'kinds.proto'),
  loader: { defaults: true },
};

/** An application on Nest's own transport, or on ours, until the test ends. */
export async function serve(
  which: 'nest' | 'rocket',
  more: Partial<RocketServerOptions> = {},
  module: Type = KindsModule,
): Promise<{ url: string; app: INestMicroservice }> {
  const [port = 0] = which === 'nest' ? await freePorts(1) : [];
  const url = `127.0.0.1:${port}`;
  const strategy = which === 'rocket' ? new RocketServer({ ...files, url, ...more }) : undefined;
  const options: MicroserviceOptions =
    strategy === undefined ? { transport: Transport.GRPC, options: { ...files, url } } : { strategy };
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    ...options,
    logger: false,
  });
  onTestFinished(() => app.close());
  await app.listen();
  return { url: strategy?.address?.address ?? url, app };
}

export interface Caller {
  getService<T extends object>(name: string): T;
  close(): unknown;
}

/** Nest's own client, or ours, until the test ends. */
export function client(
  which: 'nest' | 'rocket',
  url: string,
  more: Partial<RocketClientOptions> = {},
): Caller {
  const made: Caller =
    which === 'nest' ? new ClientGrpcProxy({ ...files, url }) : new RocketClient({ ...files, url, ...more });
  onTestFinished(() => void made.close());
  return made;
}
