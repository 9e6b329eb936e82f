// SPDX-License-Identifier: BSL-1.0
#include "ping/icmp.hpp"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

namespace app {
namespace {

constexpr std::size_t header_size = 8;

struct echo_types {
    std::uint8_t request;
    std::uint8_t reply;
};

constexpr echo_types types_of(ip_version version)
{
    return version == ip_version::v4 ? echo_types{ICMP_ECHO, ICMP_ECHOREPLY}
                                     : echo_types{ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY};
}

std::uint8_t byte_at(hawser::bytes_view bytes, std::size_t at)
{
    return static_cast<std::uint8_t>(bytes[at]);
}

std::uint16_t u16_at(hawser::bytes_view bytes, std::size_t at)
{
    return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

void put_u16(std::string& bytes, std::size_t at, std::uint16_t value)
{
    bytes[at] = static_cast<char>(value >> 8);
    bytes[at + 1] = static_cast<char>(value & 0xff);
}

// RFC 1071: zero over a message whose checksum is right.
std::uint16_t checksum(hawser::bytes_view bytes)
{
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 2)
        sum += u16_at(bytes, at);
    if (bytes.size() % 2 != 0)
        sum += std::uint32_t{byte_at(bytes, bytes.size() - 1)} << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

std::optional<echo> read(hawser::bytes_view message, std::uint8_t type)
{
    if (message.size() < header_size || byte_at(message, 0) != type || byte_at(message, 1) != 0)
        return std::nullopt;
    return echo{.identifier = u16_at(message, 4), .sequence = u16_at(message, 6), .data = message.substr(header_size)};
}

const char* unreachable_v4(std::uint8_t code)
{
    switch (code) {
    case ICMP_NET_UNREACH: return "Destination Net Unreachable";
    case ICMP_HOST_UNREACH: return "Destination Host Unreachable";
    case ICMP_PROT_UNREACH: return "Destination Protocol Unreachable";
    case ICMP_PORT_UNREACH: return "Destination Port Unreachable";
    case ICMP_FRAG_NEEDED: return "Frag needed and DF set";
    case ICMP_NET_ANO: return "Destination Net Prohibited";
    case ICMP_HOST_ANO: return "Destination Host Prohibited";
    case ICMP_PKT_FILTERED: return "Packet filtered";
    default: return "Destination Unreachable";
    }
}

const char* unreachable_v6(std::uint8_t code)
{
    switch (code) {
    case ICMP6_DST_UNREACH_NOROUTE: return "Destination unreachable: No route";
    case ICMP6_DST_UNREACH_ADMIN: return "Destination unreachable: Administratively prohibited";
    case ICMP6_DST_UNREACH_BEYONDSCOPE: return "Destination unreachable: Beyond scope of source address";
    case ICMP6_DST_UNREACH_ADDR: return "Destination unreachable: Address unreachable";
    case ICMP6_DST_UNREACH_NOPORT: return "Destination unreachable: Port unreachable";
    default: return "Destination unreachable";
    }
}

} // namespace

std::string echo_request(ip_version version, const echo& contents)
{
    std::string message(header_size, '\0');
    message[0] = static_cast<char>(types_of(version).request);
    put_u16(message, 4, contents.identifier);
    put_u16(message, 6, contents.sequence);
    message += contents.data;
    if (version == ip_version::v4)
        put_u16(message, 2, checksum(message));
    return message;
}

std::optional<echo> read_echo_reply(ip_version version, hawser::bytes_view message)
{
    if (version == ip_version::v4 && checksum(message) != 0)
        return std::nullopt;
    return read(message, types_of(version).reply);
}

std::optional<echo> read_echo_request(ip_version version, hawser::bytes_view message)
{
    return read(message, types_of(version).request);
}

std::string icmp_error_words(ip_version version, std::uint8_t type, std::uint8_t code)
{
    if (version == ip_version::v4 && type == ICMP_UNREACH)
        return unreachable_v4(code);
    if (version == ip_version::v4 && type == ICMP_TIMXCEED)
        return code == ICMP_TIMXCEED_INTRANS ? "Time to live exceeded" : "Frag reassembly time exceeded";
    if (version == ip_version::v6 && type == ICMP6_DST_UNREACH)
        return unreachable_v6(code);
    if (version == ip_version::v6 && type == ICMP6_TIME_EXCEEDED)
        return code == ICMP6_TIME_EXCEED_TRANSIT ? "Time exceeded: Hop limit"
                                                 : "Time exceeded: Defragmentation failure";
    if (version == ip_version::v6 && type == ICMP6_PACKET_TOO_BIG)
        return "Packet too big";
    return "ICMP type " + std::to_string(type) + " code " + std::to_string(code);
}

} // namespace app
