// SPDX-License-Identifier: BSL-1.0

// Which address of a host to connect to, and when: RFC 8305 (Happy Eyeballs), sections 4 and 5.
//
//     started     |-- A (IPv6) ----------------------------------------- closed
//                 |<-- delay -->|-- B (IPv4) --x refused
//                                              |-- C (IPv6) -- connected
//
// The schedule alone: it opens no socket and reads no clock. Of section 3 (a query for each family, and the time to
// wait for the second) nothing is here: getaddrinfo asks for both and answers once.
#ifndef HAWSER_SRC_CLIENT_RACE_HPP
#define HAWSER_SRC_CLIENT_RACE_HPP

#include "values/address.hpp"

#include <hawser/time.hpp>

#include <cstddef>
#include <optional>

namespace hawser::inline v0_1::detail {

/// The addresses, one family after the other in turn, the first one's first; within a family they keep their order,
/// which is getaddrinfo's (RFC 6724). A First Address Family Count of 1.
address_list interleave(const address_list& preferred);

class race
{
public:
    /// `delay` is the Connection Attempt Delay.
    race(std::size_t addresses, duration delay) noexcept : addresses_{addresses}, delay_{delay} {}

    /// The next address to try, by its place in the list, if it is time to; to be asked again until there is none.
    std::optional<std::size_t> next(time_point now) noexcept;

    /// One that was tried has failed: the next one's time has come.
    void failed() noexcept;

    /// When next() has an address; time_point::max() when none is left.
    time_point due() const noexcept { return started_ < addresses_ ? due_ : time_point::max(); }

    /// All have failed, or there is none.
    bool lost() const noexcept { return failed_ == addresses_; }

private:
    std::size_t addresses_;
    duration delay_;
    std::size_t started_ = 0;
    std::size_t failed_ = 0;
    time_point due_ = time_point::min();
};

} // namespace hawser::inline v0_1::detail

#endif
