// asio's own code, compiled once (ASIO_SEPARATE_COMPILATION).
#include <cstdlib>  // asio looks at macros of the standard library that only its headers define

#include <asio/impl/src.hpp>
