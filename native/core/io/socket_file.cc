#include "io/socket_file.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "io/socket.h"

namespace rocket::io {

SocketFile SocketFile::of(const Address& address) {
  SocketFile file;
  if (!address.is_unix_path()) return file;
  const auto* path = reinterpret_cast<const sockaddr_un*>(address.get())->sun_path;
  struct stat info {};
  if (::lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode)) return file;
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(path, failed);
  file.path_ = failed ? path : absolute.string();
  file.device_ = info.st_dev;
  file.inode_ = info.st_ino;
  return file;
}

SocketFile SocketFile::stale_at(const Address& address) {
  SocketFile file = of(address);
  if (file.empty()) return file;
  const int probe = open_stream_socket(AF_UNIX);
  if (probe < 0) return {};
  const bool refused = ::connect(probe, address.get(), address.length) != 0 && errno == ECONNREFUSED;
  ::close(probe);
  return refused ? file : SocketFile();
}

void SocketFile::remove() {
  struct stat info {};
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
  path_.clear();
}

}  // namespace rocket::io
