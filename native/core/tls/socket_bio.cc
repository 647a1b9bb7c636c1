#include "tls/socket_bio.h"

#include "tls/stream.h"

namespace rocket::tls {

namespace {

Stream& stream_of(BIO* bio) { return *static_cast<Stream*>(BIO_get_data(bio)); }

int create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

int read_some(BIO* bio, char* into, std::size_t size, std::size_t* got) {
  BIO_clear_retry_flags(bio);
  *got = stream_of(bio).pull({reinterpret_cast<std::uint8_t*>(into), size});
  if (*got > 0) return 1;
  if (!stream_of(bio).below_ended()) BIO_set_retry_read(bio);
  return 0;
}

int write_all(BIO* bio, const char* from, std::size_t size, std::size_t* wrote) {
  BIO_clear_retry_flags(bio);
  if (!stream_of(bio).push({reinterpret_cast<const std::uint8_t*>(from), size})) return 0;
  *wrote = size;
  return 1;
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  return command == BIO_CTRL_EOF && stream_of(bio).below_ended() ? 1 : 0;
}

const BIO_METHOD* make_method() {
  const int index = BIO_get_new_index();
  BIO_METHOD* method = index < 0 ? nullptr : BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "rocket-rpc connection");
  if (method == nullptr) return nullptr;
  BIO_meth_set_create(method, &create);
  BIO_meth_set_read_ex(method, &read_some);
  BIO_meth_set_write_ex(method, &write_all);
  BIO_meth_set_ctrl(method, &control);
  return method;
}

}  // namespace

const BIO_METHOD* socket_bio_method() {
  // One method for the process, because OpenSSL has little more than a hundred indexes. It is never freed:
  // process.exit() runs static destructors while there are connections.
  static const BIO_METHOD* const method = make_method();
  return method;
}

}  // namespace rocket::tls
