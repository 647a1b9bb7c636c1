import { defaultMaxFrameBytes, encodeFrame, type Frame, type MalformedReason } from '../support/tinypb.ts';
import type { StoredMalformed } from './stored.ts';

const int32Max = 2147483647;
const int32Min = -2147483648;
const empty = Buffer.alloc(0);

/** Every vector has one defect only, so that the order in which a decoder checks does not matter. */
export function malformedVectors(): StoredMalformed[] {
  return [...startBytes(), ...frameLengths(), ...fieldLengths(), ...endBytes(), ...checksums()];
}

function startBytes(): StoredMalformed[] {
  const good = build({});
  return [
    malformed('six-bytes', 'bad_start_byte', Buffer.from('030200000000', 'hex')),
    malformed('stray-zero-before-a-frame', 'bad_start_byte', Buffer.concat([Buffer.from([0]), good])),
    malformed('stray-end-byte-before-a-frame', 'bad_start_byte', Buffer.concat([Buffer.from([3]), good])),
    malformed('frame-without-start-byte', 'bad_start_byte', good.subarray(1)),
    malformed('one-wrong-byte', 'bad_start_byte', Buffer.from([0xff])),
    malformed('http', 'bad_start_byte', Buffer.from('GET / HTTP/1.1\r\n\r\n')),
  ];
}

function frameLengths(): StoredMalformed[] {
  const tooLong = build({ body: Buffer.alloc(64) });
  tooLong.writeInt32BE(defaultMaxFrameBytes + 1, 1);
  return [
    malformed('length-25', 'frame_too_short', header(25)),
    malformed(
      'length-25-whole',
      'frame_too_short',
      Buffer.concat([header(25), Buffer.alloc(19), Buffer.from([3])]),
    ),
    malformed('length-5', 'frame_too_short', header(5)),
    malformed('length-zero', 'frame_too_short', header(0)),
    malformed('length-minus-1', 'frame_too_short', header(-1)),
    malformed('length-int32-min', 'frame_too_short', header(int32Min)),
    malformed('length-max-plus-1', 'frame_too_long', header(defaultMaxFrameBytes + 1)),
    malformed('length-max-plus-1-and-bytes', 'frame_too_long', tooLong),
    malformed('length-int32-max', 'frame_too_long', header(int32Max)),
  ];
}

function fieldLengths(): StoredMalformed[] {
  // What may be empty behind the field is, so that one byte more leaves too few for the fixed fields.
  const targets: [field: string, frame: Buffer, lengthAt: number, length: number][] = [
    ['msg-id', build({ method: '' }), 5, 4],
    ['method', build({}), 13, 15],
    ['err-info', build({ errInfo: 'key=value' }), 36, 9],
  ];
  const vectors = targets.flatMap(([field, frame, lengthAt, length]) => {
    const values: [name: string, value: number][] = [
      ['minus-1', -1],
      ['int32-min', int32Min],
      ['int32-max', int32Max],
      ['one-too-large', length + 1],
      ['of-the-whole-frame', frame.length],
    ];
    if (frame.readInt32BE(lengthAt) !== length) throw new Error(`${field}_len is not where it should be`);
    return values.map(([name, value]) => {
      const patched = Buffer.from(frame);
      patched.writeInt32BE(value, lengthAt);
      return malformed(`${field}-length-${name}`, 'bad_field_length', patched);
    });
  });
  // What err_info lacks of its 9 bytes could be taken from the frame behind, but not from its own.
  const cut = build({ errInfo: 'key=v' });
  cut.writeInt32BE(9, 36);
  const overlapping = Buffer.concat([cut, build({})]);
  return [...vectors, malformed('err-info-length-into-the-next-frame', 'bad_field_length', overlapping)];
}

function endBytes(): StoredMalformed[] {
  const inner = build({});
  const withEnd = (byte: number, fields: Partial<Frame>): Buffer => {
    const frame = build(fields);
    frame[frame.length - 1] = byte;
    return frame;
  };
  return [
    malformed('end-byte-zero', 'bad_end_byte', withEnd(0, {})),
    malformed('end-byte-is-start-byte', 'bad_end_byte', withEnd(2, {})),
    malformed('end-byte-with-checksum', 'bad_end_byte', withEnd(0xff, { checksum: 'crc32c' })),
    malformed('end-byte-after-a-frame-in-the-body', 'bad_end_byte', withEnd(0, { body: inner })),
    malformed('end-byte-zero-before-a-frame', 'bad_end_byte', Buffer.concat([withEnd(0, {}), inner])),
  ];
}

function checksums(): StoredMalformed[] {
  const good = build({ errInfo: 'key=value', body: Buffer.from('body'), checksum: 'crc32c' });
  const flipped = (at: number): Buffer => {
    const frame = Buffer.from(good);
    frame[at] = (frame[at] ?? 0) ^ 0x01;
    return frame;
  };
  return [
    malformed('checksum-zero', 'bad_checksum', build({ checksum: 0 })),
    malformed('checksum-two', 'bad_checksum', build({ checksum: 2 })),
    malformed('checksum-all-ones', 'bad_checksum', build({ checksum: 0xffffffff })),
    malformed('checksum-bit-flipped', 'bad_checksum', flipped(good.length - 2)),
    malformed('checksum-msg-id-flipped', 'bad_checksum', flipped(good.indexOf('2023'))),
    malformed('checksum-method-flipped', 'bad_checksum', flipped(good.indexOf('Order'))),
    malformed('checksum-err-info-flipped', 'bad_checksum', flipped(good.indexOf('key='))),
    malformed('checksum-body-flipped', 'bad_checksum', flipped(good.indexOf('body'))),
  ];
}

function malformed(name: string, reason: MalformedReason, frame: Buffer): StoredMalformed {
  const frameHex = frame.toString('hex');
  return { name: `malformed-${name}`, kind: 'malformed', reason, frameHex, frameLength: frame.length };
}

function build(fields: Partial<Frame>): Buffer {
  const method = 'Order.makeOrder';
  return encodeFrame({
    msgId: '2023',
    method,
    errCode: 0,
    errInfo: '',
    body: empty,
    checksum: 'none',
    ...fields,
  });
}

function header(length: number): Buffer {
  const bytes = Buffer.from([2, 0, 0, 0, 0]);
  bytes.writeInt32BE(length, 1);
  return bytes;
}
