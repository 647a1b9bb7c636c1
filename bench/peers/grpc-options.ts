import { fileURLToPath } from 'node:url';

/** The .proto file every contender serves. */
export const orderProtoPath = fileURLToPath(new URL('../../proto/order.proto', import.meta.url));

/** Room for the 1 MiB bodies of the comparison; also the default of our server. */
const maxMessageBytes = 4 * 1024 * 1024;
/** Of grpc-js servers; nice-grpc hands them on. There is none for the size of a server's flow-control windows. */
export const grpcServerOptions = { 'grpc.max_receive_message_length': maxMessageBytes };

/** The .proto file of the streaming benches. */
export const feedProtoPath = fileURLToPath(new URL('../proto/feed.proto', import.meta.url));
/** With it a FeedItem has 100 bytes. */
export const feedText = 'x'.repeat(98);
