// SPDX-License-Identifier: BSL-1.0

// How a coroutine of the user's waits for a connection's input without a second coroutine: what is left of it lies in
// the connection meanwhile.
#ifndef HAWSER_DETAIL_INPUT_WAIT_HPP
#define HAWSER_DETAIL_INPUT_WAIT_HPP

#include <hawser/detail/cancellation.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/detail/resumption.hpp>
#include <hawser/detail/stream_operation.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>

#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

namespace hawser::inline v0_1::detail {

/// Whether a read waits already. Another one then has second_read() as its error.
HAWSER_EXPORT_DETAIL bool is_read(const connection_core&) noexcept;
HAWSER_EXPORT_DETAIL std::exception_ptr second_read();
/// Begins the wait for more than `have` bytes. `then` is called when they have come, with what went wrong, or when the
/// input has ended; never at once.
HAWSER_EXPORT_DETAIL void begin_input_wait(connection_core&, std::size_t have, resumption&& then, bool cancellable);

/// What Asio makes of a suspended coroutine. Its executor is the coroutine's, and so the loop's.
template <class Handler>
concept handler_of_coroutine = sizeof(Handler) <= 2 * sizeof(void*) &&
                               std::is_nothrow_move_constructible_v<Handler>&& std::is_same_v<
                                   boost::asio::associated_executor_t<Handler>, boost::asio::any_io_executor>;

template <class Handler>
void refuse_second_read(Handler handler)
{
    const auto executor = boost::asio::get_associated_executor(handler);
    boost::asio::post(executor, [h = std::move(handler)]() mutable { std::move(h)(second_read()); });
}

/// connection::wait_for_input(). What it returns is awaited at once.
inline auto await_input(connection_core& from, std::size_t have)
{
    boost::asio::deferred_t token;
    return boost::asio::async_initiate<boost::asio::deferred_t, void(std::exception_ptr)>(
        [](auto handler, connection_core* of, std::size_t n) {
            using handler_type = decltype(handler);
            static_assert(handler_of_coroutine<handler_type>,
                          "co_await it in a hawser::awaitable, or make it one with boost::asio::use_awaitable");
            if (is_read(*of)) [[unlikely]]
                return refuse_second_read(std::move(handler));
            const bool cancellable =
                assign_cancellation(handler, [of](boost::asio::cancellation_type) { cancel_stream_read(*of); });
            begin_input_wait(*of, n, resumption{std::move(handler)}, cancellable);
        },
        token, &from, have);
}

} // namespace hawser::inline v0_1::detail

#endif
