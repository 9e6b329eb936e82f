// SPDX-License-Identifier: BSL-1.0
#include "values/name_rules.hpp"

#include "values/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_service = 255;
constexpr std::size_t enough = 40; // bytes of a name, in a line about it

std::string fault(std::string_view name, const std::string& expected, const std::string& got)
{
    return "name " + quoted(name, enough) + ": expected " + expected + ", got " + got;
}

std::string bytes(std::size_t n)
{
    return std::to_string(n) + (n == 1 ? " byte" : " bytes");
}

} // namespace

std::string fault_of_name(std::string_view name)
{
    if (name.find('\0') != name.npos)
        return fault(name, "no NUL", "one at byte " + std::to_string(name.find('\0') + 1));
    if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) > 0x7f; }))
        return fault(name, "ASCII (an international name in its xn-- form)", "other bytes");
    std::string_view rest = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
    if (rest.size() > longest_name)
        return fault(name, "at most " + bytes(longest_name), bytes(rest.size()));
    while (!name.empty()) {
        const std::size_t period = rest.find('.');
        const std::size_t size = std::min(period, rest.size());
        if (size == 0 || size > longest_label)
            return fault(name, "labels of 1 to " + bytes(longest_label), "one of " + bytes(size));
        if (period == rest.npos)
            break;
        rest.remove_prefix(period + 1);
    }
    return {};
}

std::string fault_of_service(std::string_view service)
{
    if (service.find('\0') != service.npos)
        return "service " + quoted(service, enough) + ": expected no NUL";
    if (service.size() > longest_service)
        return "service " + quoted(service, enough) + ": expected at most " + bytes(longest_service) + ", got " +
               bytes(service.size());
    const bool number = !service.empty() && std::ranges::all_of(service, [](char c) { return c >= '0' && c <= '9'; });
    std::uint16_t port = 0;
    if (number && std::from_chars(service.data(), service.data() + service.size(), port).ec != std::errc{})
        return "service " + quoted(service, enough) + ": expected a name, or a port from 0 to 65535";
    return {};
}

} // namespace hawser::inline v0_1::detail
