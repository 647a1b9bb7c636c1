export type { FullPolicy } from './addon/log-buffer.ts';
export type { BalancedEndpoint, Balancer, BalancerFactory } from './balance/balancer.ts';
export type { BalancerName } from './balance/balancers.ts';
export type { EjectionSettings } from './balance/ejection.ts';
export {
  type HealthCheckRequest,
  type HealthCheckResponse,
  healthService,
  ServingStatus,
} from './codec/health.ts';
export type { Longs } from './codec/int64.ts';
export { type LoadProtoOptions, type LooseServices, loadProto, type ServicesOf } from './codec/load-proto.ts';
export type { Compression } from './contract/compression.ts';
export type { EngineStats } from './contract/engine-stats.ts';
export type {
  AnyDetail,
  BadRequest,
  DebugInfo,
  ErrorDetail,
  ErrorInfo,
  Help,
  LocalizedMessage,
  PreconditionFailure,
  QuotaFailure,
  RequestInfo,
  ResourceInfo,
  RetryInfo,
} from './contract/error-details.ts';
export { RpcError, type RpcErrorOptions } from './contract/errors.ts';
export type {
  GenericMessageType,
  GenericMethodDefinition,
  GenericServiceDefinition,
  GrpcMethodDefinition,
  GrpcServiceDefinition,
} from './contract/foreign-service.ts';
export { Metadata, type MetadataInit } from './contract/metadata.ts';
export type { MetadataValue } from './contract/metadata-value.ts';
export type {
  AnyService,
  Bidi,
  ClientStream,
  DefinitionOf,
  MessageCodec,
  MethodDefinition,
  MethodKind,
  ServerStream,
  ServiceDefinition,
  Unary,
} from './contract/service.ts';
export type {
  ConfigDuration,
  ConfigStatus,
  HedgingPolicyConfig,
  MethodConfig,
  MethodConfigName,
  RetryPolicyConfig,
  ServiceConfig,
} from './contract/service-config.ts';
export { Status, type StatusName, type StatusNumber, statusNumbers } from './contract/status.ts';
export type { TlsVersion } from './contract/tls.ts';
export type { ClientProtocol, ReadyStrings } from './contract/transport.ts';
export { EtcdDiscovery, etcd } from './discovery/etcd/etcd.ts';
export type { RegisteredInstance } from './discovery/etcd/instances.ts';
export type { EtcdOptions, EtcdTls } from './discovery/etcd/options.ts';
export { LocalDiscovery } from './discovery/local-discovery.ts';
export type { RegisterOptions, Registration, RegistrationState, Registry } from './discovery/registry.ts';
export type { Discovery, Endpoint, Resolver, ResolverListener } from './discovery/resolver.ts';
export { createLogger, RocketLogger } from './log/create-logger.ts';
export type { LogFields } from './log/fields.ts';
export type { LevelName } from './log/levels.ts';
export type { LogDestinationOptions, LoggerOptions } from './log/log-options.ts';
export type { CallLog, Logger, LogWhat } from './log/logger.ts';
export type { FlushOptions, LogStats } from './log/open-log.ts';
export { type RocketDestination, rocketDestination } from './log/pino-destination.ts';
export type { AlternativeNames } from './rpc/alternative-names.ts';
export { currentCall } from './rpc/async-context.ts';
export type { CallContext } from './rpc/call-context.ts';
export type { CallCredentials, CredentialsRequest } from './rpc/call-credentials.ts';
export type { CallOptions } from './rpc/call-options.ts';
export { Channel, type WatchStateOptions } from './rpc/channel.ts';
export type { EndpointState } from './rpc/channel-endpoint.ts';
export type { ChannelOptions } from './rpc/channel-options.ts';
export type { ChannelState } from './rpc/channel-state.ts';
export type { ChannelStats } from './rpc/channel-stats.ts';
export { type Client, createClient } from './rpc/client.ts';
export type { ClientTlsIdentity, ClientTlsOptions } from './rpc/client-tls-options.ts';
export { engineStats } from './rpc/engine-stats.ts';
export type {
  ClientInterceptor,
  InterceptedClientCall,
  InterceptedServerCall,
  ServerInterceptor,
} from './rpc/interceptors.ts';
export type { CloseOptions, ListenOptions } from './rpc/listen-options.ts';
export type { Peer } from './rpc/peer.ts';
export type { PeerCertificate } from './rpc/peer-certificate.ts';
export type { ReadyOptions } from './rpc/ready-waiters.ts';
export type { ReplyStream, RequestStream } from './rpc/reply-stream.ts';
export type { RetryBudgetOptions, RetryOptions } from './rpc/retry-options.ts';
export {
  type ListenAddress,
  Server,
  type ServerStats,
} from './rpc/server.ts';
export type { SettableHealth } from './rpc/server-health.ts';
export type { CheckServerIdentity } from './rpc/server-judge.ts';
export type { HealthSettings, ServerOptions, ServerProtocol } from './rpc/server-options.ts';
export type {
  BidiHandler,
  ClientStreamHandler,
  Handler,
  Handlers,
  Replies,
  Requests,
  ServerStreamHandler,
} from './rpc/service-handlers.ts';
export type { TlsFileOptions } from './rpc/tls-files.ts';
export type { ServerTlsIdentity, ServerTlsOptions, TlsKey, TlsPfx } from './rpc/tls-options.ts';
export type { Pem } from './rpc/tls-values.ts';
export { uncompressed } from './rpc/uncompressed.ts';
