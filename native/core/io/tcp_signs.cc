#include "io/tcp_signs.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#if defined(__linux__)
#include <linux/sockios.h>
#endif

namespace rocket::io {

TcpSigns tcp_signs(int fd) {
  TcpSigns signs;
  int queued = 0;
#if defined(__APPLE__)
  socklen_t size = sizeof queued;
  if (::getsockopt(fd, SOL_SOCKET, SO_NWRITE, &queued, &size) != 0) queued = 0;
#else
  if (::ioctl(fd, SIOCOUTQ, &queued) != 0) queued = 0;
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) {
    signs.known = true;
    signs.ack_due = info.tcpi_unacked > 0 || info.tcpi_probes > 0;
    signs.since_ack = Millis(info.tcpi_last_ack_recv);
  }
#endif
  signs.unacknowledged = static_cast<std::size_t>(queued);
  return signs;
}

}  // namespace rocket::io
