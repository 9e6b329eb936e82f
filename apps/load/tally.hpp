// What all connections of a run have counted together.
//
// Uses nothing but the standard library.
#ifndef LOAD_TALLY_HPP
#define LOAD_TALLY_HPP

#include "histogram.hpp"

#include <cstdint>
#include <stdexcept>

namespace load {

struct tally {
    std::uint64_t answered = 0; ///< messages whose whole answer came back right
    histogram latency;          ///< to the whole answer in nanoseconds, from just after the send; from when it was due
                                ///< in an open loop

    // Counted when the server ends a connection.
    std::uint64_t ended = 0;  ///< connections
    std::uint64_t lost = 0;   ///< messages sent at least options::grace before the end that got no whole answer
    std::uint64_t late = 0;   ///< messages sent after that moment that got no whole answer; no fault
    std::uint64_t torn = 0;   ///< frames and requests of whose answer only a part came
    std::uint64_t resets = 0; ///< connections on which a reset was seen
};

/// The server did what a right one does not; what() is one line.
struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace load

#endif
