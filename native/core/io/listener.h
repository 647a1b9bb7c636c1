#pragma once

#include <string>
#include <variant>

#include "io/address.h"
#include "io/socket_file.h"

namespace rocket::io {

struct ListenError {
  /// errno of the call that failed.
  int code = 0;
  /// Which call: `socket`, `bind` or `listen`.
  const char* step = "";
};

/// A bound and listening socket that is not yet accepting. Closes itself unless released.
class Listener {
 public:
  static std::variant<Listener, ListenError> open(const Address& address, int backlog);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  int release();
  /// TCP options that accepted sockets inherit.
  void set_stream_options();
  int family() const { return family_; }
  /// The address actually bound (port 0 resolved).
  std::string bound_text() const;
  /// The file to remove when the server closes; empty for IP.
  const SocketFile& file() const { return file_; }

 private:
  Listener(int fd, int family) : fd_(fd), family_(family) {}
  int fd_;
  int family_;
  SocketFile file_;
};

}  // namespace rocket::io
