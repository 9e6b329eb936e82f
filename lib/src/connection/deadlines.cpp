// SPDX-License-Identifier: BSL-1.0
#include "connection/deadlines.hpp"

#include <algorithm>

namespace hawser::inline v0_1::detail {
namespace {

constexpr duration longest_wait_for_place = 10s; // that is not the peer's own time
constexpr duration longest_silence = 2s;         // of a peer that is lingered for,
constexpr duration longest_linger = 30s;         // and in all
constexpr duration longest_acknowledgement = 2s; // that is waited for, before a reset discards what only the kernel has
constexpr duration between_looks = 5ms;          // whether it has come

// 1 s for each 64 KiB announced.
duration transfer_time(std::size_t bytes)
{
    constexpr std::size_t piece = 65536;
    constexpr std::size_t longest = 1'000'000'000; // seconds, so that no announced length overflows
    return std::chrono::seconds{std::min(bytes / piece, longest)} + bytes % piece * duration{1s} / piece;
}

} // namespace

errc deadlines::error_of(kind expired) noexcept
{
    switch (expired) {
    case kind::handshake: return errc::handshake_timeout;
    case kind::idle: return errc::idle_timeout;
    case kind::frame: return errc::frame_timeout;
    case kind::write: return errc::write_timeout;
    case kind::none:
    case kind::acknowledgement:
    case kind::linger: break;
    }
    return errc::connection_closed;
}

void deadlines::set_timeouts(const hawser::timeouts& t)
{
    validate(t);
    own_ = std::make_unique<const own_timeouts>(own_timeouts{t, look_interval(t)});
}

void deadlines::allow_unit(duration total) noexcept
{
    if (unit_allowed_ == not_said || unit_allowed_ == never)
        frame_spent_ = duration::zero();
    unit_allowed_ = total;
}

// What the unit that has begun may take in all.
duration deadlines::unit_time(std::size_t needed, bool in_unit) const noexcept
{
    if (in_unit && unit_allowed_ != not_said)
        return unit_allowed_;
    const duration frame = timeouts().frame;
    return frame == never ? never : frame + transfer_time(needed);
}

deadlines::due deadlines::check_input(time_point now, std::size_t needed, bool in_unit) const noexcept
{
    if (of_input_ == kind::none)
        return {};
    const bool idle = of_input_ == kind::idle;
    const duration allowed = idle ? timeouts().idle : unit_time(needed, in_unit);
    const time_point deadline = after(wait_since_, allowed == never || idle ? allowed : allowed - frame_spent_);
    return deadline <= now ? due{.expired = of_input_} : due{.next = deadline};
}

deadlines::due deadlines::check_handshake(time_point now, duration waited, time_point peer_has_until) const noexcept
{
    const time_point deadline = after(after(opened_, timeouts().handshake), std::min(waited, longest_wait_for_place));
    if (deadline <= now)
        return {.expired = kind::handshake};
    return {.next = now < peer_has_until ? std::min(deadline, peer_has_until) : deadline};
}

deadlines::due deadlines::check_window(time_point now) const noexcept
{
    const duration window = timeouts().write;
    if (window == never)
        return {};
    const time_point deadline = after(window_since_, window);
    return deadline <= now ? due{.expired = kind::write} : due{.next = deadline};
}

void deadlines::begin_acknowledgement(time_point now) noexcept
{
    of_end_ = kind::acknowledgement;
    end_since_ = now;
    end_until_ = after(now, longest_acknowledgement);
}

time_point deadlines::next_look_for_acknowledgement(time_point now) const noexcept
{
    return after(now, between_looks);
}

// It does so while bytes come, but at drain no longer than it may be silent.
time_point deadlines::linger_on(time_point now, bool draining) noexcept
{
    const time_point latest = after(end_since_, draining ? longest_silence : longest_linger);
    end_until_ = std::min(after(now, longest_silence), latest);
    return end_until_;
}

deadlines::due deadlines::check_end(time_point now) const noexcept
{
    return end_until_ <= now ? due{.expired = of_end_} : due{.next = end_until_};
}

} // namespace hawser::inline v0_1::detail
