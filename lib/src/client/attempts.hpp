// SPDX-License-Identifier: BSL-1.0

// The attempts to connect to the addresses of one host, side by side: the sockets of a race.
#ifndef HAWSER_SRC_CLIENT_ATTEMPTS_HPP
#define HAWSER_SRC_CLIENT_ATTEMPTS_HPP

#include "client/race.hpp"
#include "loop/loop.hpp"
#include "loop/wait_queue.hpp"
#include "sockets/descriptor.hpp"
#include "values/address.hpp"

#include <hawser/awaitable.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hawser::inline v0_1::detail {

/// Shared with the handlers of its sockets, which may outlive the coroutine that awaits it. Used on its loop alone.
class attempts : public std::enable_shared_from_this<attempts>
{
public:
    /// `list` is tried in its order, `delay` apart or as soon as one fails, from the address `source` if there is one.
    attempts(loop& on, address_list list, duration delay, const std::optional<address_list::value_type>& source);

    /// Completes with the place in the list of the first address that is connected, once the other sockets are closed;
    /// with nothing when all have failed, and after interrupt(). Throws operation_aborted when it is cancelled. However
    /// it ends, nothing is left under way but what it returned.
    awaitable<std::optional<std::size_t>> first();

    /// Ends first(). On the loop.
    void interrupt();

    /// The connected socket that first() has found.
    descriptor take(std::size_t at) { return descriptor{tried_[at].socket->release()}; }
    address peer(std::size_t at) const { return {list_[at].first, list_[at].second}; }

    /// Every address has failed, though first() may have been interrupted since.
    bool lost() const noexcept { return race_.lost(); }
    /// The error of the address that failed last.
    const error_code& last_error() const noexcept { return last_; }
    /// Whether an address failed because each of this host's ports that could be connected from was in use.
    bool out_of_ports() const noexcept { return out_of_ports_; }
    /// Whether a Unix socket's queue of connections to accept was full. Nothing announces that there is room again.
    bool queue_full() const noexcept { return queue_full_; }
    /// "127.0.0.1: ECONNREFUSED, [2001:db8::1]: no answer", of as many addresses as can be read at a glance.
    std::string in_words() const;

private:
    using socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, loop::executor_type>;
    struct one {
        std::optional<attempts::socket> socket;
        std::optional<error_code> ended;
    };
    void start(std::size_t at);
    void end(std::size_t at, const error_code& e);
    void close_all_but(std::optional<std::size_t> winner) noexcept;
    error_code open(std::size_t at);
    error_code connect_to_path(std::size_t at);

    loop& on_;
    const address_list list_;
    const std::optional<address_list::value_type> source_;
    race race_;
    std::vector<one> tried_; // as many as have been started
    std::optional<std::size_t> winner_;
    bool interrupted_ = false;
    bool out_of_ports_ = false;
    bool queue_full_ = false;
    error_code last_ = boost::asio::error::host_not_found;
    waiting* node_ = nullptr; // first()'s
};

} // namespace hawser::inline v0_1::detail

#endif
