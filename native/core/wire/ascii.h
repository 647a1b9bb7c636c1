#pragma once

#include "base/bytes.h"

namespace rocket::wire {

/// True when `message` is a protobuf message (https://protobuf.dev/programming-guides/encoding/) all of whose
/// length-delimited fields, so all its strings, hold ASCII only. False also when that cannot be told: for groups,
/// malformed bytes, and packed numbers or nested messages with a byte over 127. Reads each byte about once.
bool text_is_ascii(ByteSpan message);

}  // namespace rocket::wire
