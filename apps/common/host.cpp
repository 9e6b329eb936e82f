// SPDX-License-Identifier: BSL-1.0
#include "common/host.hpp"

#include "common/command_line.hpp"
#include "common/shown.hpp"

#include <algorithm>

namespace app {
namespace {

// HOST:PORT, with brackets where they belong.
std::string with_port(const std::string& host, std::uint16_t port)
{
    const auto colons = std::count(host.begin(), host.end(), ':');
    const bool brackets = host.starts_with('[');
    if (brackets ? host.find("]:") != host.npos : colons == 1)
        return host;
    return (!brackets && colons > 1 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

} // namespace

hawser::endpoint read_host(const std::string& text, std::string_view scheme, std::uint16_t port)
{
    if (text.starts_with("unix:"))
        return text;
    const auto behind = text.find("://");
    const std::string given = behind == text.npos ? std::string{scheme} : text.substr(0, behind);
    const std::string host = behind == text.npos ? text : text.substr(behind + 3);
    const hawser::endpoint where{given + "://" + with_port(host, port)};
    if (where.host().empty())
        throw usage_error{"expected a HOST, got " + shown(text)};
    return where;
}

} // namespace app
