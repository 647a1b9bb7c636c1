#include "grpc/health.h"

#include "rpc/health.h"
#include "rpc/health_service.h"
#include "rpc/server.h"
#include "rpc/server_shard.h"

namespace rocket::grpc::health {

namespace {

constexpr std::string_view kService = "grpc.health.v1.Health";
/// The longest name of a watched service, since it is kept and looked up regularly.
constexpr std::size_t kMostWatchedBytes = 1024;
constexpr char kStatusField = 1 << 3;       // varint
constexpr char kLengthField1 = 1 << 3 | 2;  // HealthListResponse.statuses; an entry's key
constexpr char kLengthField2 = 2 << 3 | 2;  // an entry's value

constexpr rpc::NativeAnswer unreadable() {
  return {{rpc::Code::kInvalidArgument, rpc::Reason::kUnreadable}, "not a grpc.health.v1.HealthCheckRequest", {}};
}

void put_varint(std::string& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_bytes(std::string& out, char tag, std::string_view bytes) {
  out += tag;
  put_varint(out, bytes.size());
  out += bytes;
}

void put_entry(std::string& out, rpc::ServerShard& shard, std::string_view service, SteadyMs lag) {
  std::string entry;
  put_bytes(entry, kLengthField1, service);
  put_bytes(entry, kLengthField2, response(serving_of(shard, service, lag)));
  put_bytes(out, kLengthField1, entry);
}

}  // namespace

Serving serving_of(rpc::ServerShard& shard, std::string_view service, SteadyMs lag) {
  if (service == kService) service = {};
  switch (rpc::health::status_of(shard, service, lag)) {
    case rpc::health::Status::kServing: return Serving::kServing;
    case rpc::health::Status::kNotServing:
    case rpc::health::Status::kServingBlocked: return Serving::kNotServing;
    case rpc::health::Status::kServiceUnknown: return Serving::kServiceUnknown;
    case rpc::health::Status::kUnknown: break;
  }
  return Serving::kUnknown;
}

std::string response(Serving serving) { return {kStatusField, static_cast<char>(serving)}; }

rpc::NativeAnswer check(rpc::ServerShard& shard, ByteSpan request) {
  std::string_view service;
  if (!rpc::health::decode_request(request, service)) return unreadable();
  const Serving serving = serving_of(shard, service, shard.probe());
  if (serving == Serving::kServiceUnknown) return {{rpc::Code::kNotFound}, "the server has no such service", {}};
  return {{}, {}, response(serving)};
}

rpc::NativeAnswer list(rpc::ServerShard& shard, ByteSpan) {
  rpc::NativeAnswer answer;
  const SteadyMs lag = shard.probe();
  put_entry(answer.message, shard, {}, lag);
  for (const auto& service : shard.server().methods().services()) put_entry(answer.message, shard, service, lag);
  return answer;
}

rpc::NativeAnswer watched_service(rpc::ServerShard&, ByteSpan request) {
  std::string_view service;
  if (!rpc::health::decode_request(request, service)) return unreadable();
  if (service.size() > kMostWatchedBytes) {
    return {{rpc::Code::kInvalidArgument}, "the name of the watched service is over 1024 bytes", {}};
  }
  return {{}, {}, std::string(service)};
}

void add_to(rpc::MethodTable& methods) {
  methods.add_native("grpc.health.v1.Health.Check", &check);
  methods.add_native("grpc.health.v1.Health.List", &list);
  methods.add_native("grpc.health.v1.Health.Watch", &watched_service, rpc::MethodKind::kServerStream);
}

}  // namespace rocket::grpc::health
