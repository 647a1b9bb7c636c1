import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** Of bench/proto/feed.proto. */
export interface FeedItem {
  readonly text?: string;
}

/** The streams of a library's client, all on one connection. */
export interface FeedClient {
  /** Reads a stream without end. Rejects when it ends. */
  listen(messages: number, onItem: (item: FeedItem) => void): Promise<void>;
  /** Sends the items in one stream. Resolves to how many bytes of text the server has got. */
  upload(items: Iterable<FeedItem>): Promise<number>;
}

/** What a client process prints as its last line. */
export interface FeedReport {
  readonly seconds: number;
  /** That came in the window; of `upload`, all that the server has got. */
  readonly messages: number;
  readonly messagesPerSecond: number;
  /** CPU time of the client process, all its threads. */
  readonly clientCpuMicrosPerMessage: number;
  /** Of text. */
  readonly bytesPerSecond: number;
}

/** Without its tag and length. */
const listenedTextBytes = 98;
const endless = 2 ** 31 - 1;
/** Of an upload's items. */
const uploadedTextBytes = 32 * 1024;

interface FeedOptions {
  readonly method: 'listen' | 'upload';
  /** Of `listen`, all at once. */
  readonly streams: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** `127.0.0.1:port`. */
export function feedAddress(): string {
  return `127.0.0.1:${given().port}`;
}

function given(): Record<string, string | undefined> {
  const option = { type: 'string' } as const;
  const options = { port: option, method: option, streams: option, seconds: option, warmup: option };
  return parseArgs({ options }).values;
}

/**
 * Does what `--method`, `--streams`, `--seconds` and `--warmup` say; prints "measuring", "done" and a report, and ends
 * the process, whose streams have no end of their own.
 */
export async function runFeed(client: FeedClient): Promise<never> {
  const { method, streams, seconds, warmup } = given();
  if (method !== 'listen' && method !== 'upload') throw new RangeError('--method: listen or upload');
  const run = method === 'listen' ? listen : upload;
  const report = await run(client, {
    method,
    streams: Number(streams ?? 1),
    seconds: Number(seconds ?? 2),
    warmupSeconds: Number(warmup ?? 1),
  });
  console.log(JSON.stringify(report));
  process.exit();
}

async function listen(
  client: FeedClient,
  { streams, seconds, warmupSeconds }: FeedOptions,
): Promise<FeedReport> {
  let received = 0;
  const onItem = ({ text }: FeedItem): void => {
    if (text?.length !== listenedTextBytes) throw new Error(`an item of ${text?.length} bytes`);
    received++;
  };
  const ended = Promise.race(Array.from({ length: streams }, () => client.listen(endless, onItem))).then(
    () => {
      throw new Error('a stream has ended');
    },
  );
  await Promise.race([ended, sleep(warmupSeconds * 1000)]);
  const window = openWindow();
  const before = received;
  await Promise.race([ended, sleep(seconds * 1000)]);
  return window.close(received - before, listenedTextBytes);
}

/** The window ends when the server has answered, so that nothing counts that is still on its way. */
async function upload(client: FeedClient, { seconds, warmupSeconds }: FeedOptions): Promise<FeedReport> {
  await client.upload(itemsFor(warmupSeconds));
  const window = openWindow();
  const bytes = await client.upload(itemsFor(seconds));
  return window.close(bytes / uploadedTextBytes, uploadedTextBytes);
}

function* itemsFor(seconds: number): Iterable<FeedItem> {
  const item = { text: 'x'.repeat(uploadedTextBytes) };
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) yield item;
}

function openWindow(): { close(messages: number, textBytes: number): FeedReport } {
  console.log('measuring');
  const openedMs = performance.now();
  const opened = process.cpuUsage();
  return {
    close(messages, textBytes) {
      const seconds = (performance.now() - openedMs) / 1000;
      const { user, system } = process.cpuUsage(opened);
      console.log('done');
      if (messages === 0) throw new Error('no message came');
      return {
        seconds,
        messages,
        messagesPerSecond: messages / seconds,
        bytesPerSecond: (messages * textBytes) / seconds,
        clientCpuMicrosPerMessage: (user + system) / messages,
      };
    },
  };
}
