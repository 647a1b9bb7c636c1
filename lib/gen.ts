/** What the code made by `rocket gen` imports, as `rocket-rpc/gen`; not for use by hand. */
export { linkTypes, staticRuntime, staticService } from './codec/static-service.ts';
export { StaticTypes } from './codec/static-types.ts';
export type { CallContext } from './rpc/call-context.ts';
export type { CallOptions } from './rpc/channel-options.ts';
export type { MethodDefinition, ServiceDefinition } from './rpc/service.ts';
