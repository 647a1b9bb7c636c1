/** Cases of grpc's published interoperability tests that need no credentials of a cloud. */
export const caseNames = [
  'empty_unary',
  'large_unary',
  'client_compressed_unary',
  'server_compressed_unary',
  'client_streaming',
  'client_compressed_streaming',
  'server_streaming',
  'server_compressed_streaming',
  'ping_pong',
  'empty_stream',
  'custom_metadata',
  'status_code_and_message',
  'special_status_message',
  'unimplemented_method',
  'unimplemented_service',
  'cancel_after_begin',
  'cancel_after_first_response',
  'timeout_on_sleeping_server',
  'concurrent_large_unary',
  'pick_first_unary',
  'rpc_soak',
  'channel_soak',
] as const;

export type CaseName = (typeof caseNames)[number];

/** Those that ask for compression, or for an answer that tells of it. */
export const compressionCases: readonly CaseName[] = [
  'client_compressed_unary',
  'server_compressed_unary',
  'client_compressed_streaming',
  'server_compressed_streaming',
];
