// SPDX-License-Identifier: BSL-1.0
#include "names/calls.hpp"

#include "names/resolver.hpp"
#include "values/address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace hawser::inline v0_1::detail {
namespace {

using address_results = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

error_code ask(const char* host, const char* service, const addrinfo& hints, address_results& found)
{
    addrinfo* list = nullptr;
    if (const int failure = ::getaddrinfo(host, service, &hints, &list); failure != 0)
        return resolver_error(failure);
    found.reset(list);
    return {};
}

std::string text_of(int family, const void* raw)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* const written = ::inet_ntop(family, raw, text.data(), text.size());
    return written != nullptr ? written : "";
}

socket_address copy_of(const addrinfo& one)
{
    socket_address copy{};
    std::memcpy(&copy, one.ai_addr, std::min<std::size_t>(one.ai_addrlen, sizeof copy));
    return copy;
}

const void* raw_part(const socket_address& a)
{
    return a.any.sa_family == AF_INET ? static_cast<const void*>(&a.v4.sin_addr) : &a.v6.sin6_addr;
}

address_info described(const addrinfo& one)
{
    const socket_address a = copy_of(one);
    address_info info{.family = static_cast<address_family>(one.ai_family),
                      .type = static_cast<socket_type>(one.ai_socktype),
                      .protocol = one.ai_protocol,
                      .canonical_name = one.ai_canonname != nullptr ? one.ai_canonname : "",
                      .address = {.host = text_of(one.ai_family, raw_part(a))}};
    if (one.ai_family == AF_INET6) {
        info.address.port = ntohs(a.v6.sin6_port);
        info.address.flow_info = ntohl(a.v6.sin6_flowinfo);
        info.address.scope_id = a.v6.sin6_scope_id;
    } else {
        info.address.port = ntohs(a.v4.sin_port);
    }
    return info;
}

int flags_of(const address_query& q)
{
    return (q.canonical_name ? AI_CANONNAME : 0) | (q.passive ? AI_PASSIVE : 0) |
           (q.numeric_host ? AI_NUMERICHOST : 0) | (q.configured_families ? AI_ADDRCONFIG : 0);
}

// One address for a name: IPv4, or of any family.
error_code one_address(const std::string& name, int family, socket_address& found)
{
    const char* const meant = address_meant_by(name);
    addrinfo hints{};
    hints.ai_family = family;
    address_results list{nullptr, ::freeaddrinfo};
    if (const error_code e = ask(meant != nullptr ? meant : name.c_str(), nullptr, hints, list))
        return e;
    found = copy_of(*list);
    return {};
}

std::vector<std::string> strings(char** list)
{
    std::vector<std::string> all;
    for (; list != nullptr && *list != nullptr; ++list)
        all.emplace_back(*list);
    return all;
}

// Calls one of the gethostby..._r functions with a buffer that is large enough.
template <class Call>
error_code find_host(Call call, host_entry& found)
{
    constexpr std::size_t most = 1024 * 1024;
    for (std::vector<char> buffer(4096); buffer.size() <= most; buffer.resize(2 * buffer.size())) {
        hostent entry{};
        hostent* result = nullptr;
        int failure = 0;
        const int status = call(entry, buffer, result, failure);
        if (status == ERANGE)
            continue;
        if (result == nullptr)
            return failure == NETDB_INTERNAL ? error_code{status, boost::system::system_category()}
                                             : error_code{failure, host_category()};
        found.name = result->h_name;
        found.aliases = strings(result->h_aliases);
        for (char** at = result->h_addr_list; *at != nullptr; ++at)
            found.addresses.push_back(text_of(result->h_addrtype, *at));
        return {};
    }
    return {ENOBUFS, boost::system::system_category()};
}

} // namespace

error_code find_addresses(const address_query& query, std::vector<address_info>& found)
{
    addrinfo hints{};
    hints.ai_family = static_cast<int>(query.family);
    hints.ai_socktype = static_cast<int>(query.type);
    hints.ai_protocol = query.protocol;
    hints.ai_flags = flags_of(query);
    address_results list{nullptr, ::freeaddrinfo};
    const char* const host = query.host ? query.host->c_str() : nullptr;
    const char* const service = query.service ? query.service->c_str() : nullptr;
    if (const error_code e = ask(host, service, hints, list))
        return e;
    for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next)
        if (one->ai_family == AF_INET || one->ai_family == AF_INET6)
            found.push_back(described(*one));
    return found.empty() ? resolver_error(EAI_FAMILY) : error_code{};
}

error_code find_host_by_name(const std::string& name, host_entry& found)
{
    socket_address ignored{};
    if (const error_code e = one_address(name, AF_INET, ignored))
        return e;
    return find_host(
        [&name](hostent& entry, std::vector<char>& buffer, hostent*& result, int& failure) {
            return ::gethostbyname_r(name.c_str(), &entry, buffer.data(), buffer.size(), &result, &failure);
        },
        found);
}

error_code find_host_by_address(const std::string& name_or_address, host_entry& found)
{
    socket_address a{};
    if (const error_code e = one_address(name_or_address, AF_UNSPEC, a))
        return e;
    const int family = a.any.sa_family;
    const socklen_t size = family == AF_INET ? sizeof a.v4.sin_addr : sizeof a.v6.sin6_addr;
    return find_host(
        [&](hostent& entry, std::vector<char>& buffer, hostent*& result, int& failure) {
            return ::gethostbyaddr_r(raw_part(a), size, family, &entry, buffer.data(), buffer.size(), &result,
                                     &failure);
        },
        found);
}

const char* address_meant_by(const std::string& name) noexcept
{
    return name.empty() ? "0.0.0.0" : name == "<broadcast>" ? "255.255.255.255" : nullptr;
}

std::string full_name(const host_entry& host)
{
    const auto has_period = [](const std::string& name) { return name.find('.') != name.npos; };
    if (has_period(host.name))
        return host.name;
    const auto found = std::ranges::find_if(host.aliases, has_period);
    return found != host.aliases.end() ? *found : host.name;
}

} // namespace hawser::inline v0_1::detail
