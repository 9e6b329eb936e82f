// SPDX-License-Identifier: BSL-1.0
#include "ping/icmp_socket.hpp"

#include "common/program.hpp"

#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace app {
namespace {

union socket_address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

[[noreturn]] void fail(const std::string& doing, int error)
{
    const hawser::error_code code{error, boost::system::system_category()};
    throw failure{doing + ": " + hawser::symbol(code) + " (" + code.message() + ')'};
}

// net.ipv4.ping_group_range holds for IPv6 too.
[[noreturn]] void fail_without_permission(int error)
{
    std::ifstream file{"/proc/sys/net/ipv4/ping_group_range"};
    std::string first = "?";
    std::string last = "?";
    file >> first >> last;
    const hawser::error_code code{error, boost::system::system_category()};
    throw failure{
        "no permission to send ICMP (" + hawser::symbol(code) +
        "): expected CAP_NET_RAW, or one of this user's groups within net.ipv4.ping_group_range, which is \"" + first +
        ' ' + last + '"'};
}

socklen_t fill(socket_address& a, const hawser::address_info& host)
{
    std::memset(&a, 0, sizeof a);
    if (host.family == hawser::address_family::inet) {
        a.v4.sin_family = AF_INET;
        ::inet_pton(AF_INET, host.address.host.c_str(), &a.v4.sin_addr);
        return sizeof a.v4;
    }
    a.v6.sin6_family = AF_INET6;
    a.v6.sin6_scope_id = host.address.scope_id;
    ::inet_pton(AF_INET6, host.address.host.c_str(), &a.v6.sin6_addr);
    return sizeof a.v6;
}

std::string text_of(const sockaddr* a)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (a->sa_family == AF_INET)
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(a)->sin_addr, text.data(), text.size());
    else if (a->sa_family == AF_INET6)
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr, text.data(), text.size());
    return text.data();
}

template <class Value>
void set(int descriptor, int level, int option, const Value& value)
{
    if (::setsockopt(descriptor, level, option, &value, sizeof value) != 0)
        fail("setsockopt", errno);
}

// What the kernel tells beside a message: the hops that were left, or the error.
void read_control(msghdr& m, icmp_arrival& arrival)
{
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
        const bool v4 = c->cmsg_level == SOL_IP;
        if ((v4 && c->cmsg_type == IP_TTL) || (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
            std::memcpy(&arrival.hops, CMSG_DATA(c), sizeof arrival.hops);
        } else if ((v4 && c->cmsg_type == IP_RECVERR) || (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
            const auto* const e = reinterpret_cast<const sock_extended_err*>(CMSG_DATA(c));
            if (e->ee_origin != SO_EE_ORIGIN_ICMP && e->ee_origin != SO_EE_ORIGIN_ICMP6)
                continue;
            arrival.error = icmp_arrival::failure_type{.type = e->ee_type, .code = e->ee_code};
            arrival.from = text_of(SO_EE_OFFENDER(e));
        }
    }
}

} // namespace

icmp_socket::icmp_socket(const hawser::address_info& host, const std::optional<hawser::address_info>& source)
    : version_{host.family == hawser::address_family::inet ? ip_version::v4 : ip_version::v6}
{
    try {
        open(host, source);
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

icmp_socket::~icmp_socket()
{
    ::close(descriptor_);
}

void icmp_socket::open(const hawser::address_info& host, const std::optional<hawser::address_info>& source)
{
    const bool v4 = version_ == ip_version::v4;
    const int family = v4 ? AF_INET : AF_INET6;
    const int protocol = v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
    constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    descriptor_ = ::socket(family, SOCK_DGRAM | flags, protocol);
    if (descriptor_ < 0) {
        raw_ = true;
        descriptor_ = ::socket(family, SOCK_RAW | flags, protocol);
    }
    if (descriptor_ < 0 && (errno == EPERM || errno == EACCES))
        fail_without_permission(errno);
    if (descriptor_ < 0)
        fail("socket", errno);
    set_options();

    socket_address a;
    if (source) {
        const socklen_t size = fill(a, *source);
        if (::bind(descriptor_, &a.any, size) != 0)
            fail("source \"" + source->address.host + '"', errno);
    }

    // From now on only what this host sends is received, and the errors on the way to it.
    const socklen_t size = fill(a, host);
    if (::connect(descriptor_, &a.any, size) != 0)
        fail(host.address.host, errno);
    socket_address own;
    socklen_t own_size = sizeof own;
    if (::getsockname(descriptor_, &own.any, &own_size) != 0)
        fail("getsockname", errno);
    local_ = text_of(&own.any);
    identifier_ = raw_ ? static_cast<std::uint16_t>(::getpid()) : ntohs(v4 ? own.v4.sin_port : own.v6.sin6_port);
}

void icmp_socket::set_options()
{
    const int on = 1;
    if (version_ == ip_version::v4) {
        set(descriptor_, SOL_IP, IP_RECVTTL, on);
        set(descriptor_, SOL_IP, IP_RECVERR, on);
    } else {
        set(descriptor_, SOL_IPV6, IPV6_RECVHOPLIMIT, on);
        set(descriptor_, SOL_IPV6, IPV6_RECVERR, on);
    }
    if (!raw_)
        return;
    // A raw socket would get every ICMP message of this host.
    if (version_ == ip_version::v4) {
        const icmp_filter replies{.data = ~(1U << ICMP_ECHOREPLY)};
        set(descriptor_, SOL_RAW, ICMP_FILTER, replies);
    } else {
        icmp6_filter replies;
        ICMP6_FILTER_SETBLOCKALL(&replies);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &replies);
        set(descriptor_, SOL_ICMPV6, ICMP6_FILTER, replies);
    }
}

hawser::error_code icmp_socket::send(hawser::bytes_view message)
{
    // An error of an earlier message is told once more at the next call, and is in the queue already.
    int error = 0;
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (::send(descriptor_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return {};
        error = errno;
    }
    return {error, boost::system::system_category()};
}

std::optional<icmp_arrival> icmp_socket::receive()
{
    if (auto error = receive(MSG_ERRQUEUE))
        return error;
    return receive(0);
}

std::optional<icmp_arrival> icmp_socket::receive(int flags)
{
    socket_address from{};
    alignas(cmsghdr) std::array<char, 512> control{};
    iovec room{.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    msghdr m{};
    m.msg_name = &from;
    m.msg_namelen = sizeof from;
    m.msg_iov = &room;
    m.msg_iovlen = 1;
    m.msg_control = control.data();
    m.msg_controllen = control.size();
    ssize_t size = ::recvmsg(descriptor_, &m, flags | MSG_DONTWAIT);
    if (size < 0 && flags == 0 && errno != EAGAIN) // told once: an error that is in the queue too
        size = ::recvmsg(descriptor_, &m, flags | MSG_DONTWAIT);
    if (size < 0)
        return std::nullopt;
    icmp_arrival arrival{.message = {buffer_.data(), static_cast<std::size_t>(size)}, .from = text_of(&from.any)};
    read_control(m, arrival);
    // A raw IPv4 socket gives the IP header too, whose length is in its first byte, in words of four bytes.
    if (raw_ && version_ == ip_version::v4 && !arrival.error && !arrival.message.empty()) {
        const auto header = static_cast<std::size_t>(arrival.message[0] & 0x0f) * 4;
        arrival.message.remove_prefix(std::min(header, arrival.message.size()));
    }
    return arrival;
}

} // namespace app
