/** Our client of the streams of the benches, by gRPC. See runFeed(). */
import { Channel, type ClientStream, createClient, loadProto, type ServerStream } from '../../lib/index.ts';
import { feedProtoPath } from '../peers/grpc-options.ts';
import { type FeedItem, feedAddress, runFeed } from './feed-loop.ts';

interface Services {
  Feed: {
    listen: ServerStream<{ messages?: number }, FeedItem>;
    upload: ClientStream<FeedItem, { bytes?: number | bigint | string }>;
  };
}

const { Feed } = loadProto<Services>(feedProtoPath);
const channel = new Channel(`grpc://${feedAddress()}`, { ioThreads: 1, connections: 1 });
const feed = createClient(Feed, channel);
await runFeed({
  async listen(messages, onItem) {
    for await (const item of feed.listen({ messages }, { waitForReady: true })) onItem(item);
  },
  async upload(items) {
    const { bytes } = await feed.upload(items, { waitForReady: true });
    return Number(bytes);
  },
});
