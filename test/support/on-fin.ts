import type { Socket } from 'node:net';

const nothing = Buffer.alloc(0);

/**
 * Calls `listener` once the peer has sent a FIN. libuv reports an RST as the end of the stream when bytes came just
 * before it, so the 'end' event alone cannot tell them apart; writing nothing can: it puts no packet on the wire, and
 * after an RST it fails, which the socket then emits as 'error'.
 */
export function onFin(socket: Socket, listener: () => void): void {
  socket.on('end', () => {
    // A write queued behind bytes the peer does not read might never come back.
    if (!socket.writable || socket.writableLength > 0) listener();
    else socket.write(nothing, (error) => (error ? undefined : listener()));
  });
}
