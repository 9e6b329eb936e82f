// SPDX-License-Identifier: BSL-1.0

// Which Host an admin endpoint answers for.
#ifndef HAWSER_SRC_ADMIN_HOST_HPP
#define HAWSER_SRC_ADMIN_HOST_HPP

#include <string_view>

namespace hawser::inline v0_1::detail {

/// Whether a request's authority (RFC 9110, section 7.2) is an IPv4 address, an IPv6 address in brackets, or localhost,
/// each with or without a port. Any other name may be one that somebody else lets point here.
bool names_no_foreign_host(std::string_view authority) noexcept;

} // namespace hawser::inline v0_1::detail

#endif
