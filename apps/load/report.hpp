// SPDX-License-Identifier: BSL-1.0

// What a run found, and how it is printed.
#ifndef LOAD_REPORT_HPP
#define LOAD_REPORT_HPP

#include "options.hpp"
#include "tally.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace load {

/// The moment at which SIGTERM was sent.
struct signal_sent {
    std::int64_t time = 0;
    std::uint64_t outstanding = 0; ///< messages sent whose answer had not arrived
    std::uint64_t answered = 0;    ///< messages whose answer had arrived
    unsigned attempts = 0;         ///< how often all windows were filled until enough was outstanding
};

struct report {
    tally counts;
    std::uint64_t measured = 0;             ///< messages answered in the measured part; in an open loop, due in it
    std::uint64_t due = 0;                  ///< messages of an open loop that came due in the measured part
    std::int64_t elapsed = 0;               ///< nanoseconds, of the measured part
    std::int64_t answering = 0;             ///< the same to the last answer, if that came later to an open loop
    std::int64_t clocked = 0;               ///< nanoseconds for which the processors' time was counted
    std::int64_t own_cpu = 0;               ///< nanoseconds that the load itself used of it
    std::optional<std::int64_t> server_cpu; ///< the same of the server
    std::optional<signal_sent> signal;
    std::int64_t end = 0; ///< when the last connection ended

    /// No error, and the server ended what it had to end.
    bool clean(const options& o) const noexcept;
};

std::string as_text(const options& o, const report& r);
std::string as_json(const options& o, const report& r);

} // namespace load

#endif
