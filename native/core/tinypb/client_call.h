#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/free_list.h"
#include "rpc/client_link.h"

namespace rocket::tinypb {

class ClientSession;
class ClientLink;

/// One call on its way through a ClientLink; lives on the link's io thread.
struct ClientCall : rpc::LinkedCall {
  using LinkedCall::LinkedCall;

  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  bool needs_ours = false;  ///< a C++ peer could not take its metadata; only until the request is encoded
  std::string msg_id;       ///< only when it was given, or changed; fresh ids are made from slot and generation
  ClientSession* session = nullptr;  ///< where the request was encoded to
  std::uint64_t frame_end = 0;       ///< position of the request's last byte in what the session's connection writes
  ClientCall* next_free = nullptr;
};

/// The call in a list of calls.
inline ClientCall& call_of(ListLink* at) { return static_cast<ClientCall&>(static_cast<rpc::CallLink&>(*at)); }

/// The calls of one link, and the way from a reply's msg_id back to its call.
///
/// A fresh msg_id is 20 characters, as long as the ids of C++ rocket: 8 that are random per link, 5 for the slot and
/// 7 for the slot's generation, in hexadecimal.
class ClientCallTable {
 public:
  static constexpr std::size_t kMsgIdBytes = 20;
  static constexpr std::size_t kMaxCalls = 1 << 20;

  ClientCallTable(Timer::Fire on_deadline, std::uint32_t random_prefix);

  /// Null when kMaxCalls are in flight.
  ClientCall* allocate();
  void release(ClientCall& call);
  /// Gives the call the msg_id it asks for; false (and a fresh one instead) when that id is already in flight here.
  bool claim(ClientCall& call, std::string_view msg_id);
  /// Gives the call that msg_id, or a longer one when it is in flight here, in place of the one it has.
  void rename(ClientCall& call, std::string msg_id);
  ClientCall* find(std::string_view msg_id);

  using MsgId = std::array<char, kMsgIdBytes>;
  MsgId fresh_id(const ClientCall& call) const;
  std::size_t in_use() const { return free_.taken(); }

 private:
  const Timer::Fire on_deadline_;
  std::array<char, 8> prefix_;
  std::deque<ClientCall> slots_;  // a deque: timers and lists point into it
  FreeList<ClientCall> free_;
  std::unordered_map<std::string_view, ClientCall*> by_given_id_;
};

}  // namespace rocket::tinypb
