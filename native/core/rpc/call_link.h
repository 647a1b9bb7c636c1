#pragma once

#include "base/list_link.h"

namespace rocket::rpc {

/// A call's link in the list of its session or connection; a type of its own because a call is also a Timer, which is a
/// ListLink too.
struct CallLink : ListLink {};

}  // namespace rocket::rpc
