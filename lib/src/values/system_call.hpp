// SPDX-License-Identifier: BSL-1.0

// What every system call has in common.
#ifndef HAWSER_SRC_VALUES_SYSTEM_CALL_HPP
#define HAWSER_SRC_VALUES_SYSTEM_CALL_HPP

#include <hawser/error.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace hawser::inline v0_1::detail {

static_assert(EAGAIN == EWOULDBLOCK);

/// Of the call that has just failed.
inline error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

/// Throws what this call has failed with.
[[noreturn]] inline void throw_failed(const char* call, const error_code& why)
{
    throw error{why, std::string{call} + ": " + why.message()};
}

/// Nothing is possible now; it is no failure.
inline bool would_block(const error_code& e) noexcept
{
    return e.value() == EAGAIN && e.category() == boost::system::system_category();
}

/// Calls `f` again as long as a signal interrupts it.
template <class F>
auto uninterrupted(F&& f) noexcept
{
    decltype(f()) n{};
    do
        n = f();
    while (n < 0 && errno == EINTR);
    return n;
}

/// Whoever closes the socket next resets its connection.
inline void reset_on_close(int descriptor) noexcept
{
    const ::linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace hawser::inline v0_1::detail

#endif
