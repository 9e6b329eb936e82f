// What a connection over TLS has while it shakes hands, and no longer: its place, if it needs one, and its wait for
// that and for each of its turns.
#ifndef HAWSER_SRC_SHAKING_HANDS_HPP
#define HAWSER_SRC_SHAKING_HANDS_HPP

#include "handshakes.hpp"
#include "loop.hpp"

#include <hawser/time.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace hawser::detail {

class tls_stream;

class shaking_hands final : public waiting_handshake
{
public:
    /// `places`: where it needs one; null for a client, which has chosen itself how many servers it calls.
    shaking_hands(tls_stream& of, loop& on, std::shared_ptr<handshake_places> places) noexcept
        : stream_{of}, loop_{on}, places_{std::move(places)}
    {}

    /// Waits for a place, unless it needs none or has it, and then for its turn: tls_stream::turn_came().
    void wait() noexcept;
    /// Waits no longer.
    void leave() noexcept { unlink(); }

    /// It has taken a step, and waits for what its peer says to that.
    void waits_for_peer() noexcept { peer_since_ = std::min(peer_since_, loop_.now()); }
    /// Since when it did so first; time_point::max(): it never has.
    time_point peer_since() const noexcept { return peer_since_; }

    bool waits_for_place() const noexcept { return wants_place() && is_linked(); }
    /// For how long it waits, or has waited, for a place.
    duration waited(time_point now) const noexcept { return waits_for_place() ? now - since_ : waited_; }

private:
    void turn() override;
    void place() noexcept override;
    bool wants_place() const noexcept { return places_ && !place_; }

    tls_stream& stream_;
    loop& loop_;
    std::shared_ptr<handshake_places> places_;
    handshake_place place_;
    time_point since_{};
    time_point peer_since_ = time_point::max();
    duration waited_{};
};

} // namespace hawser::detail

#endif
