// SPDX-License-Identifier: BSL-1.0

// Whose turn it is to shake hands: what keeps many TLS handshakes at once from taking all of a loop's time, and all of
// the memory.
//
//     a whole hello --> waits for a place --> waits for its turn --> one step, on the engine --> ... --> finished
//                       (a server's)         (each step's)             `-- the peer's answer, another turn --^
//                                                                          `-- too slow, while others wait: shed
//
// handshake_turns   one loop's: a step, which may sign, in each turn of the loop. What else the loop has to do runs in
//                   between, however many hellos have come at once.
// handshake_places  one server's on one loop: how many may hold an engine before they have finished. The others wait in
//                   the order in which they came, and hold no more than their hello. While some wait, whoever has a
//                   place is looked at as soon as it has waited for its peer for `time_of_peer`, the oldest first.
//                   Without limits::shed nobody is, and each keeps its place until its own deadline.
//
// More peers than there are places may say hello in a second and nothing more. Whoever waits behind them would wait
// longer and longer, and so for nothing. Once the first has waited for `late`, every other place therefore goes to the
// last that has come.
//
// Used from the loop's thread only.
#ifndef HAWSER_SRC_LOOP_HANDSHAKES_HPP
#define HAWSER_SRC_LOOP_HANDSHAKES_HPP

#include "loop/poller.hpp"

#include <hawser/time.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace hawser::inline v0_1::detail {

/// That a peer has to answer while others wait for the place: an honest one needs a round trip.
inline constexpr duration time_of_peer = std::chrono::seconds{1};

/// A handshake that waits for its turn or for a place. Destroyed or unlinked, it waits no longer.
class waiting_handshake
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
{
public:
    waiting_handshake() = default;
    waiting_handshake(const waiting_handshake&) = delete;
    waiting_handshake& operator=(const waiting_handshake&) = delete;

    virtual void turn() = 0;           ///< it is its turn; may destroy it
    virtual void place() noexcept = 0; ///< it has got a place, and has to give it back
    /// For how long it has waited by now.
    virtual duration waits() const noexcept = 0;

protected:
    ~waiting_handshake() = default;
};

using handshake_queue = boost::intrusive::list<waiting_handshake, boost::intrusive::constant_time_size<false>>;

/// A handshake that has a place, and waits for its peer. Destroyed or unlinked, it waits no longer.
class handshake_at_peer
    : public boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
{
public:
    handshake_at_peer() = default;
    handshake_at_peer(const handshake_at_peer&) = delete;
    handshake_at_peer& operator=(const handshake_at_peer&) = delete;

    /// Others wait for its place: it is to be looked at as soon as its peer has had its time.
    virtual void hurry() noexcept = 0;

    friend bool operator<(const handshake_at_peer& a, const handshake_at_peer& b) noexcept
    {
        return a.turn_since_ < b.turn_since_;
    }

protected:
    ~handshake_at_peer() = default;

    time_point turn_since_ = time_point::max(); // it is the peer's turn; before it waited: max()
};

class handshake_turns final : private poller::entry
{
public:
    explicit handshake_turns(poller& on) noexcept : poller_{on} {}

    /// Calls w.turn(), once, behind those that wait already.
    void wait(waiting_handshake& w) noexcept
    {
        queue_.push_back(w);
        call();
    }

private:
    void ready(std::uint32_t) override {}
    void due() override
    {
        if (queue_.empty()) // they have left
            return;
        waiting_handshake& next = queue_.front();
        queue_.pop_front();
        call();
        next.turn();
    }
    void call() noexcept
    {
        if (!queue_.empty() && !is_linked())
            poller_.call_later(*this);
    }

    poller& poller_;
    handshake_queue queue_;
};

class handshake_places
{
public:
    static constexpr duration late = time_of_peer;

    /// `shed`: whether those who keep others waiting give up their places.
    handshake_places(std::size_t most, bool shed) noexcept : sheds_{shed}, free_{most} {}

    /// Calls w.place() when there is one for it: now, or behind those that wait already.
    void wait(waiting_handshake& w) noexcept
    {
        queue_.push_back(w);
        go_on();
    }
    void give() noexcept
    {
        ++free_;
        go_on();
    }
    /// `h` has a place, and waits for its peer: which is noted only if it may have to give up the place for it.
    void is_at_peer(handshake_at_peer& h) noexcept
    {
        if (!sheds_)
            return;
        at_peer_.insert(h);
        hurry_first();
    }
    /// Whether somebody waits for a place.
    bool wanted() const noexcept { return !queue_.empty(); }
    std::size_t free() const noexcept { return free_; }

private:
    using slowest_first = boost::intrusive::multiset<handshake_at_peer, boost::intrusive::constant_time_size<false>>;

    void go_on() noexcept
    {
        while (free_ != 0 && !queue_.empty()) {
            last_has_turn_ = !last_has_turn_ && queue_.front().waits() >= late;
            waiting_handshake& next = last_has_turn_ ? queue_.back() : queue_.front();
            next.unlink();
            --free_;
            next.place();
        }
        hurry_first();
    }
    void hurry_first() noexcept
    {
        if (!queue_.empty() && !at_peer_.empty())
            at_peer_.begin()->hurry();
    }

    const bool sheds_;
    std::size_t free_;
    bool last_has_turn_ = false;
    handshake_queue queue_;
    slowest_first at_peer_;
};

/// One place that is taken, given back when it ends.
class handshake_place
{
public:
    handshake_place() = default;
    explicit handshake_place(std::shared_ptr<handshake_places> of) noexcept : of_{std::move(of)} {}
    handshake_place(handshake_place&& other) noexcept = default;
    handshake_place& operator=(handshake_place&& other) noexcept
    {
        std::swap(of_, other.of_);
        return *this;
    }
    ~handshake_place()
    {
        if (of_)
            of_->give();
    }
    explicit operator bool() const noexcept { return of_ != nullptr; }

private:
    std::shared_ptr<handshake_places> of_;
};

} // namespace hawser::inline v0_1::detail

#endif
