#include "rpc/server_call.h"

namespace rocket::rpc {

namespace {

/// A slot keeps its string's memory for the next call, up to this much.
constexpr std::size_t kKeptMsgIdBytes = 128;

}  // namespace

ServerCallTable::~ServerCallTable() {
  for (std::size_t i = 0; i < chunk_count_; ++i) {
    Slot* slots = chunks_[i].load(std::memory_order_relaxed);
    for (std::size_t k = 0; k < kChunkCalls; ++k) slots[k].call.~ServerCall();
    delete[] slots;
  }
}

bool ServerCallTable::grow() {
  if (chunk_count_ == kMaxChunks) return false;
  auto* slots = new Slot[kChunkCalls];
  for (std::size_t k = kChunkCalls; k-- > 0;) {
    auto* call = new (&slots[k].call) ServerCall(on_deadline_);
    const auto slot = static_cast<std::uint32_t>(chunk_count_ * kChunkCalls + k);
    call->id = CallId::first(io_thread_, slot);
    free_.add(*call);
  }
  chunks_[chunk_count_++].store(slots, std::memory_order_release);
  return true;
}

ServerCall* ServerCallTable::allocate() {
  if (free_.empty() && !grow()) return nullptr;
  ServerCall* call = &free_.take();
  if (!free_.empty()) prefetch(free_.next());
  ++call->id.high;
  call->answered.store(false, std::memory_order_relaxed);
  call->counted_out = false;
  call->direct_bytes = 0;
  call->in_use = true;
  return call;
}

void ServerCallTable::release(ServerCall& call) {
  call.in_use = false;
  call.connection = nullptr;
  call.kept_connection.reset();
  call.session = nullptr;
  call.consumer = nullptr;
  if (call.msg_id.capacity() > kKeptMsgIdBytes) std::string().swap(call.msg_id);
  free_.give_back(call);
}

ServerCall* ServerCallTable::find(CallId id) {
  if (id.slot() >= chunk_count_ * kChunkCalls) return nullptr;
  ServerCall& call = held(id);
  return call.in_use && call.id.high == id.high ? &call : nullptr;
}

}  // namespace rocket::rpc
