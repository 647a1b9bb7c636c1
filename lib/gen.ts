/** Imported by the code that `rocket gen` generates, as `rocket-rpc/gen`; not meant for direct use. */
export { linkTypes, staticRuntime, staticService } from './codec/static-service.ts';
export { StaticTypes } from './codec/static-types.ts';
export type { MethodDefinition, ServiceDefinition } from './contract/service.ts';
export type { CallContext } from './rpc/call-context.ts';
export type { CallOptions } from './rpc/call-options.ts';
export type { ReplyStream, RequestStream } from './rpc/reply-stream.ts';
export type { Replies, Requests } from './rpc/service-handlers.ts';

declare const unknownValue: unique symbol;

/** A number that an enum does not declare: a peer with a newer .proto may send one, and it may be passed on. */
export type UnknownEnumValue = number & { readonly [unknownValue]: never };

/** A oneof with `Members`: the property `Name` says which one is set, if any; the others are null. */
export type Oneof<Name extends string, Members> =
  | {
      [Set in keyof Members]: { [Property in Name]: Set } & Pick<Members, Set> & {
          [Other in Exclude<keyof Members, Set>]: null;
        };
    }[keyof Members]
  | ({ [Property in Name]: undefined } & { [Other in keyof Members]: null });

/** At most one of `Members`; the property `Name` may be left out. */
export type OneofInit<Name extends string, Members> =
  | {
      readonly [Set in keyof Members]: { readonly [Property in Name]?: Set | undefined } & Readonly<
        Pick<Members, Set>
      > & { readonly [Other in Exclude<keyof Members, Set>]?: null | undefined };
    }[keyof Members]
  | ({ readonly [Property in Name]?: undefined } & { readonly [Other in keyof Members]?: null | undefined });
