/** Messages of protos/grpc/testing/messages.proto, as far as the tests use them. */

export type Empty = Readonly<Record<string, never>>;

export interface BoolValue {
  readonly value?: boolean;
}

export interface Payload {
  readonly type?: number;
  readonly body?: Uint8Array;
}

export interface EchoStatus {
  readonly code?: number;
  readonly message?: string;
}

export interface SimpleRequest {
  readonly responseSize?: number;
  readonly payload?: Payload | null;
  readonly responseCompressed?: BoolValue | null;
  readonly responseStatus?: EchoStatus | null;
  readonly expectCompressed?: BoolValue | null;
  readonly fillServerId?: boolean;
}

export interface SimpleResponse {
  readonly payload?: Payload | null;
  readonly serverId?: string;
}

export interface StreamingInputCallRequest {
  readonly payload?: Payload | null;
  readonly expectCompressed?: BoolValue | null;
}

export interface StreamingInputCallResponse {
  readonly aggregatedPayloadSize?: number;
}

export interface ResponseParameters {
  readonly size?: number;
  readonly intervalUs?: number;
  readonly compressed?: BoolValue | null;
}

export interface StreamingOutputCallRequest {
  readonly responseParameters?: readonly ResponseParameters[];
  readonly payload?: Payload | null;
  readonly responseStatus?: EchoStatus | null;
}

export interface StreamingOutputCallResponse {
  readonly payload?: Payload | null;
}
