#pragma once

#include <sys/types.h>

#include <string>

#include "io/address.h"

namespace rocket::io {

/// The file of a bound Unix socket. Removed only while it is still that file: another server may have replaced it. That
/// can still happen between the check and the removal; there is no system call that does both.
class SocketFile {
 public:
  SocketFile() = default;
  /// The file at the path that `address` was just bound to; empty for another kind of address.
  static SocketFile of(const Address& address);
  /// A file at that path whose socket has no listener any more, as left behind by a killed server; empty if there is
  /// none. A symbolic link is not followed.
  static SocketFile stale_at(const Address& address);

  bool empty() const { return path_.empty(); }
  const std::string& path() const { return path_; }
  /// To be called while the socket is open: its inode cannot be given to another file then.
  void remove();

 private:
  /// Absolute, because the process may change its working directory.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace rocket::io
