import { type RawConnection, type RawServer, startRawServer } from './raw-server.ts';
import type { ReceivedFrame } from './tinypb.ts';

export type CppHandler = (request: ReceivedFrame) => Buffer | Promise<Buffer>;

/** What happened to the server that no client may let happen. */
export interface CppInjuries {
  /** It looped for ever on bytes of a frame that had not arrived whole. */
  hung: boolean;
  /** A request came before the reply to the last one on that connection was written: its memory is corrupt. */
  pipelined: number;
  /** A field was longer than the buffer it is copied to, or held a NUL. */
  overrun: number;
}

export interface CppServer extends RawServer {
  readonly injuries: CppInjuries;
  /** Connections that have a request in hand, at most at any time. */
  readonly busiest: number;
}

const poison = Buffer.from('030200000000', 'hex');
const scannedFromBytes = 128;

/**
 * A server that does as a build of C++ rocket does: says nothing to what it does not know, sends no checksum, answers the
 * methods of `handlers` one after the other on each connection, and suffers as it does.
 */
export async function startCppServer(
  handlers: Readonly<Record<string, CppHandler>>,
  port = 0,
): Promise<CppServer> {
  const injuries: CppInjuries = { hung: false, pipelined: 0, overrun: 0 };
  const busy = new Set<RawConnection>();
  let busiest = 0;
  const onRequest = (request: ReceivedFrame, connection: RawConnection): void => {
    const { raw, msgId, method, errInfo } = request;
    if (raw.length > scannedFromBytes && raw.includes(poison)) injuries.hung = true;
    const tooLong = msgId.length > 99 || method.length > 511 || Buffer.byteLength(errInfo) > 511;
    if (tooLong || `${msgId}${method}${errInfo}`.includes('\0')) injuries.overrun++;
    if (injuries.hung) return;
    const handler = handlers[method];
    if (handler === undefined) return;
    if (busy.has(connection)) {
      injuries.pipelined++;
      connection.reset();
      return;
    }
    busy.add(connection);
    busiest = Math.max(busiest, busy.size);
    void Promise.resolve(handler(request)).then((body) => {
      busy.delete(connection);
      if (!injuries.hung) connection.reply(request, { body, checksum: 'none' });
    });
  };
  const server = await startRawServer(onRequest, { port, answersPings: false });
  return {
    port: server.port,
    connections: server.connections,
    close: () => server.close(),
    injuries,
    get busiest() {
      return busiest;
    },
  };
}
