import { fileURLToPath } from 'node:url';

/** The .proto file every contender serves. */
export const orderProtoPath = fileURLToPath(new URL('../../proto/order.proto', import.meta.url));

/** Room for the 1 MiB bodies of the comparison; also the default of our server. */
const maxMessageBytes = 4 * 1024 * 1024;
/** A whole 1 MiB request fits. Connect's own server takes it; grpc-js has no such option for servers. */
export const flowControlWindowBytes = 4 * 1024 * 1024;

/** Of grpc-js servers; nice-grpc hands them on. */
export const grpcServerOptions = { 'grpc.max_receive_message_length': maxMessageBytes };
