// SPDX-License-Identifier: BSL-1.0

// The look-ups themselves: calls that block for as long as the system's resolver does, on whichever thread makes them.
// They fill in `found` and return no error, or an error. Names have been checked.
#ifndef HAWSER_SRC_NAMES_CALLS_HPP
#define HAWSER_SRC_NAMES_CALLS_HPP

#include <hawser/names.hpp>

#include <string>
#include <vector>

namespace hawser::inline v0_1::detail {

error_code find_addresses(const address_query& query, std::vector<address_info>& found);
error_code find_host_by_name(const std::string& name, host_entry& found);
error_code find_host_by_address(const std::string& name_or_address, host_entry& found);

/// The IPv4 address that a name stands for by itself: that of every interface if it is empty, and that of every host of
/// a network if it is "<broadcast>". Null: it is one to look up.
const char* address_meant_by(const std::string& name) noexcept;

/// The name that getfqdn() returns for such a host.
std::string full_name(const host_entry& host);

} // namespace hawser::inline v0_1::detail

#endif
