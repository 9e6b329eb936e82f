// SPDX-License-Identifier: BSL-1.0

// How an operation hears that it is cancelled, where there may be no memory to arrange that.
#ifndef HAWSER_DETAIL_CANCELLATION_HPP
#define HAWSER_DETAIL_CANCELLATION_HPP

#include <boost/asio/associated_cancellation_slot.hpp>

#include <new>
#include <utility>

namespace hawser::inline v0_1::detail {

/// Calls `f` when the operation of this handler is cancelled. False: there is no memory for it, and the operation has
/// to fail. An initiation that throws instead destroys the coroutine that awaits it, and nobody is told.
template <class Handler, class F>
[[nodiscard]] bool assign_cancellation(const Handler& handler, F&& f)
{
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    if (!slot.is_connected())
        return true;
    try {
        slot.assign(std::forward<F>(f));
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

} // namespace hawser::inline v0_1::detail

#endif
