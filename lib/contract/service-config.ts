// The service config of gRPC in its JSON form (grpc/service_config/service_config.proto of grpc-proto).
import type { StatusName, StatusNumber } from './status.ts';

/** Seconds as text, `'1.5s'`, or in two numbers. */
export type ConfigDuration =
  | string
  | {
      /** Whole seconds. */
      readonly seconds?: number;
      /** Nanoseconds in addition. */
      readonly nanos?: number;
    };

/** A status by its name, in any case, or its number. */
export type ConfigStatus = StatusName | Lowercase<StatusName> | StatusNumber;

/** The methods that an entry of `methodConfig` applies to; an empty one: all that no other entry names. */
export interface MethodConfigName {
  /** Full name of a service, with its package. */
  readonly service?: string;
  /** As in the .proto. Without it: all methods of the service. */
  readonly method?: string;
}

/** Which failed calls are repeated. Methods it is for may be handled twice without harm. */
export interface RetryPolicyConfig {
  /** Attempts in all, the first included; from 2, and 5 at most are made. */
  readonly maxAttempts: number;
  /** Pause before the second attempt. */
  readonly initialBackoff: ConfigDuration;
  /** The longest pause. */
  readonly maxBackoff: ConfigDuration;
  /** Ratio of each pause to the one before. */
  readonly backoffMultiplier: number;
  /** After these a call is repeated. */
  readonly retryableStatusCodes: readonly ConfigStatus[];
}

/** Makes a call several times at once and takes the first answer. Methods it is for may be handled several times without harm. */
export interface HedgingPolicyConfig {
  /** Attempts in all, the first included; from 2, and 5 at most are made. */
  readonly maxAttempts: number;
  /** Pause before each further attempt. Default: none, all begin at once. */
  readonly hedgingDelay?: ConfigDuration;
  /** With these codes only the attempt fails, and the next one begins at once; with any other code the call fails. */
  readonly nonFatalStatusCodes?: readonly ConfigStatus[];
}

/** The settings of some methods. */
export interface MethodConfig {
  /** Each name may occur only once in a config. */
  readonly name: readonly MethodConfigName[];
  /** For calls that do not set the option themselves. */
  readonly waitForReady?: boolean;
  /** Time limit of a call; a shorter one of the caller takes precedence. */
  readonly timeout?: ConfigDuration;
  /** Longest request, encoded, before compression; a call with a longer one fails with RESOURCE_EXHAUSTED. */
  readonly maxRequestMessageBytes?: number;
  /** Longest reply in the same sense; never more than `maxMessageBytes` of the channel. */
  readonly maxResponseMessageBytes?: number;
  /** Not together with `hedgingPolicy`. */
  readonly retryPolicy?: RetryPolicyConfig;
  /** Not together with `retryPolicy`. */
  readonly hedgingPolicy?: HedgingPolicyConfig;
}

/**
 * How clients call a service, as its operator sets it (https://github.com/grpc/grpc/blob/master/doc/service_config.md).
 */
export interface ServiceConfig {
  /** An older form of `loadBalancingConfig`: one name. */
  readonly loadBalancingPolicy?: string;
  /** Each object has one key, the name of a balancer. The first known one is used. */
  readonly loadBalancingConfig?: readonly Readonly<Record<string, object>>[];
  /** Settings by method; the most specific name takes precedence. */
  readonly methodConfig?: readonly MethodConfig[];
  /** Stops retries and hedging while too many calls fail. */
  readonly retryThrottling?: {
    /** Greater than 0, up to 1000. */
    readonly maxTokens: number;
    /** Greater than 0; three decimal places are used. */
    readonly tokenRatio: number;
  };
  /** Endpoints whose `grpc.health.v1` says that they do not serve are left out (gRFC A17). */
  readonly healthCheckConfig?: {
    /** The service whose health is watched. Default `''`: that of the whole server. */
    readonly serviceName?: string;
  };
}
