#include "grpc/inflate.h"

#include <zlib.h>

#include "base/weak.h"

extern "C" {
ROCKET_WEAK decltype(::inflateInit2_) inflateInit2_;
ROCKET_WEAK decltype(::inflate) inflate;
ROCKET_WEAK decltype(::inflateReset) inflateReset;
ROCKET_WEAK decltype(::inflateEnd) inflateEnd;
}

namespace rocket::grpc {

namespace {

/// Empty blocks cost time and add nothing to the output. So a message may be longer than its contents only by this
/// much, which is more than headers and stored blocks ever take.
constexpr std::size_t kMostOverhead = 4096;
/// Added to the window bits: accept a gzip header only.
constexpr int kGzipHeader = 16;

Inflated verdict(int result, const z_stream& stream, std::size_t bytes, std::size_t most) {
  if (result == Z_MEM_ERROR) return Inflated::kNoMemory;
  if (bytes > most) return Inflated::kTooLarge;
  return result == Z_STREAM_END && stream.avail_in == 0 ? Inflated::kWhole : Inflated::kCorrupt;
}

}  // namespace

const Zlib* zlib_of_process() {
  static const Zlib zlib{&::inflateInit2_, &::inflate, &::inflateReset, &::inflateEnd};
  const bool there = zlib.init != nullptr && zlib.inflate != nullptr && zlib.reset != nullptr && zlib.end != nullptr;
  return there ? &zlib : nullptr;
}

Inflated inflate(const Zlib* zlib, ByteSpan message, Encoding encoding, std::size_t most, std::string& out) {
  out.clear();
  if (zlib == nullptr) return Inflated::kUnavailable;
  if (message.size() > most + kMostOverhead) return Inflated::kTooLarge;
  const bool is_gzip = encoding == Encoding::kGzip;
  z_stream stream{};
  const int ready = zlib->init(&stream, MAX_WBITS + (is_gzip ? kGzipHeader : 0), ZLIB_VERSION, sizeof stream);
  if (ready != Z_OK) return ready == Z_MEM_ERROR ? Inflated::kNoMemory : Inflated::kUnavailable;
  // One byte more, to distinguish a message that is too large from one that just fits.
  out.resize(most + 1);
  stream.next_in = const_cast<Bytef*>(message.data());
  stream.avail_in = static_cast<uInt>(message.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  int result = zlib->inflate(&stream, Z_FINISH);
  // Several members of gzip are one message (RFC 1952, 2.2).
  while (is_gzip && result == Z_STREAM_END && stream.avail_in > 0 && zlib->reset(&stream) == Z_OK) {
    result = zlib->inflate(&stream, Z_FINISH);
  }
  zlib->end(&stream);
  out.resize(out.size() - stream.avail_out);
  const Inflated inflated = verdict(result, stream, out.size(), most);
  if (inflated != Inflated::kWhole) out.clear();
  return inflated;
}

}  // namespace rocket::grpc
