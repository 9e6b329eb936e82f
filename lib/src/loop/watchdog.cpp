// SPDX-License-Identifier: BSL-1.0
#include "loop/watchdog.hpp"

#include <cstdio>
#include <fstream>
#include <string>

namespace hawser::inline v0_1::detail {
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

} // namespace

std::optional<loop_keeper> keeper_of(const loop& l)
{
    const runner* const r = l.running(); // read once: it may have ended when it is read again
    return r != nullptr ? std::optional{r->keeper()} : std::nullopt;
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

time_point watchdog::on_due(time_point now)
{
    for (std::size_t i = 0; i < watched_.size(); ++i)
        look_at(*watched_[i], sightings_[i], now);
    return after(now, limit_ / 2);
}

void watchdog::look_at(loop& l, sighting& s, time_point now) const
{
    const runner* const running = l.running();
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
    const std::lock_guard alive{l.lifetime};
    if (l.running() != running || l.turns() != turn)
        return;
    s.reported = true;
    running->report_blocked(held);
}

} // namespace hawser::inline v0_1::detail
