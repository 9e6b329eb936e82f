// SPDX-License-Identifier: BSL-1.0

// Notices handlers that keep their loop: `faults` such as a blocking call or an endless computation.
//
// It looks from the control loop, so the loops themselves pay two stores a resumption and read no clock. Time that a
// loop's thread spent waiting for a processor is not counted against its handler.
#ifndef HAWSER_SRC_LOOP_WATCHDOG_HPP
#define HAWSER_SRC_LOOP_WATCHDOG_HPP

#include "loop/loop.hpp"

#include <hawser/detail/export.hpp>
#include <hawser/endpoint.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace hawser::inline v0_1::detail {

/// Nothing if no handler runs, or one that has gone on after it awaited what is not the connection's. From any thread
/// that holds l.lifetime.
HAWSER_EXPORT_DETAIL std::optional<loop_keeper> keeper_of(const loop& l);

class watchdog final : private wheel::entry
{
public:
    /// Looks twice in each `limit`; `never` looks not at all. Both arguments outlive the watchdog.
    watchdog(loop& control, const std::vector<std::shared_ptr<loop>>& watched, duration limit);
    ~watchdog() override;

    /// From the control loop, or before it runs.
    void start();

private:
    struct sighting {
        const runner* running = nullptr;
        std::uint64_t turn = 0;
        time_point since{};
        duration waited{}; // for a processor, by then
        bool reported = false;
    };
    time_point on_due(time_point now) override;
    void look_at(loop& l, sighting& s, time_point now) const;

    loop& control_;
    const std::vector<std::shared_ptr<loop>>& watched_;
    const duration limit_;
    std::vector<sighting> sightings_;
};

} // namespace hawser::inline v0_1::detail

#endif
