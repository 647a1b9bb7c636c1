#include "tinypb/client_call.h"

#include <charconv>
#include <cstring>

namespace rocket::tinypb {

namespace {

constexpr char kDigits[] = "0123456789abcdef";
constexpr std::size_t kPrefixDigits = 8;
constexpr std::size_t kSlotDigits = 5;
constexpr std::size_t kGenerationDigits = 7;
static_assert(kPrefixDigits + kSlotDigits + kGenerationDigits == ClientCallTable::kMsgIdBytes);
static_assert(ClientCallTable::kMaxCalls == std::size_t{1} << (4 * kSlotDigits));
constexpr std::uint32_t kGenerationMask = (1u << (4 * kGenerationDigits)) - 1;
constexpr std::size_t kKeptTextBytes = 256;

void put_hex(char* out, std::size_t digits, std::uint32_t value) {
  for (std::size_t i = digits; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
}

bool read_hex(std::string_view text, std::uint32_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

ClientCallTable::ClientCallTable(Timer::Fire on_deadline, std::uint32_t random_prefix) : on_deadline_(on_deadline) {
  put_hex(prefix_.data(), prefix_.size(), random_prefix);
}

ClientCall* ClientCallTable::allocate() {
  if (free_.empty()) {
    if (slots_.size() == kMaxCalls) return nullptr;
    ClientCall& call = slots_.emplace_back(on_deadline_);
    call.slot = static_cast<std::uint32_t>(slots_.size() - 1);
    free_.add(call);
  }
  ClientCall& call = free_.take();
  call.generation = (call.generation + 1) & kGenerationMask;
  return &call;
}

void ClientCallTable::release(ClientCall& call) {
  if (!call.msg_id.empty()) {
    by_given_id_.erase(call.msg_id);
    call.msg_id.clear();
  }
  call.body = OwnedBytes();
  call.metadata.clear();
  if (call.metadata.capacity() > kKeptTextBytes) call.metadata.shrink_to_fit();
  call.link = nullptr;
  call.session = nullptr;
  free_.give_back(call);
}

bool ClientCallTable::claim(ClientCall& call, std::string_view msg_id) {
  if (by_given_id_.contains(msg_id)) return false;
  call.msg_id = msg_id;
  by_given_id_.emplace(call.msg_id, &call);
  return true;
}

void ClientCallTable::rename(ClientCall& call, std::string msg_id) {
  while (by_given_id_.contains(msg_id)) msg_id += '-';
  if (!call.msg_id.empty()) by_given_id_.erase(call.msg_id);
  call.msg_id = std::move(msg_id);
  by_given_id_.emplace(call.msg_id, &call);
}

ClientCallTable::MsgId ClientCallTable::fresh_id(const ClientCall& call) const {
  MsgId id;
  std::memcpy(id.data(), prefix_.data(), kPrefixDigits);
  put_hex(id.data() + kPrefixDigits, kSlotDigits, call.slot);
  put_hex(id.data() + kPrefixDigits + kSlotDigits, kGenerationDigits, call.generation);
  return id;
}

ClientCall* ClientCallTable::find(std::string_view msg_id) {
  if (msg_id.size() == kMsgIdBytes && std::memcmp(msg_id.data(), prefix_.data(), kPrefixDigits) == 0) {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    if (read_hex(msg_id.substr(kPrefixDigits, kSlotDigits), slot) &&
        read_hex(msg_id.substr(kPrefixDigits + kSlotDigits), generation) && slot < slots_.size()) {
      ClientCall& call = slots_[slot];
      const bool live = call.link != nullptr && call.generation == generation && call.msg_id.empty();
      return live ? &call : nullptr;
    }
  }
  const auto found = by_given_id_.find(msg_id);
  return found == by_given_id_.end() ? nullptr : found->second;
}

}  // namespace rocket::tinypb
