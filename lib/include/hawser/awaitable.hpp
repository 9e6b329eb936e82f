// SPDX-License-Identifier: BSL-1.0

// What a Hawser coroutine returns.
#ifndef HAWSER_AWAITABLE_HPP
#define HAWSER_AWAITABLE_HPP

#include <hawser/detail/boost_version.hpp>

#include <boost/asio/awaitable.hpp>

namespace hawser::inline v0_1 {

/// Asio's own coroutine type, never one of ours: a handler can await whatever speaks Asio.
template <class T>
using awaitable = boost::asio::awaitable<T>;

} // namespace hawser::inline v0_1

#endif
