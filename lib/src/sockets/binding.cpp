// SPDX-License-Identifier: BSL-1.0
#include "sockets/binding.hpp"

#include "values/name_rules.hpp"

#include <netdb.h>

#include <cstring>
#include <memory>
#include <string>

namespace hawser::inline v0_1::detail {
namespace {

address_list look_up(const endpoint& where, int flags, int& failure)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM; // one of each address: those of UDP are the same
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(where.port());
    failure = ::getaddrinfo(where.host().empty() ? nullptr : where.host().c_str(), port.c_str(), &hints, &found);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned{found, [](addrinfo* a) {
                                                                   if (a != nullptr)
                                                                       ::freeaddrinfo(a);
                                                               }};
    address_list list;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        list.emplace_back();
        std::memcpy(&list.back().first, a->ai_addr, a->ai_addrlen);
        list.back().second = a->ai_addrlen;
    }
    return list;
}

} // namespace

void refuse_binding(const endpoint& where, const char* step, const error_code& why)
{
    std::string sentence = where.to_string() + ": " + step + ": " + symbol(why) + " (" + why.message() + ')';
    if (why == boost::system::errc::permission_denied && where.scheme() != endpoint::scheme_type::unix_socket &&
        where.port() != 0 && where.port() < 1024)
        sentence += "; a port below 1024 needs root or CAP_NET_BIND_SERVICE";
    throw endpoint_error{why, sentence};
}

address_list numeric_addresses(const endpoint& where, bool passive)
{
    int failure = 0;
    return look_up(where, AI_NUMERICHOST | AI_NUMERICSERV | (passive ? AI_PASSIVE : 0), failure);
}

address_list addresses_to_bind(const endpoint& where)
{
    if (const std::string fault = fault_of_name(where.host()); !fault.empty())
        throw endpoint_error{errc::invalid_endpoint, fault};
    if (address_list numeric = numeric_addresses(where, true); !numeric.empty())
        return numeric;
    int failure = 0;
    address_list list = look_up(where, AI_NUMERICSERV | AI_PASSIVE, failure);
    if (list.empty())
        throw endpoint_error{errc::invalid_endpoint, where.to_string() + ": cannot resolve \"" + where.host() +
                                                         "\": " + ::gai_strerror(failure)};
    return list;
}

void set_port(std::pair<socket_address, socklen_t>& at, std::uint16_t port) noexcept
{
    (at.first.any.sa_family == AF_INET6 ? at.first.v6.sin6_port : at.first.v4.sin_port) = htons(port);
}

} // namespace hawser::inline v0_1::detail
