#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/task.h"

namespace rocket::tls {

/// A server whose certificate is from an authority, and for which a handshake waits to be told whether it is the right
/// one. Belongs to the io thread.
class ServerQuestion {
 public:
  ServerQuestion(const io::Executor& executor, std::string der)
      : certificate(std::move(der)), waiting_(executor, io::SteadyTimer::time_point::max()) {}

  /// DER.
  const std::string certificate;

  /// Why it is not; empty: it is. Only the first answer counts.
  void answer(std::string refusal) {
    if (!refusal_) refusal_ = std::move(refusal);
    wake();
  }
  const std::optional<std::string>& refusal() const { return refusal_; }
  void wake() { waiting_.cancel(); }
  io::SteadyTimer& waiting() { return waiting_; }

 private:
  std::optional<std::string> refusal_;
  io::SteadyTimer waiting_;
};

/// Answers them, in place of OpenSSL's comparison of names.
class ServerJudge {
 public:
  /// An answer may come later, or never: the time for the handshake is limited.
  virtual void judge(const std::shared_ptr<ServerQuestion>& question) = 0;

 protected:
  ~ServerJudge() = default;
};

}  // namespace rocket::tls
