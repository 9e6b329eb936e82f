// SPDX-License-Identifier: BSL-1.0
#include "values/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace hawser::inline v0_1::detail {

address::address(const socket_address& from, socklen_t size)
{
    family_ = from.any.sa_family;
    if (size == 0) {
        family_ = AF_UNSPEC;
    } else if (family_ == AF_INET) {
        port_ = ntohs(from.v4.sin_port);
        std::memcpy(bytes_.data(), &from.v4.sin_addr, 4);
    } else if (family_ == AF_INET6) {
        port_ = ntohs(from.v6.sin6_port);
        const auto* raw = reinterpret_cast<const unsigned char*>(&from.v6.sin6_addr);
        if (IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr)) {
            family_ = AF_INET;
            std::copy_n(raw + 12, 4, bytes_.begin());
        } else {
            scope_ = from.v6.sin6_scope_id;
            std::copy_n(raw, 16, bytes_.begin());
        }
    } else if (family_ == AF_UNIX && size > offsetof(sockaddr_un, sun_path)) {
        const std::size_t room = size - offsetof(sockaddr_un, sun_path);
        path_ = std::make_shared<const std::string>(from.unix_path.sun_path, ::strnlen(from.unix_path.sun_path, room));
    }
}

std::array<unsigned char, 8> address::limit_key() const noexcept
{
    std::array<unsigned char, 8> key{};
    std::copy_n(bytes_.begin(), family_ == AF_INET ? 4 : 8, key.begin());
    return key;
}

endpoint address::to_endpoint() const
{
    if (!is_ip())
        return endpoint::unix_socket(path_ ? *path_ : std::string{});
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family_, bytes_.data(), text.data(), text.size());
    std::string host = text.data();
    if (scope_ != 0) {
        std::array<char, IF_NAMESIZE> name{};
        host += '%';
        host += ::if_indextoname(scope_, name.data()) != nullptr ? std::string{name.data()} : std::to_string(scope_);
    }
    return endpoint::tcp(std::move(host), port_);
}

address local_address(int descriptor)
{
    socket_address a{};
    socklen_t size = sizeof a;
    if (::getsockname(descriptor, &a.any, &size) != 0)
        return {};
    return {a, size};
}

} // namespace hawser::inline v0_1::detail
