// Whose turn it is to shake hands: what keeps many TLS handshakes at once from taking all of a loop's time, and all of
// the memory.
//
//     a whole hello --> waits for a place --> waits for its turn --> one step, on the engine --> ... --> finished
//                       (a server's)         (each step's)             `-- the peer's answer, another turn --^
//
// handshake_turns   one loop's: a step, which may sign, in each turn of the loop. What else the loop has to do runs in
//                   between, however many hellos have come at once.
// handshake_places  one server's on one loop: how many may hold an engine before they have finished. The others wait in
//                   the order in which they came, and hold no more than their hello.
//
// Used from the loop's thread only.
#ifndef HAWSER_SRC_HANDSHAKES_HPP
#define HAWSER_SRC_HANDSHAKES_HPP

#include "poller.hpp"

#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace hawser::detail {

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

protected:
    ~waiting_handshake() = default;
};

using handshake_queue = boost::intrusive::list<waiting_handshake, boost::intrusive::constant_time_size<false>>;

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
    explicit handshake_places(std::size_t most) noexcept : free_{most} {}

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
    std::size_t free() const noexcept { return free_; }

private:
    void go_on() noexcept
    {
        while (free_ != 0 && !queue_.empty()) {
            waiting_handshake& next = queue_.front();
            queue_.pop_front();
            --free_;
            next.place();
        }
    }

    std::size_t free_;
    handshake_queue queue_;
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

} // namespace hawser::detail

#endif
