import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type CallContext, loadProto, RpcError, Server, type ServerOptions } from '../../lib/index.ts';

export const jsonProto = path.resolve('test/support/protos/json.proto');

export interface All {
  readonly int: number;
  readonly text: string;
}

/** What the handlers of a server have seen. */
export class Seen {
  readonly metadata: [string, string | Uint8Array][] = [];
  requests = 0;
  cancelled = 0;

  begin(context: CallContext): void {
    this.metadata.push(...context.metadata);
    context.signal.addEventListener('abort', () => this.cancelled++);
  }
}

/** A server of `json.v1.Json`, whose handlers do what the text of a request says. */
export async function startServer(
  options: ServerOptions = {},
): Promise<{ readonly address: string; readonly seen: Seen; readonly server: Server }> {
  const { Json } = loadProto(jsonProto);
  const seen = new Seen();
  const server = new Server({ logger: false, reflection: options.protocols === undefined, ...options });
  onTestFinished(() => server.close({ drainMs: 0 }));
  server.addService(Json!, {
    echo(request: All, context: CallContext) {
      seen.begin(context);
      if (request.text === 'refused')
        throw new RpcError('NOT_FOUND', 'no such \u001b[31mtext', {
          details: [{ type: 'ErrorInfo', reason: 'GONE', domain: 'json', metadata: { a: 'b' } }],
        });
      if (request.text === 'own') throw new RpcError('UNKNOWN', 'own error', { wireCode: 4711 });
      if (request.text === 'never') return new Promise(() => undefined);
      return request;
    },
    async collect(requests: AsyncIterable<All>, context: CallContext) {
      seen.begin(context);
      let int = 0;
      for await (const request of requests) {
        seen.requests++;
        int += request.int;
      }
      return { int };
    },
    async *spread({ int }: All, context: CallContext) {
      seen.begin(context);
      for (let i = 0; int === 0 || i < int; i++) yield { int: i };
      if (int === 2) throw new RpcError('ABORTED', 'after two');
    },
    async *chat(requests: AsyncIterable<All>, context: CallContext) {
      seen.begin(context);
      for await (const { text } of requests) {
        if (text === 'bye') return;
        yield { text: `re ${text}` };
      }
    },
  } as never);
  const { address } = await server.listen('127.0.0.1:0');
  return { address, seen, server };
}
