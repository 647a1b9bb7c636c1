#pragma once

#include <sys/types.h>

#include <string>

#include "io/address.h"

namespace rocket::io {

/// The file of a bound Unix socket. Removed only while it is still that file: another server may have put its own in
/// its place. Between that look and the removal there is a moment in which it may still do so; the system has no call
/// for both.
class SocketFile {
 public:
  SocketFile() = default;
  /// The file at the path that `address` was just bound to; empty for another kind of address.
  static SocketFile of(const Address& address);
  /// A file at that path whose socket nobody listens on any more, as a killed server leaves it behind; empty when there
  /// is none. A symbolic link is not followed.
  static SocketFile stale_at(const Address& address);

  bool empty() const { return path_.empty(); }
  const std::string& path() const { return path_; }
  /// To be called while the socket is open: its inode cannot be given to another file then.
  void remove();

 private:
  /// Absolute, as the process may change its folder.
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace rocket::io
