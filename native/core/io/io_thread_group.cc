#include "io/io_thread_group.h"

#include <algorithm>

namespace rocket::io {

std::vector<IoThread*> IoThreadGroup::sub_threads(std::size_t count) {
  count = std::clamp<std::size_t>(count, 1, kMaxSubThreads);
  const std::lock_guard lock(mutex_);
  while (subs_.size() < count) {
    const auto index = static_cast<std::uint32_t>(subs_.size());
    subs_.push_back(std::make_unique<IoThread>("io-" + std::to_string(index), index));
  }
  std::vector<IoThread*> first;
  for (std::size_t i = 0; i < count; ++i) first.push_back(subs_[i].get());
  return first;
}

std::vector<IoThread*> IoThreadGroup::running_sub_threads() {
  const std::lock_guard lock(mutex_);
  std::vector<IoThread*> all;
  for (const auto& sub : subs_) all.push_back(sub.get());
  return all;
}

bool IoThreadGroup::on_one_of_them() {
  const auto subs = running_sub_threads();
  return main_.on_this_thread() ||
         std::any_of(subs.begin(), subs.end(), [](const IoThread* io) { return io->on_this_thread(); });
}

void IoThreadGroup::stop_and_join() {
  main_.stop_and_join();
  const std::lock_guard lock(mutex_);
  for (const auto& sub : subs_) sub->stop_and_join();
}

}  // namespace rocket::io
