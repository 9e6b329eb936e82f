// SPDX-License-Identifier: BSL-1.0

// Ports as a command line gives them: 22,80,8000-8100
#ifndef HAWSER_APPS_PORT_SCAN_PORT_RANGES_HPP
#define HAWSER_APPS_PORT_SCAN_PORT_RANGES_HPP

#include <cstdint>
#include <string_view>
#include <vector>

namespace app {

/// Ports and ranges of them, each from 1 to 65535, with commas between: every port once, in ascending order. Throws
/// usage_error naming the part that is wrong.
std::vector<std::uint16_t> read_ports(std::string_view text);

} // namespace app

#endif
