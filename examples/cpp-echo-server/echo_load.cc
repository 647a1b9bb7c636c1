#include "echo_load.h"

#include <cstdio>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/write.hpp>

#include "io/connect.h"
#include "io/spawn.h"

namespace rocket::echo {

namespace {

constexpr Millis kConnectTimeout{10'000};

/// Bytes that differ from those of every other caller and message, so that a mixed-up echo is detected.
void fill(std::vector<std::uint8_t>& message, std::uint32_t caller, std::uint32_t number) {
  std::uint32_t state = caller * 2654435761U + number * 40503U + 1;
  for (auto& byte : message) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
}

}  // namespace

EchoLoad::EchoLoad(io::IoThread& io, LoadPlan plan) : io_(io), plan_(std::move(plan)), running_(plan_.connections) {}

void EchoLoad::start() {
  io_.post([self = shared_from_this()] {
    for (std::uint32_t i = 0; i < self->plan_.connections; ++i) io::spawn(self->io_.context(), self, call(self, i));
  });
}

io::Task<void> EchoLoad::call(std::shared_ptr<EchoLoad> self, std::uint32_t caller) {
  const std::string failure = co_await echo_all(self, caller);
  self->caller_ended(failure);
}

io::Task<std::string> EchoLoad::echo_all(std::shared_ptr<EchoLoad> self, std::uint32_t caller) {
  const LoadPlan& plan = self->plan_;
  std::vector<io::Address> addresses(1, plan.server);
  auto reached = co_await io::connect(self->io_, std::move(addresses), kConnectTimeout);
  if (!reached.socket) co_return reached.error;
  io::StreamSocket socket = std::move(*reached.socket);
  self->caller_connected();
  std::vector<std::uint8_t> sent(plan.bytes);
  std::vector<std::uint8_t> got(plan.bytes);
  std::error_code error;
  for (std::uint32_t number = 0; number < plan.echoes; ++number) {
    fill(sent, caller, number);
    co_await asio::async_write(socket, asio::buffer(sent), asio::redirect_error(io::use_task, error));
    if (error) co_return "write: " + error.message();
    co_await asio::async_read(socket, asio::buffer(got), asio::redirect_error(io::use_task, error));
    if (error) co_return "read: " + error.message();
    if (got != sent) co_return "echo " + std::to_string(number) + " of caller " + std::to_string(caller) + " differs";
    self->result_.equal += 1;
  }
  co_return std::string();
}

void EchoLoad::caller_connected() {
  if (++connected_ < plan_.connections) return;
  std::puts("all connected");
  std::fflush(stdout);
}

void EchoLoad::caller_ended(const std::string& failure) {
  if (result_.failure.empty()) result_.failure = failure;
  if (--running_ == 0) done_.set_value(result_);
}

}  // namespace rocket::echo
