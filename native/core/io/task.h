#pragma once

#include <chrono>
#include <system_error>

#include <asio/awaitable.hpp>
#include <asio/basic_stream_socket.hpp>
#include <asio/basic_waitable_timer.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

// asio's types for the one kind of executor used here. Its defaults accept any executor, for which every wait copies
// and compares type-erased executors.
namespace rocket::io {

using Executor = asio::io_context::executor_type;

template <typename T>
using Task = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> use_task{};

using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

/// Waits until the timer expires or is cancelled. The result must be awaited at once.
inline auto wait_for(SteadyTimer& timer, std::error_code& error) {
  return timer.async_wait(asio::redirect_error(use_task, error));
}

}  // namespace rocket::io
