// SPDX-License-Identifier: BSL-1.0

// What all connections of a run have counted together.
#ifndef LOAD_TALLY_HPP
#define LOAD_TALLY_HPP

#include "errors.hpp"
#include "histogram.hpp"

#include <cstdint>
#include <limits>

namespace load {

struct tally {
    std::uint64_t answered = 0; ///< messages whose whole answer came back right
    std::uint64_t refused = 0;  ///< requests whose whole answer had another status than 200

    // The measured part. A message belongs to it that begins, or is due in an open loop, at `from` or later and before
    // `to`, whenever its answer comes.
    std::int64_t from = std::numeric_limits<std::int64_t>::max();
    std::int64_t to = std::numeric_limits<std::int64_t>::max();
    histogram latency;            ///< to the whole right answer in nanoseconds
    std::int64_t last_answer = 0; ///< when it came

    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    error_log errors;

    /// Right answers came at `time` to that many messages which began, or were due, at `start`.
    void add_latency(std::int64_t start, std::int64_t time, std::uint64_t times) noexcept
    {
        if (start < from || start >= to)
            return;
        latency.add(static_cast<std::uint64_t>(time - start), times);
        last_answer = time;
    }

    /// Messages whose whole answer came, right or not.
    std::uint64_t settled() const noexcept { return answered + refused; }

    // Counted when the server ends a connection that options::until_end waits for.
    std::uint64_t ended = 0; ///< connections
    std::uint64_t late = 0; ///< messages without whole answer that were sent after options::grace before, and after the
                            ///< signal; no fault
};

} // namespace load

#endif
