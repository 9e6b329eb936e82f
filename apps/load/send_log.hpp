// SPDX-License-Identifier: BSL-1.0

// When the bytes that still wait for their answer were sent.
//
// Uses nothing but the standard library.
#ifndef LOAD_SEND_LOG_HPP
#define LOAD_SEND_LOG_HPP

#include <cstdint>
#include <deque>

namespace load {

class send_log
{
public:
    /// One successful send: it took the connection's stream up to `end`.
    struct entry {
        std::uint64_t end;
        std::int64_t time; ///< nanoseconds, just after the send
    };

    void add(entry sent) { entries_.push_back(sent); }

    /// The send that took the byte before `end`. There must have been one, and it must not be forgotten.
    const entry& covering(std::uint64_t end) const noexcept
    {
        auto at = entries_.begin();
        while (at->end < end)
            ++at;
        return *at;
    }

    /// All are forgotten.
    bool empty() const noexcept { return entries_.empty(); }

    /// The first that is not forgotten; there must be one.
    const entry& oldest() const noexcept { return entries_.front(); }

    /// Forgets the sends whose bytes have all been answered.
    void forget(std::uint64_t answered) noexcept
    {
        while (!entries_.empty() && entries_.front().end <= answered)
            entries_.pop_front();
    }

private:
    std::deque<entry> entries_;
};

} // namespace load

#endif
