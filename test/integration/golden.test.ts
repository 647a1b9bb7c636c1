import { describe, expect, it, onTestFinished } from 'vitest';
import { type CallContext, Channel, type MessageCodec, Server } from '../../lib/index.ts';
import { type GoldenVector, loadVectors } from '../golden/load.ts';
import { orderFrame, rawTo } from '../support/loopback.ts';
import { orderReplyBody, orderRequestBody } from '../support/order.ts';
import { startRawServer } from '../support/raw-server.ts';
import { encodeFrame, type ReceivedFrame } from '../support/tinypb.ts';
import { settled } from '../support/waits.ts';

const soonMs = 5000;
const vectors = loadVectors();
const requests = vectors.filter(({ kind }) => kind === 'request');
const responses = vectors.filter(({ kind }) => kind === 'response');
/** Methods with a dot in the middle; the others cannot be registered. */
const callable = requests.filter(({ method }) => /^.+\..+$/.test(method));

/** Bodies as they are, so that a vector's need not be a message. */
class RawBytes implements MessageCodec<Buffer> {
  #spilled: Buffer = Buffer.alloc(0);

  encodeInto(value: Buffer, into: Buffer, offset: number): number {
    if (offset + value.length > into.length) {
      this.#spilled = value;
      return -1;
    }
    into.set(value, offset);
    return offset + value.length;
  }

  spilled(): Buffer {
    return this.#spilled;
  }

  decode(buffer: Buffer, start: number, end: number): Buffer {
    return Buffer.from(buffer.subarray(start, end));
  }
}

const bytes = new RawBytes();

function methodOf(wireName: string) {
  return { name: wireName, wireName, request: bytes, response: bytes };
}

/** Serves every callable method of the vectors with `handler`. */
async function serve(handler: (body: Buffer, context: CallContext) => Buffer): Promise<number> {
  const server = new Server({ logger: false });
  const names = new Set(callable.map(({ method }) => method));
  const methods = Object.fromEntries([...names].map((name) => [name, methodOf(name)]));
  const handlers = Object.fromEntries([...names].map((name) => [name, handler]));
  server.addService({ name: 'golden', methods }, handlers);
  onTestFinished(() => server.close({ drainMs: 0 }));
  return (await server.listen('127.0.0.1:0')).port;
}

/** What a server must answer to a vector, if its handler returns `body`: the whole frame. */
function expectedReply(
  vector: GoldenVector,
  fields: { errCode: number; errInfo: string; body: Buffer },
): Buffer {
  const { msgId, method } = vector;
  return encodeFrame({ msgId, method, ...fields, checksum: vector.checksum === 1 ? 'none' : 'crc32c' });
}

function title({ source, name }: GoldenVector): string {
  return `${source} ${name}`;
}

describe('a server answers', () => {
  it.each(callable.map((vector) => [title(vector), vector] as const))('%s', async (_, vector) => {
    // The body as it came proves that every byte of it arrived.
    const port = await serve((body) => body);
    const raw = await rawTo(port);
    raw.send(vector.frame);
    const { raw: frame } = await raw.nextFrame(soonMs);
    const isExpired = vector.errCode === 1; // one millisecond: either answer is right
    const expected = expectedReply(vector, { errCode: 0, errInfo: '', body: vector.body });
    if (isExpired && !frame.equals(expected)) expect(frame.includes('deadline')).toBe(true);
    else expect(frame.equals(expected)).toBe(true);
  });

  it('each of the requests at once, on one connection', async () => {
    const port = await serve(() => orderReplyBody);
    const raw = await rawTo(port);
    const lasting = callable.filter(({ errCode }) => errCode !== 1);
    raw.send(Buffer.concat(lasting.map(({ frame }) => frame)));
    const replies = await raw.frames(lasting.length, soonMs);
    const fields = { errCode: 0, errInfo: '', body: orderReplyBody };
    const sorted = (frames: Buffer[]) => frames.map((frame) => frame.toString('hex')).sort();
    expect(sorted(replies.map(({ raw: frame }) => frame))).toEqual(
      sorted(lasting.map((vector) => expectedReply(vector, fields))),
    );
  });

  it.each(
    requests.filter((vector) => !callable.includes(vector)).map((vector) => [title(vector), vector] as const),
  )('a method it cannot parse: %s', async (_, vector) => {
    const port = await serve((body) => body);
    const raw = await rawTo(port);
    raw.send(vector.frame);
    expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: vector.msgId, errCode: 10000010 });
  });

  it('an old C++ client without checksum and metadata, whatever the handler sets', async () => {
    const port = await serve((body, context) => {
      context.responseMetadata.set('cache', 'hit');
      return body;
    });
    const raw = await rawTo(port);
    raw.send(orderFrame('20230514', { body: orderRequestBody }));
    const { raw: frame } = await raw.nextFrame(soonMs);
    expect(frame.toString('hex')).toBe(orderFrame('20230514', { body: orderRequestBody }).toString('hex'));
  });

  it.each([
    ['a deadline', { errCode: 5000 }],
    ['metadata', { errInfo: 'a=b' }],
  ])('a request with %s with response metadata', async (_, fields) => {
    const port = await serve((body, context) => {
      context.responseMetadata.set('cache', 'hit').set('server', 'a:1');
      return body;
    });
    const raw = await rawTo(port);
    raw.send(orderFrame('id', { ...fields, checksum: 'crc32c' }));
    const { raw: frame } = await raw.nextFrame(soonMs);
    const expected = orderFrame('id', { errInfo: 'cache=hit&server=a%3A1', checksum: 'crc32c' });
    expect(frame.toString('hex')).toBe(expected.toString('hex'));
  });
});

