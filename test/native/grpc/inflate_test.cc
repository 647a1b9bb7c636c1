// Against zlib's own output: made by Node.js with zlib.gzipSync() and zlib.deflateSync().
#include "grpc/inflate.h"

#include <gtest/gtest.h>

#include <string>

#include "support/hex.h"

namespace rocket::grpc {
namespace {

struct Packed {
  Encoding encoding;
  const char* digits;
  std::string text;
};

std::string numbers() {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "number " + std::to_string(i * i) + "; ";
  return text;
}

const Packed kPacked[] = {
    {Encoding::kGzip, "1f8b080000000000000303000000000000000000", ""},
    {Encoding::kDeflate, "789c030000000001", ""},
    {Encoding::kGzip, "1f8b0800000000000003e3e2cd2f4a492dd22b33d4f3073100ca09f8fd10000000", "\n\rorder.v1.Order"},
    {Encoding::kDeflate, "789ce3e2cd2f4a492dd22b33d4f3073100283e0533", "\n\rorder.v1.Order"},
    {Encoding::kDeflate, "7801010600f9ff73746f726564093c0292", "stored"},
    {Encoding::kGzip, "1f8b0800000000000003aba81805a360140c770000e6c9413be8030000", std::string(1000, 'x')},
    {Encoding::kGzip,
     "1f8b08000000000002034d944b4a06410c84afe211f27ee06d0497fe0bc1fb8b08936f17d2dda94a55cdbc7ebe3e3ebf"
     "dfe4fdedf55fe953c553ed9dd6535a3ea55f37ee6edd80b9a92ac032f4238002c40524302dd19fbbef16e0856d801b81"
     "fedcfdb49b937df30bb8857ee37e63ce60fe02778b3a80a80a3650c56aca9dd520863a550aca97d4b52878d18986433a"
     "41cde1a809555726c0e4de98cb4db31085536060c593e69be1b4058e93812bb8b981b53bf6f1c0a64e0dbca18e0f74f3"
     "85a221d03ae84238fc89807351f0349ae9630c52908f5406d099c040d49219cce6c9e24d09a69501a7f80154825b3558"
     "d7609f9664d8c1a01dea7442b76e28da0bad879ffe18fc99e0bfa2e0e90cdc5ee6600d09d94076b690aa9dbfbcfd02aa"
     "b8f7e5e6040000",
     numbers()},
    {Encoding::kDeflate,
     "780105c1c10d04210c03c0565c02b08103a51b4b79268f48eeff664ac9680c4729198de92825a3618e52321acf514a46"
     "631e4729198db51da56434bee32825a361cf514a46e398a3948cc69d8e52321a730c4729198db9a6a3948cc634739492"
     "d198e7394ac968cc771ca56434d6da8e52321a6b1f4729198d759fa3948cc6b7cc514a46e33bd3514a46c3c6709492d1"
     "309b8e52321a76cd514a4663afe72825a3b17fc7514a46e3aced2825a3717ec7514a46e3b79ea3948cc6ef9aa3948cc6"
     "b5e92825a3f1c6709492d178673a4ac968ccb1cc514a46638efb1ca56434e6dcc7514a4663aeb51da56434e67ac7514a"
     "46637ee7394ac9684c33739492d1987b4d4729198d79c6709492d198e74e4729198df93be62825a331af3d4729198df9"
     "bee32825a3b1c6da8e52321a6bcee32825a3b1d6788e52321aeb1be62825a3b16c4c4729198db5c7709492d158674c47"
     "29198df51be62825a3b1ee788e52321aebcde32825a3f18db51da56434bef91d4729198d6fd9739492d1f8be638e5232"
     "1a9fdde92825a3f19d311ca56434bedf9a8e52321adf35739492d1f8de798e52321a36de719492d1b0b5b6a3948c867d"
     "fb384ac96898dde72825a3616799a3948c86fdce749492d1b03786a3948cc61e361da56434f6bce62825a3b1bff51ca5"
     "6434b6fd8ea3948cc63e6b3b4ac968ecdfef384ac968ecb79ea3948cc619d71ca56434ceb2e92825a3716c0c4729198d"
     "b3cf749492d138bf658e52321ae7dee72825a3f11bfb384ac968fcd6da8e52321abfef1d4729198ddf3ecf514a46e3f7"
     "33739492d1f8bd351da56434ee1cc3514a46e3ae3b1da56434ae1d739492d1b8c79ea3948cc6bddf719492d178636d47"
     "29198db7e6719492d178369ea3948cc63bc31ca56434de1dd3f1074ed175c7",
     numbers()},
};

TEST(GrpcInflate, OpensWhatZlibHasMade) {
  for (const auto& [encoding, digits, text] : kPacked) {
    const auto bytes = test::hex(digits);
    std::string out;
    EXPECT_EQ(inflate(bytes, encoding, text.size(), out), Inflated::kWhole) << digits;
    EXPECT_EQ(out, text);
    if (text.empty()) continue;
    EXPECT_EQ(inflate(bytes, encoding, text.size() - 1, out), Inflated::kTooLarge) << digits;
    EXPECT_LE(out.size(), text.size() - 1);
  }
}

TEST(GrpcInflate, RefusesWhatIsCutOffOrChanged) {
  for (const auto& [encoding, digits, text] : kPacked) {
    const auto bytes = test::hex(digits);
    std::string out;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      // A copy, so that a read past it is seen.
      const test::Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_NE(inflate(part, encoding, 4096, out), Inflated::kWhole) << size << " bytes of " << digits;
    }
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      auto changed = bytes;
      changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ 1 << bit % 8);
      // The time and the system in a header say nothing.
      const bool whole = inflate(changed, encoding, 4096, out) == Inflated::kWhole;
      EXPECT_TRUE(!whole || out == text) << bit << " of " << digits;
      EXPECT_LE(out.size(), 4096U);
    }
  }
}

TEST(GrpcInflate, SkipsWhatAHeaderOfGzipMaySay) {
  // FEXTRA of two bytes, FNAME, FCOMMENT and FHCRC.
  const auto bytes = test::hex(
      "1f8b081e0000000000000200abcd6e00630000000300000000000000"
      "0000");
  std::string out;
  EXPECT_EQ(inflate(bytes, Encoding::kGzip, 10, out), Inflated::kWhole);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace rocket::grpc
