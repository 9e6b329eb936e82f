// SPDX-License-Identifier: BSL-1.0

// What a connection over TLS has while it shakes hands, and no longer: its place, if it needs one, and its wait for
// that and for each of its turns.
#ifndef HAWSER_SRC_TRANSPORT_SHAKING_HANDS_HPP
#define HAWSER_SRC_TRANSPORT_SHAKING_HANDS_HPP

#include "loop/handshakes.hpp"
#include "loop/loop.hpp"

#include <hawser/time.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace hawser::inline v0_1::detail {

class stream_owner;
class tls_stream;

class shaking_hands final : public waiting_handshake, public handshake_at_peer
{
public:
    /// `places`: where it needs one; null for a client, which has chosen itself how many servers it calls.
    shaking_hands(tls_stream& of, stream_owner& c, loop& on, std::shared_ptr<handshake_places> places) noexcept
        : stream_{of}, owner_{c}, loop_{on}, places_{std::move(places)}
    {}
    ~shaking_hands() { stop_waiting_for_peer(); } // before its place is given back

    /// Waits for a place, unless it needs none or has it, and then for its turn: tls_stream::turn_came().
    void wait() noexcept;
    /// Waits no longer.
    void leave() noexcept { waiting_handshake::unlink(); }
    /// For its turn or for a place.
    bool waits_for_us() const noexcept { return waiting_handshake::is_linked(); }
    bool has_place() const noexcept { return static_cast<bool>(place_); }

    /// It has taken a step, and waits for its peer, to whom `sent` bytes have been said in all. The peer's turn begins
    /// when something is said to it, and goes on however many bytes come of its answer, until that is whole.
    void waits_for_peer(std::uint64_t sent) noexcept;
    /// Its peer has had its time, and others wait for its place.
    bool holds_up_others() const noexcept
    {
        return handshake_at_peer::is_linked() && places_->wanted() && loop_.now() >= peer_has_until();
    }
    /// Until when its peer has time, if others wait for its place; time_point::max(): it does not wait for its peer.
    time_point peer_has_until() const noexcept
    {
        return handshake_at_peer::is_linked() ? after(turn_since_, time_of_peer) : time_point::max();
    }
    /// Since when it did so first; time_point::max(): it never has.
    time_point peer_since() const noexcept { return peer_since_; }

    bool waits_for_place() const noexcept { return wants_place() && waits_for_us(); }
    /// For how long it waits, or has waited, for a place.
    duration waited(time_point now) const noexcept { return waits_for_place() ? now - since_ : waited_; }

private:
    void turn() override;
    void place() noexcept override;
    duration waits() const noexcept override { return loop_.now() - since_; }
    void hurry() noexcept override;
    void stop_waiting_for_peer() noexcept { handshake_at_peer::unlink(); }
    bool wants_place() const noexcept { return places_ && !place_; }

    tls_stream& stream_;
    stream_owner& owner_;
    loop& loop_;
    std::shared_ptr<handshake_places> places_;
    handshake_place place_;
    time_point since_{};
    std::uint64_t sent_ = 0; // when the peer's turn began
    time_point peer_since_ = time_point::max();
    duration waited_{};
};

} // namespace hawser::inline v0_1::detail

#endif
