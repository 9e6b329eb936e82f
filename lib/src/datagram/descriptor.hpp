// SPDX-License-Identifier: BSL-1.0

// A UDP socket as system calls see it: it never waits, and knows no loop.
#ifndef HAWSER_SRC_DATAGRAM_DESCRIPTOR_HPP
#define HAWSER_SRC_DATAGRAM_DESCRIPTOR_HPP

#include "sockets/listening_socket.hpp"

#include <hawser/datagram.hpp>

#include <netinet/in.h>

#include <span>
#include <utility>

namespace hawser::inline v0_1::detail {

struct datagram_address_access {
    static datagram_address make(const socket_address& from, socklen_t size);
    static std::pair<socket_address, socklen_t> get(const datagram_address& a) noexcept;
};

/// The key under which datagrams from an address are counted: as connections are.
std::array<unsigned char, 8> limit_key(const datagram_address& a);

/// The address of this host that a datagram was sent to, so that its answer can come from there. Known only to sockets
/// that are bound to every interface; others have but one.
struct arrived_at {
    sa_family_t family = AF_UNSPEC; // of the union's member that is set
    union {
        in_pktinfo v4;
        in6_pktinfo v6;
    };
    arrived_at() noexcept : v6{} {}
};

class datagram_descriptor
{
public:
    /// None.
    datagram_descriptor() = default;
    /// Throws system_error.
    explicit datagram_descriptor(int family);
    /// One that was inherited, bound already.
    datagram_descriptor(descriptor bound, int family);

    /// Throws system_error. On every interface, arrivals say from then on where they came.
    void bind(const socket_address& at, socklen_t size, bool dual_stack);
    error_code connect(const datagram_address& peer) noexcept;

    struct arrival {
        std::size_t size = 0; // of the whole datagram; more than the buffer if it was cut
        datagram_address sender;
        arrived_at at;
        std::uint32_t overflows = 0; // datagrams that the kernel had no room for, since the socket was bound
    };
    error_code receive(std::span<char> into, arrival& got) const noexcept;

    /// `to`: null on a connected socket. `from`: null for the kernel's choice.
    error_code send(bytes_view payload, const datagram_address* to, const arrived_at* from) const noexcept;

    /// As udp://; the real port after bind().
    endpoint where() const;
    int get() const noexcept { return fd_.get(); }
    explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

private:
    void ask_for_arrivals(bool every_interface) noexcept;
    std::pair<socket_address, socklen_t> target(const datagram_address& to) const noexcept;

    descriptor fd_;
    int family_ = AF_UNSPEC;
};

/// Sockets at every address that a udp:// endpoint stands for, port 0 being one port for all, or those that were
/// inherited. Throws endpoint_error, and std::invalid_argument for dual_stack with the latter.
std::vector<datagram_descriptor> bind_datagrams(const endpoint& where, bool dual_stack);

} // namespace hawser::inline v0_1::detail

#endif
