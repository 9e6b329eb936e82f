// SPDX-License-Identifier: BSL-1.0
#include "admin/host.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace hawser::inline v0_1::detail {
namespace {

bool is_address(int family, std::string_view text) noexcept
{
    std::array<char, INET6_ADDRSTRLEN> copy{};
    in6_addr room{};
    if (text.size() >= copy.size())
        return false;
    std::copy(text.begin(), text.end(), copy.begin());
    return ::inet_pton(family, copy.data(), &room) == 1;
}

bool is_localhost(std::string_view host) noexcept
{
    constexpr std::string_view name = "localhost";
    return std::equal(host.begin(), host.end(), name.begin(), name.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

bool is_port(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

bool names_no_foreign_host(std::string_view authority) noexcept
{
    const bool bracketed = authority.starts_with('[');
    const std::size_t end = bracketed ? authority.find(']') : authority.find(':');
    const std::string_view host = authority.substr(0, end);
    std::string_view rest = end == authority.npos ? std::string_view{} : authority.substr(end);
    if (bracketed) {
        if (rest.empty() || !is_address(AF_INET6, host.substr(1)))
            return false;
        rest.remove_prefix(1);
    } else if (!is_localhost(host) && !is_address(AF_INET, host)) {
        return false;
    }
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

} // namespace hawser::inline v0_1::detail
