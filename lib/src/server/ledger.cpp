// SPDX-License-Identifier: BSL-1.0
#include "server/ledger.hpp"

#include "values/address.hpp"

#include <algorithm>
#include <utility>

namespace hawser::inline v0_1::detail {
namespace {

// An equal share of what the server may have, on each loop.
std::vector<std::shared_ptr<handshake_places>> shared_out(const limits& l, std::size_t loops)
{
    std::vector<std::shared_ptr<handshake_places>> places(loops);
    for (auto& p : places)
        p = std::make_shared<handshake_places>(std::max<std::size_t>(l.handshakes / loops, 1), l.shed);
    return places;
}

} // namespace

ledger::ledger(std::shared_ptr<runtime_core> r, server_options options)
    : runtime_{std::move(r)}, options_{std::move(options)}, admission_{*options_.limits.connections,
                                                                       options_.limits.per_address},
      places_{shared_out(options_.limits, runtime_->loops().size())},
      sessions_(runtime_->loops().size()), memory_{std::make_shared<memory_return>(runtime_->control())}
{}

ledger::~ledger()
{
    memory_->stop();
}

loop& ledger::choose_loop() const noexcept
{
    const auto& loops = runtime_->loops();
    loop* best = loops.front().get();
    std::size_t fewest = best->assigned.load(std::memory_order_relaxed);
    for (const auto& l : loops)
        if (const std::size_t n = l->assigned.load(std::memory_order_relaxed); n < fewest) {
            best = l.get();
            fewest = n;
        }
    return *best;
}

std::size_t ledger::number_of(const loop& l) const noexcept
{
    const auto& loops = runtime_->loops();
    const auto at = std::find_if(loops.begin(), loops.end(), [&l](const auto& each) { return each.get() == &l; });
    return static_cast<std::size_t>(at - loops.begin());
}

const std::shared_ptr<handshake_places>& ledger::places_on(const loop& on) const noexcept
{
    return places_[number_of(on)];
}

session_list& ledger::sessions_on(const loop& on) noexcept
{
    return sessions_[number_of(on)];
}

void ledger::permit_returns() noexcept
{
    admission_.give();
    if (permit_wanted_.exchange(false))
        resume_listeners();
    something_ended();
}

void ledger::refused(const endpoint& local, const address& peer, const error_code& why) noexcept
{
    counts.refused.fetch_add(1, std::memory_order_relaxed);
    session_end end;
    end.reason = end_reason::refused;
    end.error = why;
    try {
        end.peer = peer.to_endpoint();
        end.local = local;
    } catch (const std::bad_alloc&) { // it is told without them
    }
    observer().session_ended(end);
}

std::size_t ledger::connections() const noexcept
{
    const std::uint64_t over = counts.completed.load() + counts.failed.load() + counts.refused.load();
    const std::size_t permits = admission_.taken();
    return std::min<std::size_t>(permits, counts.accepted.load() - over);
}

server_statistics ledger::counted() const noexcept
{
    // Ends before beginnings: no session is seen to have ended and not to have begun. Permits bound what is open; one
    // may be in the hand of a listener that has nobody to give it to.
    server_statistics s;
    s.shed = counts.shed.load();
    s.completed = counts.completed.load();
    s.failed = counts.failed.load();
    s.refused = counts.refused.load();
    const std::size_t permits = admission_.taken();
    s.accepted = counts.accepted.load();
    s.connections = std::min<std::size_t>(permits, s.accepted - s.completed - s.failed - s.refused);
    s.accept_errors = counts.accept_errors.load();
    s.datagrams_in = counts.datagrams_in.load();
    s.datagrams_out = counts.datagrams_out.load();
    s.datagrams_dropped = counts.datagrams_dropped.load();
    s.datagrams_failed = counts.datagrams_failed.load();
    return s;
}

} // namespace hawser::inline v0_1::detail
