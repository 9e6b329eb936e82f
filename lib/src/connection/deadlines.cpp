// SPDX-License-Identifier: BSL-1.0

// What the wheel asks of a connection now and then: whether a deadline has passed, whether its buffer lies idle, and
// whether a read that found nothing was right. The last costs one read for each wait that began with such a read (over
// TCP hardly one does) and has lasted to a look; one that lasts longer costs no more.
#include "connection/core.hpp"

#include <algorithm>

namespace hawser::detail {
namespace {

constexpr std::uint8_t quiet_looks_to_park = 2;

// 1 s for each 64 KiB announced.
duration transfer_time(std::size_t bytes)
{
    constexpr std::size_t piece = 65536;
    constexpr std::size_t longest = 1'000'000'000; // seconds, so that no announced length overflows
    return std::chrono::seconds{std::min(bytes / piece, longest)} + bytes % piece * duration{1s} / piece;
}

} // namespace

time_point core::look(time_point now)
{
    const time_point end = look_at_end(now);
    if (is_closed())
        return time_point::max();
    if (!lingering_)
        with_stream([](auto& s) { s.look_again(); });
    const time_point of_input = look_at_input(now);
    if (is_closed())
        return time_point::max();
    return std::min({of_input, look_at_output(now), end});
}

// What the unit that has begun may take in all.
duration core::unit_time() const noexcept
{
    if (unit_allowed_)
        return *unit_allowed_;
    const duration frame = timeouts().frame;
    return frame == never ? never : frame + transfer_time(needed_);
}

time_point core::look_at_input(time_point now)
{
    if (wait_since_ == time_point::max())
        return time_point::max();
    if (waits_for_ == waiting_for::handshake)
        return look_at_handshake(now);
    const hawser::timeouts& t = timeouts();
    const bool idle = waits_for_ != waiting_for::rest_of_unit;
    const duration allowed = idle ? t.idle : unit_time();
    const time_point deadline = after(wait_since_, allowed == never || idle ? allowed : allowed - frame_spent_);
    if (deadline <= now) {
        fail(idle ? errc::idle_timeout : errc::frame_timeout);
        return time_point::max();
    }
    if (input_.capacity() == 0)
        return deadline;
    if (awaits_ == awaiting::input && input_.empty() && !sending_ && ++quiet_looks_ >= quiet_looks_to_park) {
        input_.release();
        awaits_ = awaiting::readability;
        return deadline;
    }
    return std::min(deadline, after(now, look_every_));
}

} // namespace hawser::detail
