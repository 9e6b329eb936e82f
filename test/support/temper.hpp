// SPDX-License-Identifier: BSL-1.0

// What a random life of a connection is like, and what a second coroutine does to it in such a life. What takes several
// things at once hardly ever happens in lives that are all alike.
#ifndef HAWSER_TEST_TEMPER_HPP
#define HAWSER_TEST_TEMPER_HPP

#include "kit_namespace.hpp"

#include <cstdint>
#include <functional>
#include <utility>

namespace hawser::test {

enum class deed : std::uint8_t {
    close,
    half_close,
    reset,
    throws, // from a function that was posted
    post,
    write,
    flush,
    closed,
    cancel_read,
    end_race,
    end_hold,
    cancel_another,
    pause_client,
};

class temper
{
public:
    /// `some` gives a number below the one that it is called with.
    explicit temper(std::function<unsigned(unsigned)> some)
        : some_{std::move(some)}, patient_{one_of(3)}, crowded_{one_of(3)}, torn_{one_of(3)}
    {}

    /// Nobody ends the session before the end of the life, where two do at once.
    bool patient() const noexcept { return patient_; }
    /// There is little room for output, and many write, nothing as well.
    bool crowded() const noexcept { return crowded_; }
    /// The client sends lines in pieces, and reads that wait for the rest of one are cancelled.
    bool torn() const noexcept { return torn_; }

    deed some_deed()
    {
        if (!patient_ && one_of(16))
            return some_end();
        if (crowded_ && one_of(2))
            return deed::write;
        if (torn_ && one_of(2))
            return one_of(3) ? deed::end_race : deed::cancel_read;
        return static_cast<deed>(static_cast<unsigned>(deed::post) + some_(9));
    }

private:
    bool one_of(unsigned n) { return some_(n) == 0; }

    deed some_end()
    {
        const unsigned of = some_(48);
        if (of == 0)
            return deed::throws;
        if (of <= 2)
            return deed::reset;
        return of <= 25 ? deed::close : deed::half_close;
    }

    std::function<unsigned(unsigned)> some_;
    const bool patient_;
    const bool crowded_;
    const bool torn_;
};

} // namespace hawser::test

#endif
