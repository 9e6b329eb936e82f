// SPDX-License-Identifier: BSL-1.0

// What a name has to be before the system's resolver sees it: resolvers have cut long names short, or at a NUL, and
// then found another host.
#ifndef HAWSER_SRC_VALUES_NAME_RULES_HPP
#define HAWSER_SRC_VALUES_NAME_RULES_HPP

#include <string>
#include <string_view>

namespace hawser::inline v0_1::detail {

/// Why this cannot be the name or the address of a host, in words that name it; empty if it can be. RFC 1035, 2.3.4: at
/// most 253 bytes without the last period, each label of 1 to 63. An empty name is left to the caller.
std::string fault_of_name(std::string_view name);

/// The same for the name or the number of a service.
std::string fault_of_service(std::string_view service);

} // namespace hawser::inline v0_1::detail

#endif
