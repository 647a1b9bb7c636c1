/** Our server with the streams of the benches. Prints "listening PORT". */
import { type Bidi, type ClientStream, loadProto, Server, type ServerStream } from '../../lib/index.ts';
import { collectOnSignal } from '../lib/collect-on-signal.ts';
import { feedProtoPath, feedText } from '../peers/grpc-options.ts';

interface FeedItem {
  text?: string;
}
interface Services {
  Feed: {
    listen: ServerStream<{ messages?: number }, FeedItem>;
    echo: Bidi<FeedItem, FeedItem>;
    upload: ClientStream<FeedItem, { bytes?: number }>;
  };
}

collectOnSignal();
const { Feed } = loadProto<Services>(feedProtoPath);
const server = new Server({ ioThreads: 1 });
server.addService(Feed, {
  async *listen({ messages = 0 }) {
    for (let left = messages; left > 0; left--) yield { text: feedText };
  },
  async *echo(items) {
    for await (const item of items) yield item;
  },
  async upload(items) {
    let bytes = 0;
    for await (const { text } of items) bytes += text?.length ?? 0;
    return { bytes };
  },
});
const { port } = await server.listen('127.0.0.1:0');
console.log(`listening ${port}`);
