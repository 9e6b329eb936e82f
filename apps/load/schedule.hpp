// When the messages of an open loop are due: at a fixed rate, whatever comes back, dealt to the connections in turn.
//
// Uses nothing but the standard library.
#ifndef LOAD_SCHEDULE_HPP
#define LOAD_SCHEDULE_HPP

#include <cmath>
#include <cstdint>

namespace load {

class schedule
{
public:
    /// `rate`: messages a second over all connections; 0: nothing is ever due, the loop is closed.
    schedule(std::uint64_t rate, unsigned connections) noexcept : rate_{rate}, connections_{connections} {}

    bool open() const noexcept { return rate_ != 0; }

    /// The first message is due now, in nanoseconds.
    void start(std::int64_t time) noexcept { start_ = time; }

    /// How many messages, over all connections, are due before that time.
    std::uint64_t due_before(std::int64_t time) const noexcept
    {
        return static_cast<std::uint64_t>(
            std::ceil(static_cast<double>(time - start_) * static_cast<double>(rate_) / 1e9));
    }

    /// When the message is due that is number `nth` over all connections, counted from 0.
    std::int64_t time_of(std::uint64_t nth) const noexcept
    {
        return start_ + static_cast<std::int64_t>(static_cast<double>(nth) * 1e9 / static_cast<double>(rate_));
    }

    /// The same of one connection.
    std::int64_t time_of(std::uint32_t connection, std::uint64_t nth) const noexcept
    {
        return time_of(nth * connections_ + connection);
    }

private:
    std::uint64_t rate_;
    unsigned connections_;
    std::int64_t start_ = 0;
};

} // namespace load

#endif
