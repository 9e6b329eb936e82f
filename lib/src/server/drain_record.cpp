// SPDX-License-Identifier: BSL-1.0
#include "server/drain_record.hpp"

#include "connection/core.hpp"

#include <algorithm>
#include <utility>

namespace hawser::inline v0_1::detail {

std::size_t drain_record::note_cut(const connection_core& c) noexcept
{
    cut_session cut{.peer = {}, .waiting_for = c.waiting_for(), .age = c.on().now() - c.opened(), .abandoned = true};
    try {
        cut.peer = c.peer().to_endpoint();
    } catch (const std::bad_alloc&) { // it is reported without it
    }
    return note_cut(std::move(cut));
}

std::size_t drain_record::note_cut(const runner& of, time_point now) noexcept
{
    cut_session cut{.peer = {}, .waiting_for = wait_kind::nothing, .abandoned = true};
    try {
        const loop_keeper known = of.keeper();
        cut.peer = known.peer;
        cut.age = now - known.since;
    } catch (const std::bad_alloc&) { // it is reported without them
    }
    return note_cut(std::move(cut));
}

// The drain has reserved the room; should there be more by now, and no memory, the last one's place stands for two.
std::size_t drain_record::note_cut(cut_session c) noexcept
{
    const std::lock_guard lock{mutex_};
    try {
        entries_.cut.push_back(std::move(c));
    } catch (const std::bad_alloc&) {
    }
    return entries_.cut.size() - 1;
}

void drain_record::note_ended(std::size_t place) noexcept
{
    const std::lock_guard lock{mutex_};
    if (place < entries_.cut.size()) // otherwise there was never any memory
        entries_.cut[place].abandoned = false;
}

void drain_record::note_refused(const address& peer) noexcept
{
    const std::lock_guard lock{mutex_};
    try {
        entries_.cut.push_back({.peer = peer.to_endpoint()});
        ++entries_.refused;
    } catch (const std::bad_alloc&) { // the observer is told of it all the same
    }
}

void drain_record::reserve(std::size_t sessions)
{
    const std::lock_guard lock{mutex_};
    entries_.cut.reserve(sessions);
}

bool drain_record::any_goes_on() const
{
    const std::lock_guard lock{mutex_};
    return std::any_of(entries_.cut.begin(), entries_.cut.end(), [](const cut_session& c) { return c.abandoned; });
}

drain_record::entries drain_record::all() const
{
    const std::lock_guard lock{mutex_};
    return entries_;
}

} // namespace hawser::inline v0_1::detail
