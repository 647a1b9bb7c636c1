#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rocket::rpc {

class MethodTable;

/// The statuses set by the application: whether each service, and the server as a whole, is serving. The names are
/// those of the method table and never change; JavaScript writes, any io thread reads.
class ServiceHealth {
 public:
  explicit ServiceHealth(const MethodTable& methods);

  /// Empty: the server as a whole and all services. An unknown name changes nothing.
  void set(std::string_view service, bool serving);
  /// Empty: the server as a whole. An unknown service has the status of the server.
  bool serving(std::string_view service) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::atomic<bool> whole_{true};
  std::unordered_map<std::string, std::atomic<bool>, Hash, std::equal_to<>> services_;
};

}  // namespace rocket::rpc
