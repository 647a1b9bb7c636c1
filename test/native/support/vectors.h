#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/raw_peer.h"

namespace rocket::test {

/// A golden vector (test/golden/flat.ts says what its fields are).
struct Vector {
  std::string name;
  std::string kind;
  std::string reason;
  std::string msg_id;
  std::string method;
  std::int32_t err_code = 0;
  std::string err_info;
  std::uint32_t checksum = 0;
  Bytes body;
  Bytes frame;

  bool malformed() const { return kind == "malformed"; }
};

/// Those of the file named by ROCKET_VECTORS; throws when there is none.
const std::vector<Vector>& golden_vectors();

}  // namespace rocket::test
