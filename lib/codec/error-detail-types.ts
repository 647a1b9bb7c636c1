import protobuf from 'protobufjs';
import { type DetailType, detailTypes } from '../contract/error-details.ts';
import type { MessageType } from './message-type.ts';
import { ProtobufCodec } from './protobuf-codec.ts';
import { reflectedType } from './reflected-type.ts';

/**
 * google/rpc/status.proto and error_details.proto. Fields that are optional in ErrorDetail are optional here, which is
 * the same on the wire.
 */
const source = `
  syntax = "proto3";
  package google.rpc;
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message RetryInfo { Duration retry_delay = 1; }
  message DebugInfo { repeated string stack_entries = 1; string detail = 2; }
  message QuotaFailure {
    message Violation {
      string subject = 1;
      string description = 2;
      optional string api_service = 3;
      optional string quota_metric = 4;
      optional string quota_id = 5;
      map<string, string> quota_dimensions = 6;
      optional int64 quota_value = 7;
      optional int64 future_quota_value = 8;
    }
    repeated Violation violations = 1;
  }
  message PreconditionFailure {
    message Violation { string type = 1; string subject = 2; string description = 3; }
    repeated Violation violations = 1;
  }
  message BadRequest {
    message FieldViolation {
      string field = 1;
      string description = 2;
      optional string reason = 3;
      LocalizedMessage localized_message = 4;
    }
    repeated FieldViolation field_violations = 1;
  }
  message RequestInfo { string request_id = 1; optional string serving_data = 2; }
  message ResourceInfo {
    string resource_type = 1;
    string resource_name = 2;
    optional string owner = 3;
    string description = 4;
  }
  message Help {
    message Link { string description = 1; string url = 2; }
    repeated Link links = 1;
  }
  message LocalizedMessage { string locale = 1; string message = 2; }
`;

/** The codec of one of these message types. */
export interface DetailCodec {
  readonly type: MessageType;
  readonly codec: ProtobufCodec;
}

export interface DetailCodecs {
  readonly status: DetailCodec;
  readonly byType: ReadonlyMap<DetailType, DetailCodec>;
}

let made: DetailCodecs | undefined;

/** Made at the first use, since most processes never need it. */
export function detailCodecs(): DetailCodecs {
  if (made === undefined) {
    const { root } = protobuf.parse(source, new protobuf.Root());
    root.resolveAll();
    const codecOf = (name: string): DetailCodec => {
      const type = reflectedType(root.lookupType(`google.rpc.${name}`));
      return { type, codec: new ProtobufCodec(type, 'bigint', { unknownFields: 'error', base64: false }) };
    };
    made = {
      status: codecOf('Status'),
      byType: new Map(detailTypes.map((name) => [name, codecOf(name)])),
    };
  }
  return made;
}
