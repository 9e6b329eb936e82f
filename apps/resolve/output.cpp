// SPDX-License-Identifier: BSL-1.0
#include "resolve/output.hpp"

#include "common/program.hpp"
#include "common/shown.hpp"

#include <boost/json.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

namespace app {
namespace {

namespace json = boost::json;

template <std::size_t N>
std::string named(int value, const std::array<std::pair<int, const char*>, N>& names)
{
    const auto found = std::ranges::find(names, value, &std::pair<int, const char*>::first);
    return found != names.end() ? found->second : std::to_string(value);
}

std::string family_name(const hawser::address_info& info)
{
    constexpr std::array<std::pair<int, const char*>, 2> names{{{AF_INET, "inet"}, {AF_INET6, "inet6"}}};
    return named(static_cast<int>(info.family), names);
}

std::string type_name(const hawser::address_info& info)
{
    constexpr std::array<std::pair<int, const char*>, 4> names{
        {{SOCK_STREAM, "stream"}, {SOCK_DGRAM, "dgram"}, {SOCK_RAW, "raw"}, {SOCK_SEQPACKET, "seqpacket"}}};
    return named(static_cast<int>(info.type), names);
}

std::string protocol_name(const hawser::address_info& info)
{
    constexpr std::array<std::pair<int, const char*>, 7> names{{{IPPROTO_IP, "ip"},
                                                                {IPPROTO_ICMP, "icmp"},
                                                                {IPPROTO_TCP, "tcp"},
                                                                {IPPROTO_UDP, "udp"},
                                                                {IPPROTO_ICMPV6, "ipv6-icmp"},
                                                                {IPPROTO_SCTP, "sctp"},
                                                                {IPPROTO_UDPLITE, "udplite"}}};
    return named(info.protocol, names);
}

std::string address_text(const hawser::address_info& info)
{
    const auto& a = info.address;
    const std::string port = ':' + std::to_string(a.port);
    if (info.family != hawser::address_family::inet6)
        return a.host + port;
    return '[' + a.host + (a.scope_id != 0 ? '%' + std::to_string(a.scope_id) : "") + ']' + port;
}

std::string padded(std::string text, std::size_t width)
{
    text.resize(std::max(text.size(), width), ' ');
    return text + ' ';
}

json::object to_json(const hawser::address_info& info)
{
    json::object address{{"host", info.address.host}, {"port", info.address.port}};
    if (info.family == hawser::address_family::inet6) {
        address["flow_info"] = info.address.flow_info;
        address["scope_id"] = info.address.scope_id;
    }
    return {{"family", family_name(info)},
            {"type", type_name(info)},
            {"protocol", info.protocol},
            {"canonical_name", info.canonical_name},
            {"address", std::move(address)}};
}

std::string joined(const std::vector<std::string>& all)
{
    std::string text;
    for (const std::string& one : all)
        text += ' ' + one;
    return text.empty() ? " -" : text;
}

} // namespace

void print_results(const std::vector<hawser::address_info>& found, result_format format)
{
    if (format == result_format::json) {
        json::array all;
        for (const auto& info : found)
            all.push_back(to_json(info));
        return print(json::serialize(all));
    }
    for (const auto& info : found)
        print(one_line(padded(family_name(info), 5) + padded(type_name(info), 6) + padded(protocol_name(info), 4) +
                       padded(info.canonical_name.empty() ? "-" : info.canonical_name, 1) + address_text(info)));
}

void print_result(const hawser::host_entry& found, result_format format)
{
    if (format == result_format::json)
        return print(json::serialize(json::object{{"name", found.name},
                                                  {"aliases", json::value_from(found.aliases)},
                                                  {"addresses", json::value_from(found.addresses)}}));
    print(one_line("name:      " + found.name));
    print(one_line("aliases:  " + joined(found.aliases)));
    print(one_line("addresses:" + joined(found.addresses)));
}

void print_result(const std::string& found, result_format format)
{
    print(format == result_format::json ? json::serialize(json::string{found}) : one_line(found));
}

} // namespace app
