// SPDX-License-Identifier: BSL-1.0
#include "port_scan/report.hpp"

#include "common/program.hpp"
#include "common/values.hpp"

#include <boost/json.hpp>

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

namespace app {
namespace {

namespace json = boost::json;

constexpr std::size_t most_listed = 20;
constexpr std::array state_names{"open", "closed", "filtered", "unreachable"};

std::string name_of(port_state state)
{
    return state_names.at(static_cast<std::size_t>(state));
}

// How /etc/services calls it; empty if it does not.
std::string service(std::uint16_t port)
{
    std::array<char, 4096> room{};
    servent entry{};
    servent* found = nullptr;
    ::getservbyport_r(htons(port), "tcp", &entry, room.data(), room.size(), &found);
    return found != nullptr ? found->s_name : "";
}

std::string in_words(const port_result& result, hawser::duration timeout)
{
    const std::string state = name_of(result.state);
    if (result.state == port_state::open)
        return state;
    if (result.error == hawser::errc::connect_timeout)
        return state + " (no answer in " + to_string(timeout) + ')';
    return state + " (" + hawser::symbol(result.error) + ')';
}

std::string port_line(const port_result& result, const std::string& state)
{
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "%5u  %-30s  %s", static_cast<unsigned>(result.port), state.c_str(),
                  service(result.port).c_str());
    std::string line = text.data();
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string summary(const scan_report& report)
{
    std::string text;
    for (std::size_t i = 0; i < state_names.size(); ++i) {
        const auto n = std::ranges::count(report.results, static_cast<port_state>(i), &port_result::state);
        if (n > 0 || i == 0)
            text += (text.empty() ? "" : ", ") + std::to_string(n) + ' ' + state_names.at(i);
    }
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), " in %.2f s", report.took.count());
    return text + seconds.data();
}

} // namespace

void print_text(const scan_report& report)
{
    std::map<std::string, std::size_t> alike;
    for (const port_result& result : report.results)
        ++alike[in_words(result, report.timeout)];
    const auto listed = [](const std::string& state, std::size_t n) { return state == "open" || n <= most_listed; };
    for (const port_result& result : report.results)
        if (const std::string state = in_words(result, report.timeout); listed(state, alike[state]))
            print(port_line(result, state));
    for (const auto& [state, n] : alike)
        if (!listed(state, n))
            print(std::to_string(n) + " ports " + state);
    print(summary(report));
}

void print_json(const scan_report& report)
{
    json::array ports;
    for (const port_result& result : report.results) {
        json::object port{{"port", result.port}, {"state", name_of(result.state)}};
        if (result.state == port_state::open)
            port["service"] = service(result.port);
        else
            port["error"] = hawser::symbol(result.error);
        ports.push_back(std::move(port));
    }
    print(json::serialize(json::object{{"host", report.host},
                                       {"address", report.address},
                                       {"seconds", report.took.count()},
                                       {"ports", std::move(ports)}}));
}

} // namespace app
