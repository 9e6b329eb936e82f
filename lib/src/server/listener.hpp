// SPDX-License-Identifier: BSL-1.0

// Accepts for one listening socket of a server, on the runtime's first loop, or with reuse_port on each loop for
// itself.
//
//     waiting:   until readable; then up to 64 are taken, and each handed to the loop with the fewest connections, or
//                kept
//     full:      no permit left; goes on when one is back, and tells the server if somebody waits for that. The
//                permit is taken before accept, so that the limit is hard; with when_full::refuse it is never full, but
//                refuses whom it accepts without a permit
//     starved:   accept fails (EMFILE, ...); tried again for each connection that closes, and every 100 ms
//     suspended: until it is resumed; a drain takes what is queued all the same
//     closed:    drained, cut, or failed beyond repair
#ifndef HAWSER_SRC_SERVER_LISTENER_HPP
#define HAWSER_SRC_SERVER_LISTENER_HPP

#include "loop/calls.hpp"
#include "loop/readiness.hpp"
#include "loop/wheel.hpp"
#include "server/any_listener.hpp"
#include "server/session.hpp"
#include "sockets/listening_socket.hpp"

#include <atomic>
#include <memory>
#include <optional>

namespace hawser::inline v0_1::detail {

class listener final : public any_listener,
                       public std::enable_shared_from_this<listener>,
                       private wheel::entry,
                       private owned_call
{
public:
    /// Accepts on loop `on`, for all of them or for that one. Throws std::logic_error if that has ended.
    listener(std::shared_ptr<session_config> what, listening_socket socket, loop& on, bool for_all);

    const endpoint& where() const noexcept override { return where_; }
    loop& on() const noexcept override { return loop_; }
    bool over_tls() const noexcept override { return config_->tls != nullptr; }
    bool suspended() const noexcept override { return suspended_.load(std::memory_order_relaxed); }
    void suspend(bool on) noexcept override;
    void post_start() noexcept override { ask(request::start); }
    void post_resume() noexcept override { ask(request::resume); }
    void post_drain() noexcept override { ask(request::drain); }
    void post_cut() noexcept override { ask(request::close); }
    void post_close() noexcept override { ask(request::close); }
    int socket() const noexcept override { return socket_.get(); }

private:
    enum class state : std::uint8_t { idle, waiting, full, starved, suspended, closed };
    enum class outcome : std::uint8_t { taken, empty, retry, stop };
    enum class request : std::uint8_t {
        start = 1,
        follow_suspension = 2,
        descriptor_freed = 4,
        resume = 8,
        drain = 16,
        close = 32
    };

    void ask(request what) noexcept;
    void called() override;
    void wait();
    void begin_wait();
    void drain();
    void resume();
    void follow_suspension();
    void accept_some(int at_most);
    void watch_for_newcomers();
    void tell_of_newcomers(bool wait);
    outcome accept_one(error_code& why);
    std::optional<permit> take_permit();
    void starve(const error_code& why, bool one_by_one);
    void watch_descriptors();
    void close();
    void fail(const error_code& why);
    void take_in(descriptor fd, const address& peer, std::optional<permit> place) noexcept;
    void hand_out(descriptor fd, const address& peer, permit&& place);
    void refuse(descriptor fd, const address& peer);
    time_point on_due(time_point now) override;

    std::shared_ptr<session_config> config_;
    ledger& ledger_; // the config's
    loop& loop_;
    const endpoint where_;
    listening_socket socket_;
    readiness readiness_; // of the socket, which closes its own descriptor
    const bool for_all_;
    state state_ = state::idle;
    unsigned waits_ = 0; // the number of the last one: an earlier one that was cancelled means nothing
    std::atomic<bool> suspended_{false};
    std::atomic<unsigned> requests_{0}; // that have not been carried out
    bool draining_ = false;
    bool pause_told_ = false;
    bool one_by_one_ = false;        // starved of descriptors: each that is free is worth one call
    bool watches_newcomers_ = false; // a wait for them is under way, from this time of being full or an earlier one
    bool watching_ = false;          // a connection that closes will call
    bool newcomers_ = false;         // wait, while it is full: told to the server
};

} // namespace hawser::inline v0_1::detail

#endif
