// SPDX-License-Identifier: BSL-1.0

// What a run of the load is: where to, how many connections, how much, and when it ends.
//
// The command line is read with CLI11, in the .cpp alone.
#ifndef LOAD_OPTIONS_HPP
#define LOAD_OPTIONS_HPP

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace load {

enum class mode {
    bytes,  ///< a message is its payload alone, and its answer the same
    frames, ///< a message is its length, four bytes in big-endian order, and its payload; its answer is the same
    http    ///< a message is a GET of /, and its answer a 200 whose body is `Hello, World!`
};

enum class window {
    lock_step, ///< send a whole pipeline, wait for all of its answers, send the next
    sliding    ///< send a new message for each answer
};

struct options {
    std::string endpoint; ///< tcp://ADDRESS:PORT, ADDRESS:PORT or unix:PATH; an address, not a name
    std::string source;   ///< the local IPv4 address to connect from; empty: the kernel chooses
    std::string request;  ///< what is sent in http

    load::mode mode = load::mode::bytes;
    load::window window = load::window::lock_step;
    unsigned connections = 64;            ///< at least 1
    unsigned pipeline = 1;                ///< messages of one connection that may be without answer; at least 1
    std::size_t size = 64;                ///< bytes of a payload; 0 only in frames; in http the length of the request
    std::uint64_t warm_up = 0;            ///< messages answered before the measurement begins
    std::uint64_t messages = 0;           ///< messages to measure; 0: no such goal
    std::chrono::nanoseconds duration{0}; ///< how long to measure; 0: no such goal

    /// Messages due each second, over all connections; 0: a closed loop. Each that is due before the goal is reached is
    /// begun and waited for, however long after it.
    std::uint64_t rate = 0;

    /// Give up a connection on which a message waits so long for its answer, and the run when nothing comes for so
    /// long.
    std::chrono::nanoseconds patience = std::chrono::seconds{10};

    pid_t cpu_of = 0; ///< report the CPU time this process used during the measurement; 0: of none

    bool until_end = false; ///< go on until the server has closed every connection, and account for each

    /// A message sent so long before the server's end of stream must be answered; one sent later may be.
    std::chrono::nanoseconds grace = std::chrono::milliseconds{50};

    pid_t term_pid = 0;                     ///< send this process SIGTERM under load; 0: none. Implies until_end
    std::chrono::nanoseconds term_after{0}; ///< when, counted from the first message
    std::uint64_t term_outstanding = 0;     ///< only at a moment when so many messages wait for an answer

    bool json = false; ///< print one JSON object instead of text, and no progress

    /// Bytes of a message on the wire.
    std::size_t message_bytes() const noexcept { return size + (mode == mode::frames ? 4 : 0); }
};

/// A command line that cannot be run; what() is one line that names the option and the value.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Reads a command line. Throws usage_error; for --help and --version, prints and exits.
options parse(int argc, char** argv);

} // namespace load

#endif
