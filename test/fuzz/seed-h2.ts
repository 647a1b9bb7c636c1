// Writes the first inputs of hpack_fuzz, frame_fuzz, session_fuzz, client_session_fuzz and server_fuzz, each into its folder of
// OUTDIR.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Header blocks of one connection each, from RFC 7541, appendix C, and of gRPC. */
const connections = [
  ['400a637573746f6d2d6b65790d637573746f6d2d686561646572', '040c2f73616d706c652f70617468', '10087061737377'],
  [
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '828684be5886a8eb10649cbf',
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  ],
  [
    '3fe101',
    '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    '4883640effc1c0bf',
  ],
  ['3f1120', '3e82', 'ff808080800f'],
  ['838644042f612f4241016840027465087472616965727340', '838644', 'be'],
];

/** Frames: length, type, flags, stream, payload. */
const frames = [
  '000001 00 00 00000001 61',
  '000003 00 09 00000001 01 61 00',
  '000003 01 05 00000003 838684',
  '000009 01 2c 00000003 01 00000001 10 83 84 00',
  '000005 02 00 00000003 00000000 10',
  '000004 03 00 00000001 00000008',
  '00000c 04 00 00000000 0002 00000000 0004 0000ffff',
  '000006 04 00 00000000 0005 00004000',
  '000000 04 01 00000000',
  '000004 05 04 00000001 00000002',
  '000008 06 00 00000000 0102030405060708',
  '00000a 07 00 00000000 00000001 00000000 6869',
  '000004 08 00 00000000 00000001',
  '000004 08 00 00000001 7fffffff',
  '000001 09 04 00000001 82',
  '000003 0a ff 00000000 010203',
];

/** Steps of session_fuzz: a frame is kind, flags, stream, size, payload; what the application does is from 80 on. */
const sessions = [
  '010501 00 840000', // a request, answered at once
  '010401 00 000101 20 840040 010503 00 840140', // a request with a body; another
  '040000 06 000400000000 010501 00 840040 080001 04 00001000', // a reply that waits for a window
  '010501 00 030001 04 00000008 870000', // a request that is reset, and released
  '8f0000 010501 00 840000 8e0000', // a shutdown
  '010001 00 090401 00 840000', // a request in two parts
];

/** The same of client_session_fuzz: a request is 89, a frame of the server as above. */
const clientSessions = [
  '890000 010401 00 000001 05 0000000000 410501 03 00016101', // a call with headers, a message and trailers
  '890000 890000 070000 08 0000000100000000 010501 00', // GOAWAY between two
  '040000 06 000300000000 890000 040000 06 000300000002 890000', // streams are not allowed, then are
  '8a0001 080001 04 00001000 800020 030001 04 00000007', // a request that is refused while it is sent
];

/**
 * Inputs of server_fuzz: the kind of method, and what the peer speaks; what handlers do, behind its length; and steps. Those of
 * HTTP/2 are frames: kind, flags, stream, size, payload; from c0 on a message of gRPC.
 */
const servers = [
  '00 01 00 010401 00 c00101 01 78', // a unary call
  '00 02 2101 010401 00 c00101 01 78 010403 00 c00103 01 78', // two, of which the second fails
  '00 01 06 010401 00 c00101 01 78 030001 04 00000008', // one that is reset
  '00 00 012501 00', // one with a deadline that never becomes whole
  '00 00 0c0401 00 c00101 00 0d0403 00 c00103 00', // health: a check and a watch
  '00 01 00 010001 00 c00101 01 78 090401 00', // headers in two frames, with a frame between them
  '01 03 060600 010401 00 c00001 02 6162 c00101 01 63', // a stream of requests
  '02 04 12121214 010401 00 c00101 01 78', // a stream of replies
  '02 03 f2f2f4 040000 06 000400000010 010401 00 c00101 01 78 080001 04 00001000', // with a small window
  '03 06 030212221234 010401 00 c00001 01 78 c00001 01 79 c00101 01 7a', // both
  '03 02 0202 010401 00 c30001 10 00112233445566778899aabbccddeeff 070000 08 0000000000000000',
  '04 02 2100 0080 01 78 00e1 03 613d62 00c0 01 79', // TinyPB: steps are kind, flags, size, content
  '04 01 00 0c00 00 0e80 20 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20 0d03 01 78', // health, a long and a cut one
];

/** The same, of a peer that writes these. */
const bytesOfPeers = [
  ['PRI * HT', 'TP/2.0\r\n\r\nSM\r\n\r\n', '\0\0\0\x04\0\0\0\0\0'],
  ['GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n'],
  ['\x02\0\0\0', '\x1a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x03'],
  ['\x16\x03\x01\0\x05\x01\0\0\x01\0'],
];

const out = process.argv[2];
if (out === undefined) {
  console.error('usage: tsx test/fuzz/seed-h2.ts OUTDIR');
  process.exitCode = 2;
} else {
  for (const [index, blocks] of connections.entries()) {
    const bytes = blocks.map((hex) => Buffer.from(hex, 'hex'));
    write(
      out,
      'hpack_fuzz',
      index,
      Buffer.concat(bytes.flatMap((block) => [Buffer.from([block.length]), block])),
    );
  }
  for (const [index, hex] of frames.entries()) {
    write(out, 'frame_fuzz', index, Buffer.from(`05${hex.replaceAll(' ', '')}`, 'hex'));
  }
  for (const [index, hex] of sessions.entries()) {
    write(out, 'session_fuzz', index, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }
  for (const [index, hex] of clientSessions.entries()) {
    write(out, 'client_session_fuzz', index, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }
  for (const [index, hex] of servers.entries()) {
    write(out, 'server_fuzz', index, Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  }
  for (const [index, pieces] of bytesOfPeers.entries()) {
    const steps = pieces.map((piece) => String.fromCharCode(piece.length) + piece);
    write(out, 'server_fuzz', servers.length + index, Buffer.from(`\x08\0${steps.join('')}`, 'latin1'));
  }
}

function write(folder: string, target: string, index: number, input: Buffer): void {
  mkdirSync(path.join(folder, target), { recursive: true });
  writeFileSync(path.join(folder, target, `seed-${index}`), input);
}
