// SPDX-License-Identifier: BSL-1.0

// A socket for ICMP echo with one host: unprivileged where net.ipv4.ping_group_range lets it be, and raw otherwise.
#ifndef HAWSER_APPS_PING_ICMP_SOCKET_HPP
#define HAWSER_APPS_PING_ICMP_SOCKET_HPP

#include "ping/icmp.hpp"

#include <hawser/error.hpp>
#include <hawser/names.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace app {

/// What has come, for this process or for another one that pings the same host.
struct icmp_arrival {
    struct failure_type {
        std::uint8_t type = 0;
        std::uint8_t code = 0;
    };
    hawser::bytes_view message; ///< from the ICMP header on, until the next receive(); of an error: what it is about
    std::string from;           ///< numeric
    int hops = -1;              ///< the time to live that was left; below zero: not known
    std::optional<failure_type> error{}; ///< the ICMP error that has come instead of a reply
};

class icmp_socket
{
public:
    /// Connected to the address, from `source` if there is one, which has to be of the same family; ports mean nothing.
    /// Throws failure, which names the address that cannot be had, or the permission that is missing.
    icmp_socket(const hawser::address_info& host, const std::optional<hawser::address_info>& source);
    icmp_socket(const icmp_socket&) = delete;
    icmp_socket& operator=(const icmp_socket&) = delete;
    ~icmp_socket();

    int get() const noexcept { return descriptor_; }
    ip_version version() const noexcept { return version_; }

    /// What it sends from, numeric.
    const std::string& local_address() const noexcept { return local_; }

    /// Of its requests and of the replies to them. An unprivileged socket has its own from the kernel.
    std::uint16_t identifier() const noexcept { return identifier_; }

    /// Sends a message, without waiting.
    hawser::error_code send(hawser::bytes_view message);

    /// What has come; nothing if nothing has. Never waits.
    std::optional<icmp_arrival> receive();

private:
    void open(const hawser::address_info& host, const std::optional<hawser::address_info>& source);
    void set_options();
    std::optional<icmp_arrival> receive(int flags);

    ip_version version_;
    bool raw_ = false;
    int descriptor_ = -1;
    std::string local_;
    std::uint16_t identifier_ = 0;
    std::array<char, 65536> buffer_{};
};

} // namespace app

#endif
