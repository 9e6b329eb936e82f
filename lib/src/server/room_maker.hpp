// SPDX-License-Identifier: BSL-1.0

// Who makes room in a full server (shedding.hpp), as those know it who need room: sessions that begin, and listeners.
#ifndef HAWSER_SRC_SERVER_ROOM_MAKER_HPP
#define HAWSER_SRC_SERVER_ROOM_MAKER_HPP

#include <hawser/time.hpp>

namespace hawser::inline v0_1::detail {

/// Thread safe.
class room_maker
{
public:
    /// A session has begun, and with it a permit is taken.
    virtual void permit_taken() = 0;
    /// One more listener has newcomers in its queue and no permit for them, or one less.
    virtual void newcomers_wait(bool begin) = 0;
    /// One was turned away, since there was no permit for it.
    virtual void newcomer_refused() = 0;
    /// Whether a newcomer may have been queued at that time or later, because there was no permit for it.
    virtual bool has_kept_waiting(time_point since) const noexcept = 0;

protected:
    ~room_maker() = default;
};

} // namespace hawser::inline v0_1::detail

#endif
