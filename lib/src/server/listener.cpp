// SPDX-License-Identifier: BSL-1.0
#include "server/listener.hpp"

#include "loop/descriptor_watch.hpp"
#include "server/accept_failure.hpp"
#include "values/system_call.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace hawser::inline v0_1::detail {
namespace {

constexpr int most_at_once = 64;
constexpr duration starved_interval = 100ms;
constexpr int most_reads_dropped = 4; // of one that is refused: a request of usual size

// A connection on its way to another loop.
class handed_over final : public owned_call
{
public:
    handed_over(loop& to, std::shared_ptr<session_config> s, descriptor fd, const address& peer, permit place) noexcept
        : to_{to}, config_{std::move(s)}, fd_{std::move(fd)}, peer_{peer}, place_{std::move(place)}
    {}
    ~handed_over() = default;

private:
    void called() override { session::start(to_, std::move(config_), std::move(fd_), peer_, std::move(place_)); }

    loop& to_;
    std::shared_ptr<session_config> config_;
    descriptor fd_;
    const address peer_;
    permit place_;
};

} // namespace

listener::listener(std::shared_ptr<session_config> what, listening_socket socket, loop& on, bool for_all)
    : config_{std::move(what)}, ledger_{*config_->ledger}, loop_{on}, where_{socket.where()},
      socket_{std::move(socket)}, readiness_{loop_}, for_all_{for_all}
{}

void listener::ask(request what) noexcept
{
    requests_.fetch_or(static_cast<unsigned>(what));
    loop_.ask(*this, shared_from_this());
}

void listener::called()
{
    const unsigned requests = requests_.exchange(0);
    const auto asked_to = [requests](request what) { return (requests & static_cast<unsigned>(what)) != 0; };
    if (asked_to(request::start) && state_ == state::idle)
        wait();
    if (asked_to(request::follow_suspension))
        follow_suspension();
    if (asked_to(request::descriptor_freed))
        watching_ = false;
    if (asked_to(request::resume) || asked_to(request::descriptor_freed))
        resume();
    if (asked_to(request::drain))
        drain();
    if (asked_to(request::close))
        close();
}

void listener::resume()
{
    if (state_ == state::full)
        accept_some(most_at_once);
    else if (state_ == state::starved)
        accept_some(one_by_one_ ? 1 : most_at_once);
}

void listener::suspend(bool on) noexcept
{
    suspended_.store(on, std::memory_order_relaxed);
    ask(request::follow_suspension);
}

void listener::follow_suspension()
{
    if (draining_)
        return;
    if (state_ == state::full) { // no room is made for those who are held back
        if (suspended())
            tell_of_newcomers(false);
        else if (!newcomers_)
            watch_for_newcomers();
        return;
    }
    if (suspended() == (state_ == state::suspended))
        return;
    if (state_ == state::suspended) {
        accept_some(most_at_once);
    } else if (state_ == state::waiting) { // in any other state it is followed before the next accept
        state_ = state::suspended;
        readiness_.cancel();
    }
}

void listener::drain()
{
    draining_ = true;
    if (state_ == state::idle)
        close();
    else if (state_ != state::closed)
        accept_some(most_at_once);
}

void listener::wait()
{
    try {
        begin_wait();
    } catch (const std::bad_alloc&) {
        starve(make_error_code(boost::system::errc::not_enough_memory), false);
    }
}

void listener::begin_wait()
{
    if (!readiness_.is_open()) {
        error_code refused;
        readiness_.assign(socket_.get(), refused);
        if (refused)
            return starve(refused, false);
    }
    state_ = state::waiting;
    const auto turn = [self = shared_from_this(), number = ++waits_](const error_code& e) {
        if (self->state_ != state::waiting || self->waits_ != number)
            return;
        if (e)
            self->starve(e, false); // the poller has no memory for it: asked again later
        else
            self->accept_some(most_at_once);
    };
    readiness_.async_wait(readiness::wait_read, turn);
}

// Takes what is queued, up to a number, and decides how to go on. While draining, the queue is emptied and closed.
void listener::accept_some(int at_most)
{
    tell_of_newcomers(false);
    int passed_over = 0;
    for (int i = 0; i < at_most; ++i) {
        if (suspended() && !draining_) {
            state_ = state::suspended;
            return;
        }
        error_code why;
        switch (accept_one(why)) {
        case outcome::taken: passed_over = 0; continue;
        case outcome::retry:
            if (++passed_over < most_at_once)
                continue;
            return starve(why, false); // the queue does not get shorter by it
        case outcome::empty:
            pause_told_ = false;
            loop_.cancel(*this);
            if (draining_)
                return close();
            return wait();
        case outcome::stop: return;
        }
    }
    if (draining_) // the others have their turn
        return post_drain();
    if (state_ == state::starved &&
        one_by_one_) { // one descriptor became free, and was used: the next one wakes us again
        watch_descriptors();
        return;
    }
    wait();
}

