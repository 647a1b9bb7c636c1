// A string of heads contains the heads of several requests (native/core/rpc/inbox.h). A head is the offset of the peer
// in that string, the length of the msg_id, the length of the metadata, two bytes each (low byte first), then the
// msg_id and the metadata. A peer is one byte with its length, then the peer. The string is Latin-1: one character is
// one byte. It is empty if the addon could not create it.

import { requestHead } from './layout.ts';

const { peerAt: peerWord, msgIdBytes, metadataBytes, fixedBytes } = requestHead;

/** The peer of the request whose head is at that offset. */
export function peerOf(heads: string, at: number): string {
  if (heads === '') return '';
  const peerAt = u16(heads, at + peerWord);
  return text(heads, peerAt + 1, heads.charCodeAt(peerAt));
}

export function msgIdOf(heads: string, at: number): string {
  return heads === '' ? '' : text(heads, at + fixedBytes, u16(heads, at + msgIdBytes));
}

/** The encoded metadata of that request. In gRPC's form it begins with NUL, and its values are bytes. */
export function metadataOf(heads: string, at: number): string {
  if (heads === '') return '';
  const start = at + fixedBytes + u16(heads, at + msgIdBytes);
  return text(
    heads,
    start,
    u16(heads, at + metadataBytes),
    heads.charCodeAt(start) === 0 ? 'latin1' : 'utf8',
  );
}

function u16(heads: string, at: number): number {
  return heads.charCodeAt(at) | (heads.charCodeAt(at + 1) << 8);
}

/** Decodes a part of the string. The result does not keep the whole string alive. */
function text(heads: string, start: number, length: number, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  return length === 0 ? '' : Buffer.from(heads.slice(start, start + length), 'latin1').toString(encoding);
}
