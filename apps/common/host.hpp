// SPDX-License-Identifier: BSL-1.0

// A client's peer that may be named by its host alone, because its service has a port of its own.
#ifndef HAWSER_APPS_COMMON_HOST_HPP
#define HAWSER_APPS_COMMON_HOST_HPP

#include <hawser/endpoint.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace app {

/// HOST, HOST:PORT, or either behind a scheme; an IPv6 address without a port needs no brackets. `scheme`, such as
/// "tcp", and `port` stand for what is not there. Throws usage_error if there is no host, and endpoint_error.
hawser::endpoint read_host(const std::string& text, std::string_view scheme, std::uint16_t port);

} // namespace app

#endif
