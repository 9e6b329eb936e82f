// SPDX-License-Identifier: BSL-1.0

// Receives datagrams on one socket of a server, on the runtime's first loop, and runs a handler for each.
//
//     receiving: wait until readable, take up to 64, each that its sender's rate admits to a handler of its own
//     full:      as many handlers run as may; goes on when one ends. What comes meanwhile is the kernel's.
//     resting:   receiving fails, again and again or for want of memory: tried again after 100 ms
//     suspended: until it is resumed; what comes meanwhile is the kernel's
//     closing:   drained, or the socket is beyond repair; closed when the last handler has ended
//     closed
#ifndef HAWSER_SRC_DATAGRAM_LISTENER_HPP
#define HAWSER_SRC_DATAGRAM_LISTENER_HPP

#include "datagram/rate.hpp"
#include "datagram/session.hpp"
#include "loop/readiness.hpp"
#include "loop/wheel.hpp"
#include "server/any_listener.hpp"

#include <hawser/server.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

namespace hawser::inline v0_1::detail {

class ledger;

class datagram_listener final : public any_listener,
                                public std::enable_shared_from_this<datagram_listener>,
                                private wheel::entry,
                                private owned_call
{
public:
    /// Receives on the runtime's first loop. Throws std::logic_error if that has ended.
    datagram_listener(std::shared_ptr<detail::ledger> of, datagram_handler handler, const datagram_options& options,
                      datagram_descriptor socket);

    const endpoint& where() const noexcept override { return where_; }
    loop& on() const noexcept override { return loop_; }
    std::size_t handlers() const noexcept override { return handlers_.load(std::memory_order_relaxed); }
    bool suspended() const noexcept override { return suspended_.load(std::memory_order_relaxed); }
    void suspend(bool on) noexcept override;
    void post_start() noexcept override { ask(request::start); }
    void post_drain() noexcept override { ask(request::close); }
    void post_cut() noexcept override { ask(request::cut); }
    void post_close() noexcept override { ask(request::close); }
    int socket() const noexcept override { return socket_.get(); }

    // For its sessions, on the loop.
    detail::ledger& ledger() const noexcept { return *ledger_; }
    const datagram_handler& handler() const noexcept { return handler_; }
    const datagram_options& options() const noexcept { return options_; }
    void add(datagram_session& s);
    void session_ended() noexcept;
    static awaitable<void> send(std::shared_ptr<datagram_listener> self, const datagram_session& to,
                                bytes_view payload);

private:
    enum class state : std::uint8_t { idle, receiving, full, resting, suspended, closing, closed };
    enum class request : std::uint8_t { start = 1, go_on = 2, close = 4, cut = 8 };

    void ask(request what) noexcept;
    void called() override;
    void wait();
    void begin_wait();
    void receive_some();
    void admit(const datagram_descriptor::arrival& got);
    void drop(std::uint32_t count) const noexcept;
    void rest(const error_code& why);
    void fail(const error_code& why);
    void stop_receiving() noexcept;
    void close_if_done() noexcept;
    time_point on_due(time_point now) override;

    const std::shared_ptr<detail::ledger> ledger_;
    const datagram_handler handler_;
    const datagram_options options_;
    loop& loop_;
    datagram_descriptor socket_;
    const endpoint where_;
    readiness readiness_; // of the socket, which closes its own descriptor
    std::optional<datagram_rate> rate_;
    std::vector<char> buffer_;
    boost::intrusive::list<datagram_session, boost::intrusive::constant_time_size<false>> sessions_;
    std::atomic<std::size_t> handlers_{0}; // changed on the loop alone
    std::atomic<bool> suspended_{false};
    std::atomic<unsigned> requests_{0}; // that have not been carried out
    std::uint32_t overflows_ = 0;       // of the kernel's count, which wraps, those already counted
    state state_ = state::idle;
    bool waits_ = false; // for the socket
    bool rest_told_ = false;
};

} // namespace hawser::inline v0_1::detail

#endif
