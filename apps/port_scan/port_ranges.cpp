// SPDX-License-Identifier: BSL-1.0
#include "port_scan/port_ranges.hpp"

#include "common/shown.hpp"
#include "common/values.hpp"

#include <vector>

namespace app {
namespace {

constexpr std::size_t last_port = 65535;

std::size_t read_port(std::string_view text)
{
    return static_cast<std::size_t>(read_number(text, 1, last_port, "a port"));
}

// Marks the ports of a list.
void mark(std::vector<bool>& wanted, std::string_view list)
{
    for (;;) {
        const auto comma = list.find(',');
        const std::string_view part = list.substr(0, comma);
        const auto dash = part.find('-');
        const std::size_t first = read_port(part.substr(0, dash));
        const std::size_t last = dash == part.npos ? first : read_port(part.substr(dash + 1));
        if (last < first)
            throw usage_error{"expected a range of ports that ascends, got " + shown(part)};
        for (std::size_t port = first; port <= last; ++port)
            wanted[port] = true;
        if (comma == list.npos)
            return;
        list.remove_prefix(comma + 1);
    }
}

} // namespace

std::vector<std::uint16_t> read_ports(std::string_view text)
{
    std::vector<bool> wanted(last_port + 1);
    try {
        mark(wanted, text);
    } catch (const usage_error& error) {
        throw usage_error{"PORTS " + shown(text) + ": " + error.what()};
    }
    std::vector<std::uint16_t> ports;
    for (std::size_t port = 1; port <= last_port; ++port)
        if (wanted[port])
            ports.push_back(static_cast<std::uint16_t>(port));
    return ports;
}

} // namespace app
