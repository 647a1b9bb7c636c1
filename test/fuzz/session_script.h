#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "h2/frame.h"

/// Bytes of a fuzzer's input, in order; zeros once they are used up.
class FuzzInput {
 public:
  explicit FuzzInput(rocket::ByteSpan bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto value = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return value;
  }
  rocket::ByteSpan take(std::size_t most) {
    const auto front = bytes_.first(std::min(most, bytes_.size()));
    bytes_ = bytes_.subspan(front.size());
    return front;
  }

 private:
  rocket::ByteSpan bytes_;
};

/// Runs an input as a script: a row of steps, each a byte that says what is done and some more. A step is something
/// that the application does, or a frame of the peer with a head that is mostly right.
///
/// `act(what, which, much)`; `payload(what, type, content)` returns the payload of a frame; `say(frame)`.
template <typename Act, typename Payload, typename Say>
void run_script(rocket::ByteSpan bytes, Act act, Payload payload, Say say) {
  using namespace rocket::h2;
  FuzzInput input(bytes);
  for (int steps = 0; !input.empty() && steps < 300; ++steps) {
    const auto what = input.byte();
    if (what >= 128) {
      const auto which = input.byte();
      act(what, which, input.byte());
      continue;
    }
    const std::uint8_t type = what % 16 < 12 ? what % 16 % 11 : 1;
    const auto flags = input.byte();
    const std::uint32_t stream = what < 120 ? input.byte() % 40 : input.byte() * 0x01010101U;
    const std::vector<std::uint8_t> content = payload(what, type, input.take(input.byte()));
    std::vector<std::uint8_t> frame(kFrameHeadBytes);
    write_frame_head(frame.data(), content.size(), static_cast<FrameType>(type), flags, stream);
    frame.insert(frame.end(), content.begin(), content.end());
    say(frame);
  }
}