listener::outcome listener::accept_one(error_code& why)
{
    std::optional<permit> place = take_permit();
    if (!place && !config_->refusal) {
        watch_for_newcomers();
        return outcome::stop;
    }
    address peer;
    descriptor fd{socket_.accept(peer)};
    const int error = errno;
    if (fd) {
        if (state_ == state::full)
            state_ = state::waiting;
        take_in(std::move(fd), peer, std::move(place));
        return outcome::taken;
    }
    place.reset(); // it was taken for nobody
    why = {error, boost::system::system_category()};
    switch (accept_failure_of(error)) {
    case accept_failure::none_queued: return outcome::empty;
    case accept_failure::of_this_one: return outcome::retry; // others may be queued behind it
    case accept_failure::descriptors: starve(why, true); break;
    case accept_failure::for_a_while: starve(why, false); break;
    case accept_failure::for_good: fail(why); break;
    }
    return outcome::stop;
}

// Without one it is full, unless it refuses whom it accepts then.
std::optional<permit> listener::take_permit()
{
    std::optional<permit> first = permit::take(config_->ledger);
    if (first || config_->refusal)
        return first;
    state_ = state::full;
    ledger_.want_permit();
    return permit::take(config_->ledger);
}

// Whoever is queued while it is full, or comes then, waits for room to be made, if anybody makes it.
void listener::watch_for_newcomers()
{
    if (ledger_.room() == nullptr || !readiness_.is_open() || watches_newcomers_)
        return;
    const auto told = [self = shared_from_this()](const error_code& e) {
        self->watches_newcomers_ = false;
        if (!e && self->state_ == state::full && !self->suspended())
            self->tell_of_newcomers(true);
    };
    try {
        readiness_.async_wait(readiness::wait_read, told);
        watches_newcomers_ = true;
    } catch (const std::bad_alloc&) { // on_due() comes back
        loop_.arm(*this, after(loop_.now(), starved_interval));
    }
}

void listener::tell_of_newcomers(bool wait)
{
    if (std::exchange(newcomers_, wait) != wait)
        ledger_.room()->newcomers_wait(wait);
}

void listener::starve(const error_code& why, bool one_by_one)
{
    state_ = state::starved;
    one_by_one_ = one_by_one;
    ledger_.counts.accept_errors.fetch_add(1, std::memory_order_relaxed);
    if (!std::exchange(pause_told_, true))
        ledger_.observer().accept_paused(where(), why);
    loop_.cancel(*this);
    loop_.arm(*this, after(loop_.now(), starved_interval));
    watch_descriptors();
}

// Once, however often accepting fails meanwhile: one free descriptor is worth one call.
void listener::watch_descriptors()
{
    if (std::exchange(watching_, true))
        return;
    try {
        loop_.descriptors->wait([weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->ask(request::descriptor_freed);
        });
    } catch (const std::bad_alloc&) { // on_due() tries again without it
        watching_ = false;
    }
}

time_point listener::on_due(time_point now)
{
    if (state_ != state::starved && state_ != state::full)
        return time_point::max();
    post_resume();
    return state_ == state::starved ? after(now, starved_interval) : time_point::max();
}

// A connection that there is no memory for is closed, and costs no other.
void listener::take_in(descriptor fd, const address& peer, std::optional<permit> place) noexcept
{
    ledger_.counts.accepted.fetch_add(1, std::memory_order_relaxed);
    try {
        if (place)
            return hand_out(std::move(fd), peer, std::move(*place));
        refuse(std::move(fd), peer);
    } catch (const std::bad_alloc&) {
        ledger_.refused(config_->local, peer, make_error_code(boost::system::errc::not_enough_memory));
    }
}

// Takes the permit once nothing can fail any more: until then it goes back after its refusal is told.
void listener::hand_out(descriptor fd, const address& peer, permit&& place)
{
    loop& target = for_all_ ? ledger_.choose_loop() : loop_;
    place.assign(target);
    if (&target == &loop_)
        return session::start(target, config_, std::move(fd), peer, std::move(place));
    const auto handed = std::make_shared<handed_over>(target, config_, std::move(fd), peer, std::move(place));
    target.ask(*handed, handed);
}

// What has come of its request is dropped, so that the end of what it is told is no reset, if it may be told anything.
void listener::refuse(descriptor fd, const address& peer)
{
    if (room_maker* const room = ledger_.room())
        room->newcomer_refused();
    const std::string& words = *config_->refusal;
    if (words.empty()) {
        reset_on_close(fd.get());
    } else {
        ::send(fd.get(), words.data(), words.size(), MSG_NOSIGNAL);
        std::array<char, 4096> dropped;
        ssize_t n = 1;
        for (int i = 0; i < most_reads_dropped && n > 0; ++i)
            n = ::recv(fd.get(), dropped.data(), dropped.size(), 0);
        ::shutdown(fd.get(), SHUT_WR);
    }
    fd = descriptor{};
    ledger_.refused(config_->local, peer, errc::too_many_connections);
}

void listener::fail(const error_code& why)
{
    ledger_.listener_failed(where(), why);
    close();
}

void listener::close()
{
    if (state_ == state::closed)
        return;
    state_ = state::closed;
    tell_of_newcomers(false);
    loop_.cancel(*this);
    readiness_.release();
    socket_ = listening_socket{};
    ledger_.listener_closed();
}

} // namespace hawser::inline v0_1::detail
