#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/task.h"

namespace rocket::tls {

/// A question that a handshake waits for: whether a server, whose certificate comes from an authority, is the right
/// one. Belongs to the io thread.
class ServerQuestion {
 public:
  ServerQuestion(const io::Executor& executor, std::string der)
      : certificate(std::move(der)), waiting_(executor, io::SteadyTimer::time_point::max()) {}

  /// DER.
  const std::string certificate;

  /// `refusal`: why it is not the right server; empty: it is. Only the first answer counts.
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

/// Answers such questions, in place of OpenSSL's comparison of names.
class ServerJudge {
 public:
  /// The answer may come later, or never, because the time for the handshake is limited.
  virtual void judge(const std::shared_ptr<ServerQuestion>& question) = 0;

 protected:
  ~ServerJudge() = default;
};

}  // namespace rocket::tls
