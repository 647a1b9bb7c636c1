import { type Checksum, encodeFrame, type Frame } from '../support/tinypb.ts';
import { type BodyPattern, expandPattern, type StoredFrame, sha256 } from './stored.ts';

type Fields = Partial<Omit<Frame, 'errInfo' | 'body'>> & { errInfo?: string; body?: Buffer | BodyPattern };

const orderRequest = Buffer.from('086412056170706c65', 'hex');
const orderResponse = Buffer.from('1a083230323330353134', 'hex');
const empty = Buffer.alloc(0);
/** A frame longer than this is stored without its body. */
const wholeFrameBytes = 4096;

const tableCodes: [code: number, name: string][] = [
  [10000000, 'peer-closed'],
  [10000001, 'failed-connect'],
  [10000002, 'failed-get-reply'],
  [10000003, 'failed-deserialize'],
  [10000004, 'failed-serialize'],
  [10000005, 'failed-encode'],
  [10000006, 'failed-decode'],
  [10000007, 'rpc-call-timeout'],
  [10000008, 'service-not-found'],
  [10000009, 'method-not-found'],
  [10000010, 'parse-service-name'],
  [10000011, 'rpc-channel-init'],
  [10000012, 'rpc-peer-addr'],
  ...Array.from({ length: 16 }, (_, index): [number, string] => [20000001 + index, `status-${index + 1}`]),
];

const foreignCodes: [code: number, name: string][] = [
  [1, 'application-1'],
  [-1, 'negative'],
  [2147483647, 'int32-max'],
  [-2147483648, 'int32-min'],
];

export function wellFormedVectors(): StoredFrame[] {
  const embedded = encodeFrame(fill({ msgId: 'inner', method: 'Order.makeOrder', body: orderRequest }));
  return [
    request('basic', { body: orderRequest }),
    response('basic', { body: orderResponse }),
    request('empty-body', {}),
    response('empty-body', {}),
    request('empty-msg-id', { msgId: '', body: orderRequest }),
    request('empty-method', { method: '', body: orderRequest }),
    request('empty-everything', { msgId: '', method: '' }),
    response('empty-everything', { msgId: '', method: '' }),
    request('nested-msg-id', { msgId: 'abc.1', body: orderRequest }),
    request('twice-nested-msg-id', { msgId: 'abc.1.zz', body: orderRequest }),
    request('package-in-method', { method: 'shop.v1.Order.makeOrder', body: orderRequest }),
    request('utf8-fields', { msgId: 'ид-1', method: 'Заказ.создать', body: orderRequest }),

    request('metadata', { errInfo: 'tenant=acme&trace-id=4bf92f3577b34da6', body: orderRequest }),
    request('metadata-percent-encoded', {
      errInfo: 'note=a%26b%3Dc%25%20d&user=J%C3%BCrgen',
      body: orderRequest,
    }),
    request('metadata-empty-value', { errInfo: 'flag=&tenant=acme', body: orderRequest }),
    response('metadata', { errInfo: 'cache=hit&server=a%3A1', body: orderResponse, checksum: 'crc32c' }),
    request('deadline', { errCode: 1500, body: orderRequest }),
    request('deadline-1-ms', { errCode: 1, body: orderRequest }),
    request('deadline-int32-max', { errCode: 2147483647, body: orderRequest }),
    request('negative-deadline', { errCode: -1, body: orderRequest }),

    request('checksum', { body: orderRequest, checksum: 'crc32c' }),
    response('checksum', { body: orderResponse, checksum: 'crc32c' }),
    request('checksum-empty-everything', { msgId: '', method: '', checksum: 'crc32c' }),
    request('everything', { errCode: 250, errInfo: 'tenant=acme', body: orderRequest, checksum: 'crc32c' }),
    response('checksum-error', { errCode: 10000008, errInfo: 'no service Nope', checksum: 'crc32c' }),

    request('body-of-start-bytes', { body: Buffer.alloc(32, 0x02) }),
    request('body-of-end-bytes', { body: Buffer.alloc(32, 0x03) }),
    request('body-with-markers', { body: Buffer.from('020302030202030303020000001a0302', 'hex') }),
    request('body-is-a-frame', { body: embedded }),
    response('body-is-two-frames', { body: Buffer.concat([embedded, embedded]), checksum: 'crc32c' }),

    request('99-byte-msg-id', { msgId: 'i'.repeat(99), body: orderRequest }),
    request('511-byte-method', { method: `S.${'m'.repeat(509)}`, body: orderRequest }),
    request('511-byte-err-info', { errInfo: `key=${'v'.repeat(507)}`, body: orderRequest }),
    response('511-byte-err-info', { errCode: 1, errInfo: 'e'.repeat(511) }),
    response('utf8-err-info', { errCode: 7, errInfo: '余额不足 — ошибка 💥' }),

    ...[...tableCodes, ...foreignCodes].map(([code, name]) =>
      response(`error-${name}`, { errCode: code, errInfo: `error ${name}` }),
    ),

    request('1k-body', { body: counting(1024) }),
    request('64k-body', { body: counting(65536), checksum: 'crc32c' }),
    response('64k-body', { body: counting(65536) }),
    request('1m-body', { body: counting(1048576) }),
    response('1m-body', { body: counting(1048576), checksum: 'crc32c' }),
  ];
}

function request(name: string, fields: Fields): StoredFrame {
  return store(`request-${name}`, 'request', fields);
}

function response(name: string, fields: Fields): StoredFrame {
  return store(`response-${name}`, 'response', fields);
}

function counting(length: number): BodyPattern {
  return { byte: '00..ff cycle', length };
}

function fill(fields: Fields): Frame & { errInfo: string; checksum: Checksum } {
  const body = fields.body ?? empty;
  return {
    msgId: fields.msgId ?? '20230514',
    method: fields.method ?? 'Order.makeOrder',
    errCode: fields.errCode ?? 0,
    errInfo: fields.errInfo ?? '',
    body: Buffer.isBuffer(body) ? body : expandPattern(body),
    checksum: fields.checksum ?? 'none',
  };
}

function store(name: string, kind: StoredFrame['kind'], fields: Fields): StoredFrame {
  const full = fill(fields);
  const frame = encodeFrame(full);
  const bodyAt = frame.length - 5 - full.body.length;
  const whole = frame.length <= wholeFrameBytes;
  return {
    name,
    kind,
    msgId: full.msgId,
    method: full.method,
    errCode: full.errCode,
    errInfo: full.errInfo,
    ...(fields.body === undefined || Buffer.isBuffer(fields.body)
      ? { bodyHex: full.body.toString('hex') }
      : { bodyPattern: fields.body, bodySha256: sha256(full.body) }),
    checksum: frame.readUInt32BE(frame.length - 5),
    ...(whole
      ? { frameHex: frame.toString('hex') }
      : {
          frameHeadHex: frame.toString('hex', 0, bodyAt),
          frameTailHex: frame.toString('hex', frame.length - 5),
        }),
    frameLength: frame.length,
    frameSha256: sha256(frame),
  };
}
