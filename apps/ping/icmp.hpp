// SPDX-License-Identifier: BSL-1.0

// ICMP echo messages as bytes, for IPv4 (RFC 792) and IPv6 (RFC 4443):
//
//      0      1      2        4            6
//     +------+------+--------+------------+----------+------
//     | type | code | check- | identifier | sequence | data
//     |      |      | sum    |            |          |
//     +------+------+--------+------------+----------+------
#ifndef HAWSER_APPS_PING_ICMP_HPP
#define HAWSER_APPS_PING_ICMP_HPP

#include <hawser/bytes.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace app {

enum class ip_version { v4, v6 };

struct echo {
    std::uint16_t identifier = 0;
    std::uint16_t sequence = 0;
    hawser::bytes_view data; ///< a part of the message that it was read from
};

/// A request. Its checksum is right for IPv4; for IPv6 the kernel, which knows the addresses, makes it.
std::string echo_request(ip_version version, const echo& contents);

/// A message as a reply; nothing if it is none, is cut short, or has a wrong checksum (IPv4; the kernel has checked
/// that of IPv6).
std::optional<echo> read_echo_reply(ip_version version, hawser::bytes_view message);

/// The beginning of a request of ours, as an ICMP error carries it back.
std::optional<echo> read_echo_request(ip_version version, hawser::bytes_view message);

/// An ICMP error in words: "Destination Host Unreachable".
std::string icmp_error_words(ip_version version, std::uint8_t type, std::uint8_t code);

} // namespace app

#endif
