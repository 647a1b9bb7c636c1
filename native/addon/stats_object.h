#pragma once

#include <napi.h>

#include <string>
#include <string_view>

#include "stats/for_each_stat.h"

namespace rocket::addon {

/// js thread: the result of stats(): a number for each name, or an object of numbers by label.
class StatsObject {
 public:
  explicit StatsObject(Napi::Env env) : env_(env), object_(Napi::Object::New(env)) {}

  stats::Visit visitor() {
    return [this](const stats::Stat& stat) { add(stat); };
  }
  Napi::Object object() const { return object_; }

 private:
  void add(const stats::Stat& stat) {
    if (stat.label.empty()) {
      object_.Set(std::string(stat.name), stat.value);
      return;
    }
    if (labelled_ != stat.name) {
      labelled_ = stat.name;
      by_label_ = Napi::Object::New(env_);
      object_.Set(std::string(stat.name), by_label_);
    }
    by_label_.Set(std::string(stat.label), stat.value);
  }

  const Napi::Env env_;
  Napi::Object object_;
  std::string_view labelled_;  // the name to which by_label_ belongs
  Napi::Object by_label_;
};

}  // namespace rocket::addon
