// What a server owes to a stream of GETs: answers in HTTP/1.1, each whole, with status 200 and the body `Hello, World!`.
//
// Uses nothing but the standard library.
#ifndef LOAD_HTTP_ANSWERS_HPP
#define LOAD_HTTP_ANSWERS_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace load {

class http_answers
{
public:
    /// Takes what has arrived next. Throws failure for an answer that is none of those owed; its what() has no connection
    /// in it.
    void take(std::span<const char> piece);

    /// How many answers have arrived whole.
    std::uint64_t whole() const noexcept { return whole_; }

    /// How many answers would become whole with so many bytes more, if all are as long as the last.
    std::size_t expected_in(std::size_t bytes) const noexcept
    {
        return last_.empty() ? 0 : (rest_.size() + bytes) / last_.size();
    }

    /// The beginning of an answer has arrived, and not its end.
    bool unfinished() const noexcept { return !rest_.empty(); }

private:
    std::size_t whole_answer(std::string_view text);

    std::string last_; // the last answer that was read field by field: most of the next are equal to it
    std::string rest_;
    std::uint64_t whole_ = 0;
};

} // namespace load

#endif
