// SPDX-License-Identifier: BSL-1.0
#include "datagram/descriptor.hpp"

#include "sockets/inherited.hpp"
#include "values/system_call.hpp"
#include "values/text.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace hawser::inline v0_1 {
namespace {

void require_udp(const endpoint& where)
{
    if (where.scheme() != endpoint::scheme_type::udp)
        throw endpoint_error{errc::invalid_endpoint, where.to_string() + ": expected udp://, for datagrams"};
}

} // namespace

datagram_address::datagram_address(const endpoint& where)
{
    require_udp(where);
    const detail::address_list list = detail::numeric_addresses(where, false);
    if (list.empty())
        throw endpoint_error{errc::invalid_endpoint,
                             where.to_string() + ": expected a numeric address, got " + detail::quoted(where.host())};
    *this = detail::datagram_address_access::make(list.front().first, list.front().second);
}

std::uint16_t datagram_address::port() const noexcept
{
    const auto at = detail::datagram_address_access::get(*this).first;
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

endpoint datagram_address::to_endpoint() const
{
    if (size_ == 0)
        return endpoint::udp({}, 0);
    const auto [at, size] = detail::datagram_address_access::get(*this);
    const endpoint e = detail::address{at, size}.to_endpoint();
    return endpoint::udp(e.host(), e.port());
}

namespace detail {
namespace {

socket_address mapped(const sockaddr_in& v4) noexcept
{
    socket_address a{};
    a.v6.sin6_family = AF_INET6;
    a.v6.sin6_port = v4.sin_port;
    auto* const bytes = reinterpret_cast<unsigned char*>(&a.v6.sin6_addr);
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, &v4.sin_addr, 4);
    return a;
}

bool is_every_interface(const socket_address& at) noexcept
{
    return at.any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&at.v6.sin6_addr)
                                        : at.v4.sin_addr.s_addr == INADDR_ANY;
}

void set(int fd, int level, int name, int value)
{
    ::setsockopt(fd, level, name, &value, sizeof value); // a socket just made takes each of these
}

// Room for what says where a datagram arrived, or is to be sent from.
union control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo)) +
                                CMSG_SPACE(sizeof(std::uint32_t))];
};

void read_control(msghdr& message, arrived_at& at, std::uint32_t& overflows) noexcept
{
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            at.family = AF_INET;
            std::memcpy(&at.v4, CMSG_DATA(c), sizeof at.v4);
            at.v4.ipi_ifindex = 0; // the route back is the kernel's choice
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            at.family = AF_INET6;
            std::memcpy(&at.v6, CMSG_DATA(c), sizeof at.v6);
            if (IN6_IS_ADDR_MULTICAST(&at.v6.ipi6_addr))
                at.family = AF_UNSPEC; // nobody answers from a group's address
            else if (!IN6_IS_ADDR_LINKLOCAL(&at.v6.ipi6_addr))
                at.v6.ipi6_ifindex = 0;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            std::memcpy(&overflows, CMSG_DATA(c), sizeof overflows);
        }
    }
}

template <class Info>
void put_control(msghdr& message, control& room, int level, int type, const Info& info) noexcept
{
    message.msg_control = room.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof info);
    cmsghdr* const c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(c), &info, sizeof info);
}

void write_control(msghdr& message, control& room, const arrived_at& from) noexcept
{
    if (from.family == AF_INET)
        put_control(message, room, IPPROTO_IP, IP_PKTINFO, from.v4);
    else if (from.family == AF_INET6)
        put_control(message, room, IPPROTO_IPV6, IPV6_PKTINFO, from.v6);
}

} // namespace

datagram_address datagram_address_access::make(const socket_address& from, socklen_t size)
{
    socket_address a = from;
    if (a.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr)) {
        a = {};
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = from.v6.sin6_port;
        std::memcpy(&a.v4.sin_addr, reinterpret_cast<const unsigned char*>(&from.v6.sin6_addr) + 12, 4);
        size = sizeof a.v4;
    } else if (a.any.sa_family == AF_INET6) {
        a.v6.sin6_flowinfo = 0; // says nothing about who it is
    }
    datagram_address result;
    if (size <= result.bytes_.size()) {
        std::memcpy(result.bytes_.data(), &a, size);
        result.size_ = size;
    }
    return result;
}

std::pair<socket_address, socklen_t> datagram_address_access::get(const datagram_address& a) noexcept
{
    socket_address out{};
    std::memcpy(&out, a.bytes_.data(), a.size_);
    return {out, a.size_};
}

