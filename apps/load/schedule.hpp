// SPDX-License-Identifier: BSL-1.0

// When the messages of an open loop are due: at a fixed rate, whatever comes back, dealt to the connections in turn.
//
// Uses nothing but the standard library.
#ifndef LOAD_SCHEDULE_HPP
#define LOAD_SCHEDULE_HPP

#include <algorithm>
#include <cstdint>
#include <limits>

namespace load {

class schedule
{
public:
    /// `rate`: messages a second over all connections; 0: nothing is ever due, the loop is closed.
    schedule(std::uint64_t rate, unsigned connections) noexcept : rate_{rate}, connections_{connections} {}

    bool open() const noexcept { return rate_ != 0; }

    /// The first message is due now, in nanoseconds.
    void start(std::int64_t time) noexcept { start_ = time; }

    /// From now on no message is due at `time` or later.
    void end(std::int64_t time) noexcept { end_ = time; }

    /// How many messages, over all connections, are due before that time.
    std::uint64_t due_before(std::int64_t time) const noexcept
    {
        if (!open() || time <= start_)
            return 0;
        const auto since = static_cast<std::uint64_t>(std::min(time, end_) - start_);
        return since / second * rate_ + (since % second * rate_ + second - 1) / second;
    }

    /// The same of one connection.
    std::uint64_t due_before(std::int64_t time, std::uint32_t connection) const noexcept
    {
        const auto all = due_before(time);
        return all <= connection ? 0 : (all - connection - 1) / connections_ + 1;
    }

    /// When the message is due that is number `nth` over all connections, counted from 0.
    std::int64_t time_of(std::uint64_t nth) const noexcept
    {
        return start_ + static_cast<std::int64_t>(nth / rate_ * second + nth % rate_ * second / rate_);
    }

    /// The same of one connection.
    std::int64_t time_of(std::uint32_t connection, std::uint64_t nth) const noexcept
    {
        return time_of(nth * connections_ + connection);
    }

private:
    static constexpr std::uint64_t second = 1'000'000'000;

    std::uint64_t rate_;
    unsigned connections_;
    std::int64_t start_ = 0;
    std::int64_t end_ = std::numeric_limits<std::int64_t>::max();
};

} // namespace load

#endif
