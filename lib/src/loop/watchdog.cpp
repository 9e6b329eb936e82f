#include "loop/watchdog.hpp"

#include "connection/core.hpp"
#include "datagram/session.hpp"
#include "server/session.hpp"

#include <cstdio>
#include <fstream>
#include <string>

namespace hawser::detail {
namespace {

// What a thread has waited for a processor, from the second field of its schedstat; zero where there is none.
duration waited_for_processor(int thread)
{
    std::ifstream file{"/proc/self/task/" + std::to_string(thread) + "/schedstat"};
    duration::rep ran = 0;
    duration::rep waited = 0;
    file >> ran >> waited;
    return duration{file ? waited : 0};
}

// Whose handler runs, read once: it may have ended when it is read again.
struct handler_seen {
    const core* connection = nullptr;
    const datagram_session* datagram = nullptr;

    const void* which() const noexcept
    {
        return connection != nullptr ? static_cast<const void*>(connection) : datagram;
    }
};

handler_seen running_on(const loop& l) noexcept
{
    if (const core* const c = l.running())
        return {c, nullptr};
    return {nullptr, l.running_datagram()};
}

void report_blocked(const handler_seen& by, duration held) noexcept
{
    if (by.datagram != nullptr)
        by.datagram->report_blocked(held);
    else if (by.connection->owner != nullptr)
        by.connection->owner->report_blocked(held);
}

} // namespace

std::optional<loop_keeper> keeper_of(const loop& l)
{
    const handler_seen by = running_on(l);
    if (const core* const c = by.connection)
        return loop_keeper{c->peer().to_endpoint(), c->opened()};
    if (const datagram_session* const d = by.datagram)
        return loop_keeper{d->arrival().sender.to_endpoint(), d->begun()};
    return std::nullopt;
}

watchdog::watchdog(loop& control, const std::vector<std::shared_ptr<loop>>& watched, duration limit)
    : control_{control}, watched_{watched}, limit_{limit}, sightings_(watched.size())
{}

watchdog::~watchdog()
{
    control_.cancel(*this);
}

void watchdog::start()
{
    if (limit_ != never)
        control_.arm(*this, after(control_.now(), limit_ / 2));
}

time_point watchdog::look(time_point now)
{
    for (std::size_t i = 0; i < watched_.size(); ++i)
        look_at(*watched_[i], sightings_[i], now);
    return after(now, limit_ / 2);
}

void watchdog::look_at(loop& l, sighting& s, time_point now) const
{
    const void* const running = running_on(l).which();
    const std::uint64_t turn = l.turns();
    if (running == nullptr || running != s.running || turn != s.turn) {
        s = {running, turn, now, running == nullptr ? duration::zero() : waited_for_processor(l.thread_id), false};
        return;
    }
    if (s.reported || now - s.since < limit_)
        return;
    const duration held = now - s.since - (waited_for_processor(l.thread_id) - s.waited);
    if (held < limit_)
        return;
    const std::lock_guard alive{l.naming};
    const handler_seen by = running_on(l);
    if (by.which() != running || l.turns() != turn)
        return;
    s.reported = true;
    report_blocked(by, held);
}

} // namespace hawser::detail
