// SPDX-License-Identifier: BSL-1.0

// What joins the two ends of a connection over TLS in a test's world: TLS runs over sockets, so each end has one of a
// pair, and the relay carries the ciphertext between their other ends, as the link's conditions have it.
//
//     TLS -- pair of sockets -- relay: memory_link -- pair of sockets -- TLS
#ifndef HAWSER_SRC_TEST_RELAY_HPP
#define HAWSER_SRC_TEST_RELAY_HPP

#include "sockets/listening_socket.hpp"
#include "transport/memory_link.hpp"

#include <array>
#include <memory>
#include <string>

namespace hawser::inline v0_1::detail {

class test_relay
{
public:
    /// Throws hawser::error if the kernel gives no sockets.
    explicit test_relay(std::shared_ptr<memory_link> link);

    /// The end of side 0 or 1, once.
    descriptor take_end(unsigned side) noexcept { return std::move(sides_[side].end); }

    /// Carries what can be carried now, at most one chunk each way. Whether anything was.
    bool pump();

    /// Both ends have ended, and nothing is left to carry.
    bool is_over() const noexcept { return sides_[0].is_over() && sides_[1].is_over(); }

private:
    struct side_state {
        descriptor end;
        descriptor own;
        std::string unsent;      // taken from the link, but the socket has no room
        bool input_over = false; // nothing more comes from this side
        bool output_over = false;
        bool is_over() const noexcept { return input_over && output_over; }
    };
    bool collect(unsigned side);
    bool deliver(unsigned side);

    std::shared_ptr<memory_link> link_;
    std::array<side_state, 2> sides_;
};

} // namespace hawser::inline v0_1::detail

#endif