describe('a channel sends', () => {
  async function captured(
    call: (channel: Channel) => Promise<unknown>,
    checksum: boolean,
  ): Promise<ReceivedFrame> {
    const frames: ReceivedFrame[] = [];
    const server = await startRawServer((frame, connection) => {
      frames.push(frame);
      connection.reply(frame);
    });
    onTestFinished(() => server.close());
    const channel = new Channel(`127.0.0.1:${server.port}`, { checksum });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    await call(channel);
    expect(frames.length).toBe(1);
    return frames[0]!;
  }

  it.each([true, false])(
    'the frame the independent encoder makes of the same fields (checksum: %s)',
    async (checksum) => {
      const body = orderRequestBody;
      const metadata = { tenant: 'acme', note: 'a&b=c% d', user: 'Jürgen' };
      const frame = await captured(
        (channel) => channel.call(methodOf('Order.makeOrder'), body, { metadata, timeoutMs: 1500 }),
        checksum,
      );
      expect(frame.errInfo).toBe('tenant=acme&note=a%26b%3Dc%25%20d&user=J%C3%BCrgen');
      expect(frame.errCode).toBeGreaterThan(1000);
      expect(frame.errCode).toBeLessThanOrEqual(1500);
      expect(frame.msgId).toMatch(/^[\x21-\x7e]{1,99}$/);
      expect(frame.checksum === 1).toBe(!checksum);
      const again = encodeFrame({
        ...frame,
        method: 'Order.makeOrder',
        body,
        checksum: checksum ? 'crc32c' : 'none',
      });
      expect(again.equals(frame.raw)).toBe(true);
    },
  );

  it.each([65_536, 65_537, 1_048_576])('the same for a body of %i bytes', async (length) => {
    const body = Buffer.alloc(length, 'abc');
    const frame = await captured((channel) => channel.call(methodOf('Order.makeOrder'), body), true);
    expect(encodeFrame({ ...frame, body, checksum: 'crc32c' }).equals(frame.raw)).toBe(true);
  });
});

it.each(responses.map((vector) => [title(vector), vector] as const))(
  'a channel understands %s',
  async (_, vector) => {
    // The reply of the vector, but under the id of the request.
    const server = await startRawServer((frame, connection) => {
      const { method, errCode, errInfo, body, checksum } = vector;
      const kind = checksum === 1 ? 'none' : 'crc32c';
      connection.send(encodeFrame({ msgId: frame.msgId, method, errCode, errInfo, body, checksum: kind }));
    });
    onTestFinished(() => server.close());
    const channel = new Channel(`127.0.0.1:${server.port}`);
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const outcome = await settled(channel.call(methodOf('Order.makeOrder'), orderRequestBody), soonMs);
    if (vector.errCode !== 0) {
      const { errCode: wireCode, errInfo: message } = vector;
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'RpcError', wireCode, message } });
    } else {
      expect(outcome.status === 'fulfilled' && outcome.value.equals(vector.body)).toBe(true);
    }
  },
);
