// What all connections of a run have counted together.
#ifndef LOAD_TALLY_HPP
#define LOAD_TALLY_HPP

#include "errors.hpp"
#include "histogram.hpp"

#include <cstdint>

namespace load {

struct tally {
    std::uint64_t answered = 0; ///< messages whose whole answer came back right
    std::uint64_t refused = 0;  ///< requests whose whole answer had another status than 200
    histogram latency;          ///< to the whole answer in nanoseconds, from just after the send; from when it was due
                                ///< in an open loop
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    error_log errors;

    /// Messages whose whole answer came, right or not.
    std::uint64_t settled() const noexcept { return answered + refused; }

    // Counted when the server ends a connection that options::until_end waits for.
    std::uint64_t ended = 0; ///< connections
    std::uint64_t late = 0; ///< messages without whole answer that were sent after options::grace before, and after the
                            ///< signal; no fault
};

} // namespace load

#endif
