// SPDX-License-Identifier: BSL-1.0

// What went wrong in a run: how often, by kind, with the first example of each.
//
// Uses nothing but the standard library.
#ifndef LOAD_ERRORS_HPP
#define LOAD_ERRORS_HPP

#include <cstdint>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>

namespace load {

//     connect ECONNREFUSED, ...   a connection could not be made, by the symbol of the kernel's error; ETIMEDOUT also
//                                 when it was not made in options::patience
//     send EPERM, recv EIO, ...   a connection ended by another error than a reset
//     reset                       the server reset a connection
//     closed                      the server ended a connection
//     timeout                     a connection on which a message had waited for an answer for options::patience
//     torn                        the server ended a connection within a frame or an answer of HTTP
//     wrong answer                a connection brought other bytes than it owed
//     status 404, ...             a request had a whole answer, of another status than 200
//     unanswered                  a message was begun and its connection ended, or it was due and never begun
//     lost                        the same in a run to the server's end, if sent, or due, options::grace before it
//     stuck                       the run was given up
//
// A connection that ends is given up with the messages on it, and counted once for its own reason.
class error_log
{
public:
    struct entry {
        std::uint64_t count = 0;
        std::string first; ///< one line, printable
    };

    void add(const std::string& kind, const std::string& example, std::uint64_t times = 1)
    {
        auto& found = entries_[kind];
        if (found.count == 0)
            found.first = example;
        found.count += times;
    }

    std::uint64_t of(const std::string& kind) const
    {
        const auto found = entries_.find(kind);
        return found == entries_.end() ? 0 : found->second.count;
    }

    std::uint64_t total() const
    {
        return std::accumulate(entries_.begin(), entries_.end(), std::uint64_t{0},
                               [](std::uint64_t sum, const auto& e) { return sum + e.second.count; });
    }

    /// By kind, in alphabetical order.
    const std::map<std::string, entry>& entries() const noexcept { return entries_; }

private:
    std::map<std::string, entry> entries_;
};

/// The server did what a right one does not; what() is one line.
struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace load

#endif
