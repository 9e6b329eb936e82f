// SPDX-License-Identifier: BSL-1.0

// A socket address as a value: what accept and getsockname give, small enough to keep in each connection.
#ifndef HAWSER_SRC_VALUES_ADDRESS_HPP
#define HAWSER_SRC_VALUES_ADDRESS_HPP

#include <hawser/detail/export.hpp>
#include <hawser/endpoint.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hawser::inline v0_1::detail {

/// Room for any address that a socket call writes.
union socket_address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un unix_path;
    sockaddr_storage room;
};

/// Addresses as socket calls take them, each with its size.
using address_list = std::vector<std::pair<socket_address, socklen_t>>;

/// IPv4, IPv6 or a Unix socket's path. IPv4 mapped into IPv6 is IPv4.
class address
{
public:
    address() = default;
    address(const socket_address& from, socklen_t size);

    /// The key under which connections from one address are counted: an IPv4 address, or an IPv6 /64.
    std::array<unsigned char, 8> limit_key() const noexcept;
    bool is_ip() const noexcept { return family_ == AF_INET || family_ == AF_INET6; }

    HAWSER_EXPORT_DETAIL endpoint to_endpoint() const;

private:
    sa_family_t family_ = AF_UNSPEC;
    in_port_t port_ = 0; // host order
    std::uint32_t scope_ = 0;
    std::array<unsigned char, 16> bytes_{}; // IPv4 in the first four
    std::shared_ptr<const std::string> path_;
};

/// The address that a socket is bound to.
HAWSER_EXPORT_DETAIL address local_address(int descriptor);

} // namespace hawser::inline v0_1::detail

#endif
