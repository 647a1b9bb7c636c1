/** The streams of the benches on @grpc/grpc-js, its messages by @grpc/proto-loader. Prints "listening PORT". */
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerWritableStream,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { collectOnSignal } from '../lib/collect-on-signal.ts';
import { feedProtoPath, feedText, grpcServerOptions } from './grpc-options.ts';

interface FeedRequest {
  readonly messages: number;
}
interface FeedItem {
  readonly text: string;
}

collectOnSignal();
const { Feed } = loadPackageDefinition(loadSync(feedProtoPath));
const server = new Server(grpcServerOptions);
server.addService((Feed as ServiceClientConstructor).service, {
  listen(call: ServerWritableStream<FeedRequest, FeedItem>) {
    let left = call.request.messages;
    const send = (): void => {
      while (left > 0 && !call.cancelled) {
        left--;
        if (call.write({ text: feedText })) continue;
        call.once('drain', send);
        return;
      }
      call.end();
    };
    send();
  },
  echo(call: ServerDuplexStream<FeedItem, FeedItem>) {
    call.on('data', (item: FeedItem) => call.write(item));
    call.on('end', () => call.end());
  },
  upload(call: ServerReadableStream<FeedItem, object>, callback: (error: null, summary: object) => void) {
    let bytes = 0;
    call.on('data', ({ text }: FeedItem) => {
      bytes += text.length;
    });
    call.on('end', () => callback(null, { bytes }));
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`listening ${port}`);
});
