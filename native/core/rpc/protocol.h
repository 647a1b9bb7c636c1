#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "io/connection.h"
#include "rpc/call_session.h"
#include "rpc/method_table.h"

namespace rocket::rpc {

/// A protocol that a server can speak: an immutable object for the whole process. ServerOptions::protocols lists those
/// of a server; only native/addon knows which there are.
struct Protocol {
  enum class Match : std::uint8_t { kNo, kYes, kMore };

  std::string_view name;   ///< in options and stats
  std::string_view title;  ///< in errors and logs
  std::string_view alpn;   ///< its name in TLS
  /// The number of first bytes with which matches() always decides.
  std::size_t first_bytes;
  /// Whether a client that begins with these bytes speaks it. kMore: perhaps; more bytes are needed.
  Match (*matches)(ByteSpan first);
  /// Makes a session for such a connection. The bytes that were examined are offered to its on_bytes() like any others.
  std::unique_ptr<CallSession> (*make_session)(ServerShard& shard, std::shared_ptr<io::Connection> connection);
  /// Adds its own health service, natively answered; null: it has none.
  void (*add_natives)(MethodTable& methods);
  /// The names of the reasons for which a session rejects its input, as in stats (Server::count_rejected()).
  std::span<const std::string_view> rejections;
  /// The reason that is counted for a connection whose first bytes match no protocol of the server.
  std::size_t unmatched;
};

}  // namespace rocket::rpc
