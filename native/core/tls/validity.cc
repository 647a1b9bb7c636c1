#include "tls/validity.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>

namespace rocket::tls {

UnixSeconds unix_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

UnixSeconds seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  const std::chrono::year_month_day day(std::chrono::year(parts.tm_year + 1900),
                                        std::chrono::month(static_cast<unsigned>(parts.tm_mon) + 1),
                                        std::chrono::day(static_cast<unsigned>(parts.tm_mday)));
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return ((days * 24 + parts.tm_hour) * 60 + parts.tm_min) * 60 + parts.tm_sec;
}

UnixSeconds checked_until(const SSL* ssl) {
  UnixSeconds until = std::numeric_limits<UnixSeconds>::max();
  const STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    until = std::min(until, seconds_of(X509_get0_notAfter(sk_X509_value(chain, i))));
  }
  return until;
}

}  // namespace rocket::tls
