#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "rpc/inbox_port.h"
#include "rpc/method_table.h"

namespace rocket::rpc {

class ServerShard;

/// One JavaScript environment that handles the calls of a server. Immutable.
class Consumer {
 public:
  /// `number`: its number for the server; `methods`: its numbers for the methods, by Method::index.
  Consumer(std::int32_t number, std::shared_ptr<Inbox> inbox, std::vector<std::int32_t> methods)
      : number_(number), inbox_(std::move(inbox)), methods_(std::move(methods)) {}

  std::int32_t number() const { return number_; }
  const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
  std::int32_t number_of(const Method& method) const { return methods_[static_cast<std::size_t>(method.index)]; }

 private:
  const std::int32_t number_;
  const std::shared_ptr<Inbox> inbox_;
  const std::vector<std::int32_t> methods_;
};

/// A consumer as one shard sees it. Outlives the calls it was given there. Belongs to the shard's io thread.
struct ShardConsumer {
  ShardConsumer(ServerShard& at, std::shared_ptr<const Consumer> of, std::shared_ptr<InboxPort> through)
      : shard(at), consumer(std::move(of)), port(std::move(through)) {}

  ServerShard& shard;
  const std::shared_ptr<const Consumer> consumer;
  const std::shared_ptr<InboxPort> port;
  std::size_t calls = 0;  ///< calls that are admitted and not released
};

}  // namespace rocket::rpc