std::array<unsigned char, 8> limit_key(const datagram_address& a)
{
    const auto [at, size] = datagram_address_access::get(a);
    return address{at, size}.limit_key();
}

datagram_descriptor::datagram_descriptor(int family)
    : fd_{::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}, family_{family}
{
    if (!fd_)
        throw hawser::error{last_error()};
}

datagram_descriptor::datagram_descriptor(descriptor bound, int family) : fd_{std::move(bound)}, family_{family}
{
    socket_address at{};
    socklen_t size = sizeof at;
    ::getsockname(fd_.get(), &at.any, &size);
    ask_for_arrivals(is_every_interface(at));
}

void datagram_descriptor::bind(const socket_address& at, socklen_t size, bool dual_stack)
{
    if (family_ == AF_INET6)
        set(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1);
    if (::bind(fd_.get(), &at.any, size) != 0)
        throw hawser::error{last_error()};
    ask_for_arrivals(is_every_interface(at));
}

void datagram_descriptor::ask_for_arrivals(bool every_interface) noexcept
{
    set(fd_.get(), SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (!every_interface)
        return;
    if (family_ == AF_INET6)
        set(fd_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    else
        set(fd_.get(), IPPROTO_IP, IP_PKTINFO, 1);
}

error_code datagram_descriptor::connect(const datagram_address& peer) noexcept
{
    const auto [at, size] = target(peer);
    return ::connect(fd_.get(), &at.any, size) == 0 ? error_code{} : last_error();
}

// An IPv6 socket reaches IPv4 by addresses that are mapped into IPv6.
std::pair<socket_address, socklen_t> datagram_descriptor::target(const datagram_address& to) const noexcept
{
    const auto address = datagram_address_access::get(to);
    if (family_ == AF_INET6 && address.first.any.sa_family == AF_INET)
        return {mapped(address.first.v4), sizeof(sockaddr_in6)};
    return address;
}

error_code datagram_descriptor::receive(std::span<char> into, arrival& got) const noexcept
{
    socket_address from{};
    iovec piece{into.data(), into.size()};
    control room;
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = room.bytes;
    message.msg_controllen = sizeof room.bytes;
    const ssize_t n = ::recvmsg(fd_.get(), &message, MSG_TRUNC); // the whole length, whatever there was room for
    if (n < 0)
        return last_error();
    got.size = static_cast<std::size_t>(n);
    got.sender = datagram_address_access::make(from, message.msg_namelen);
    read_control(message, got.at, got.overflows);
    return {};
}

error_code datagram_descriptor::send(bytes_view payload, const datagram_address* to,
                                     const arrived_at* from) const noexcept
{
    std::pair<socket_address, socklen_t> at{};
    iovec piece{const_cast<char*>(payload.data()), payload.size()};
    control room{};
    msghdr message{};
    if (to != nullptr) {
        at = target(*to);
        message.msg_name = &at.first;
        message.msg_namelen = at.second;
    }
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (from != nullptr)
        write_control(message, room, *from);
    return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) < 0 ? last_error() : error_code{};
}

endpoint datagram_descriptor::where() const
{
    const endpoint e = local_address(fd_.get()).to_endpoint();
    return e.scheme() == endpoint::scheme_type::tcp ? endpoint::udp(e.host(), e.port()) : endpoint::udp({}, 0);
}

std::vector<datagram_descriptor> bind_datagrams(const endpoint& where, bool dual_stack)
{
    if (where.is_inherited()) {
        if (dual_stack)
            throw std::invalid_argument{"datagram_options.dual_stack: expected false with " + where.to_string() +
                                        ", which is bound already"};
        std::vector<datagram_descriptor> taken;
        for (inherited_socket& socket : take_inherited(where, socket_kind::datagrams))
            taken.emplace_back(std::move(socket.fd), socket.family);
        return taken;
    }
    require_udp(where);
    return bind_same_port(where, addresses_to_bind(where), [&](const std::pair<socket_address, socklen_t>& at) {
        try {
            datagram_descriptor made{at.first.any.sa_family};
            made.bind(at.first, at.second, dual_stack);
            return made;
        } catch (const endpoint_error&) {
            throw;
        } catch (const system_error& e) {
            refuse_binding(where, "bind", e.code());
        }
    });
}

} // namespace detail
} // namespace hawser::inline v0_1
