import path from 'node:path';
import { encodeGrpcMetadata } from '../../lib/contract/metadata.ts';
import {
  type Bidi,
  type ClientStream,
  type Handlers,
  loadProto,
  type Metadata,
  Server,
  type ServerOptions,
  type ServerStream,
  type Unary,
} from '../../lib/index.ts';
import { encoded, type MemoryServer } from './memory-server.ts';
import type { MemoryStream } from './memory-stream.ts';
import { MemoryNetwork } from './memory-transport.ts';

export interface Text {
  text: string;
}

interface Services {
  Kinds: {
    one: Unary<Text, Text>;
    many: ClientStream<Text, Text>;
    flow: ServerStream<Text, Text>;
    both: Bidi<Text, Text>;
  };
}

/** A service with one method of each kind (protos/kinds.proto). */
export const Kinds = loadProto<Services>(path.join(import.meta.dirname, 'protos/kinds.proto')).Kinds;

export type KindsHandlers = Handlers<typeof Kinds>;

const codec = Kinds.methods.one.request;

export function textBody(text: string): Buffer {
  return encoded(codec, { text });
}

export function textOf(body: Buffer): string {
  return codec.decode(body, 0, body.length).text;
}

export interface MemoryKinds {
  readonly network: MemoryNetwork;
  readonly server: Server;
  readonly memory: MemoryServer;
  readonly address: string;
  /** Lines of the server's log, each with the message of its error. */
  readonly logged: string[];
  open(method: keyof KindsHandlers, fields?: OpenFields): MemoryStream;
}

interface OpenFields {
  readonly text?: string;
  readonly timeoutMs?: number;
  readonly metadata?: Metadata;
}

/** A server of Kinds in memory; a method without a handler here is one that fails. */
export async function memoryKinds(
  handlers: Partial<KindsHandlers>,
  options: ServerOptions = {},
): Promise<MemoryKinds> {
  const network = new MemoryNetwork();
  const logged: string[] = [];
  const note = (line: string, error?: unknown): void => {
    logged.push(error instanceof Error ? `${line}: ${error.message}` : line);
  };
  const server = new Server({
    logger: { warn: note, error: note },
    ...options,
    transport: network.serverTransport,
  });
  server.addService(Kinds, handlers as KindsHandlers);
  const { address } = await server.listen('10.0.0.9:0');
  const memory = network.servers.get(address)!;
  return {
    network,
    server,
    memory,
    address,
    logged,
    open: (method, { text = '', timeoutMs = 0, metadata } = {}) => {
      const { wireName, kind } = Kinds.methods[method];
      const streams = kind === 'clientStream' || kind === 'bidi';
      return memory.open({
        method: wireName,
        body: streams ? Buffer.alloc(0) : textBody(text),
        timeoutMs,
        metadata: encodeGrpcMetadata(metadata),
        msgId: '',
      });
    },
  };
}
