/** The client of @grpc/grpc-js of the streams of the benches, its messages by @grpc/proto-loader. See runFeed(). */
import {
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { feedProtoPath } from '../peers/grpc-options.ts';
import { type FeedItem, feedAddress, runFeed } from './feed-loop.ts';

interface Summary {
  readonly bytes: { toString(): string };
}
interface Streams {
  listen(request: { readonly messages: number }): ClientReadableStream<FeedItem>;
  upload(callback: (error: ServiceError | null, summary: Summary) => void): ClientWritableStream<FeedItem>;
}

const Feed = loadPackageDefinition(loadSync(feedProtoPath))['Feed'] as ServiceClientConstructor;
const feed = new Feed(feedAddress(), credentials.createInsecure()) as unknown as Streams;
await runFeed({
  listen: (messages, onItem) =>
    new Promise((resolve, reject) => {
      feed.listen({ messages }).on('data', onItem).on('end', resolve).on('error', reject);
    }),
  upload: (items) =>
    new Promise((resolve, reject) => {
      const call = feed.upload((error, summary) =>
        error === null ? resolve(Number(summary.bytes)) : reject(error),
      );
      const iterator = items[Symbol.iterator]();
      const send = (): void => {
        for (;;) {
          const { done, value } = iterator.next();
          if (done) return void call.end();
          if (call.write(value)) continue;
          call.once('drain', send);
          return;
        }
      };
      send();
    }),
});
