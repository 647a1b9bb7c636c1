#include "support/vectors.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace rocket::test {

namespace {

class FieldReader {
 public:
  explicit FieldReader(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  bool at_end() const { return at_ == bytes_.size(); }
  std::string next() {
    if (bytes_.size() - at_ < 4) throw std::runtime_error("the vector file is cut off");
    std::uint32_t size;
    std::memcpy(&size, bytes_.data() + at_, 4);  // little-endian, as every machine this is built for
    at_ += 4;
    if (bytes_.size() - at_ < size) throw std::runtime_error("the vector file is cut off");
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

std::vector<Vector> load() {
  const char* path = std::getenv("ROCKET_VECTORS");
  if (path == nullptr) throw std::runtime_error("ROCKET_VECTORS is not set: run this through scripts/native-tests.mjs");
  FieldReader fields(path);
  std::vector<Vector> vectors;
  while (!fields.at_end()) {
    Vector& vector = vectors.emplace_back();
    vector.name = fields.next();
    vector.kind = fields.next();
    vector.reason = fields.next();
    vector.msg_id = fields.next();
    vector.method = fields.next();
    vector.err_code = std::stoi(fields.next());
    vector.err_info = fields.next();
    vector.checksum = static_cast<std::uint32_t>(std::stoul(fields.next()));
    const std::string body = fields.next();
    vector.body.assign(body.begin(), body.end());
    const std::string frame = fields.next();
    vector.frame.assign(frame.begin(), frame.end());
  }
  return vectors;
}

}  // namespace

const std::vector<Vector>& golden_vectors() {
  static const std::vector<Vector> vectors = load();
  return vectors;
}

}  // namespace rocket::test
