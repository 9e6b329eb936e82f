// SPDX-License-Identifier: BSL-1.0

// What a server owes to a stream of GETs: answers in HTTP/1.1, each whole, with status 200 and the body `Hello,
// World!`. An answer of another status is followed to its end.
//
// Uses nothing but the standard library.
#ifndef LOAD_HTTP_ANSWERS_HPP
#define LOAD_HTTP_ANSWERS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace load {

class http_answers
{
public:
    /// A whole answer whose status is not 200, whatever its body.
    struct other {
        unsigned status;
        std::string line; ///< the status line, printable
    };

    /// Takes what has arrived next, up to behind the first answer whose status is not 200, and returns that one; take
    /// nothing after it to go on. Throws failure for what is none of the answers owed, or has no end that can be seen;
    /// its what() has no connection in it.
    std::optional<other> take(std::span<const char> piece);

    /// How many answers have arrived whole.
    std::uint64_t whole() const noexcept { return whole_; }

    /// Begins with another stream, whose first answer is number `whole`, counted from 0.
    void restart(std::uint64_t whole) noexcept
    {
        whole_ = whole;
        rest_.clear();
    }

    /// How many answers would become whole with so many bytes more, if all are as long as the last.
    std::size_t expected_in(std::size_t bytes) const noexcept
    {
        return last_.empty() ? 0 : (rest_.size() + bytes) / last_.size();
    }

    /// The beginning of an answer has arrived, and not its end.
    bool unfinished() const noexcept { return !rest_.empty(); }

private:
    struct answer {
        std::size_t size; ///< 0: not whole
        unsigned status;
    };
    answer whole_answer(std::string_view text);

    std::string last_; // the last answer that was read field by field: most of the next are equal to it
    std::string rest_;
    std::uint64_t whole_ = 0;
};

} // namespace load

#endif
