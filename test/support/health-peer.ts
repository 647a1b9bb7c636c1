import { createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { frame } from './grpc-frames.ts';

/** Values of `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
export const serving = 1;
export const notServing = 2;

/** One `grpc.health.v1.Health.Watch` that a channel has begun. */
export class PeerWatch {
  readonly at = performance.now();
  readonly session: Http2Session;
  readonly timeout: string | undefined;
  isClosed = false;
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, timeout: string | undefined) {
    this.session = stream.session!;
    this.timeout = timeout;
    this.#stream = stream;
    stream.once('close', () => {
      this.isClosed = true;
    });
  }

  say(status: number): void {
    this.write(frame(Buffer.from([8, status])));
  }

  write(bytes: Uint8Array, encoding?: string): void {
    if (!this.#stream.headersSent) {
      const more = encoding === undefined ? {} : { 'grpc-encoding': encoding };
      this.#stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...more });
    }
    this.#stream.write(bytes);
  }

  reset(): void {
    this.#stream.close(2);
  }

  /** After what it has said. */
  end(status: number): void {
    this.#stream.once('wantTrailers', () => this.#stream.sendTrailers({ 'grpc-status': String(status) }));
    this.#stream.end();
  }

  answer(messages: Uint8Array, status: number): void {
    const head = { ':status': 200, 'content-type': 'application/grpc' };
    this.#stream.respond(head, { waitForTrailers: true });
    this.#stream.write(messages);
    this.end(status);
  }
}

/**
 * A server of another make whose health says what the test says. It answers other calls with an empty message, and streams
 * not at all.
 */
export async function healthPeer(onWatch: (watch: PeerWatch, nth: number) => void = () => undefined) {
  const watches: PeerWatch[] = [];
  const sessions = new Set<Http2Session>();
  let calls = 0;
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    if (headers[':path'] === '/grpc.health.v1.Health/Watch') {
      const watch = new PeerWatch(stream, headers['grpc-timeout'] as string | undefined);
      watches.push(watch);
      return onWatch(watch, watches.length);
    }
    calls++;
    if (headers[':path'] !== '/kinds.v1.Kinds/One') return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(Buffer.alloc(0)));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    watches,
    sessions,
    /** Begun, other than watches. */
    calls: () => calls,
  };
}
