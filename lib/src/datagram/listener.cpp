// SPDX-License-Identifier: BSL-1.0
#include "datagram/listener.hpp"

#include "server/ledger.hpp"
#include "values/system_call.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace hawser::inline v0_1::detail {
namespace {

constexpr int most_at_once = 64;
constexpr duration rest_interval = 100ms;
constexpr std::size_t longest_datagram = 65'535;

} // namespace

datagram_listener::datagram_listener(std::shared_ptr<detail::ledger> of, datagram_handler handler,
                                     const datagram_options& options, datagram_descriptor socket)
    : ledger_{std::move(of)}, handler_{std::move(handler)}, options_{options}, loop_{ledger_->runtime().first()},
      socket_{std::move(socket)}, where_{socket_.where()}, readiness_{loop_},
      buffer_(std::min(options_.max_payload, longest_datagram))
{
    if (options_.rate_per_address)
        rate_.emplace(*options_.rate_per_address, options_.burst_per_address, options_.max_addresses);
}

void datagram_listener::ask(request what) noexcept
{
    requests_.fetch_or(static_cast<unsigned>(what));
    loop_.ask(*this, shared_from_this());
}

void datagram_listener::suspend(bool on) noexcept
{
    suspended_ = on;
    ask(request::go_on);
}

void datagram_listener::called()
{
    const unsigned requests = requests_.exchange(0);
    const auto asked_to = [requests](request what) { return (requests & static_cast<unsigned>(what)) != 0; };
    if (asked_to(request::start) && state_ == state::idle)
        wait();
    if (asked_to(request::go_on) &&
        (state_ == state::receiving || state_ == state::resting || state_ == state::suspended))
        receive_some();
    if (asked_to(request::close))
        stop_receiving();
    if (asked_to(request::cut))
        for (datagram_session& s : sessions_)
            s.cut(); // ends nothing before this function has returned
}

void datagram_listener::wait()
{
    try {
        begin_wait();
    } catch (const std::bad_alloc&) {
        rest(make_error_code(boost::system::errc::not_enough_memory));
    }
}

void datagram_listener::begin_wait()
{
    if (!readiness_.is_open()) {
        error_code refused;
        readiness_.assign(socket_.get(), refused);
        if (refused)
            return rest(refused);
    }
    state_ = state::receiving;
    if (waits_)
        return;
    readiness_.async_wait(readiness::wait_read, [self = shared_from_this()](const error_code& e) {
        self->waits_ = false;
        if (self->state_ != state::receiving)
            return;
        if (e)
            self->rest(e); // the poller has no memory for it: asked again later
        else
            self->receive_some();
    });
    waits_ = true;
}

// Takes what has come, up to a number, and decides how to go on.
void datagram_listener::receive_some()
{
    int failed = 0;
    for (int i = 0; i < most_at_once; ++i) {
        if (suspended()) {
            state_ = state::suspended;
            return;
        }
        if (handlers() == options_.max_handlers) {
            state_ = state::full;
            return;
        }
        datagram_descriptor::arrival got;
        const error_code e = socket_.receive(buffer_, got);
        if (!e) {
            failed = 0;
            try {
                admit(got);
            } catch (const std::bad_alloc&) { // it costs this one
                drop(1);
            }
            continue;
        }
        switch (e.value()) {
        case EAGAIN: rest_told_ = false; return wait();
        case ENOBUFS:
        case ENOMEM: return rest(e);
        case EBADF:
        case EINVAL:
        case ENOTSOCK: return fail(e);
        default: // EINTR, or what an earlier datagram of ours met, which is told once; a peer must not make it rest
            if (++failed == most_at_once)
                return rest(e);
        }
    }
    wait();
}

void datagram_listener::admit(const datagram_descriptor::arrival& got)
{
    drop(got.overflows - std::exchange(overflows_, got.overflows));
    if (got.size > options_.max_payload || (rate_ && !rate_->take(limit_key(got.sender), loop_.now())))
        return drop(1);
    auto made = std::make_unique<datagram_session>(shared_from_this(), bytes_view{buffer_.data(), got.size}, got);
    ledger_->counts.datagrams_in.fetch_add(1, std::memory_order_relaxed);
    loop_.counts.bytes_in.add(got.size);
    datagram_session::run(std::move(made));
}

void datagram_listener::drop(std::uint32_t count) const noexcept
{
    ledger_->counts.datagrams_dropped.fetch_add(count, std::memory_order_relaxed);
}

void datagram_listener::add(datagram_session& s)
{
    sessions_.push_back(s);
    handlers_.fetch_add(1, std::memory_order_relaxed);
}

void datagram_listener::session_ended() noexcept
{
    handlers_.fetch_sub(1, std::memory_order_relaxed);
    if (state_ == state::full) {
        state_ = state::receiving;
        ask(request::go_on);
    }
    close_if_done();
}

awaitable<void> datagram_listener::send(std::shared_ptr<datagram_listener> self, const datagram_session& to,
                                        bytes_view payload)
{
    for (;;) {
        const error_code e = self->socket_.send(payload, &to.arrival().sender, &to.arrival().at);
        if (!e) {
            self->ledger_->counts.datagrams_out.fetch_add(1, std::memory_order_relaxed);
            self->loop_.counts.bytes_out.add(payload.size());
            co_return;
        }
        if (would_block(e)) {
            const auto [failed] = co_await self->readiness_.async_wait(readiness::wait_write,
                                                                       boost::asio::as_tuple(boost::asio::deferred));
            if (failed)
                throw hawser::error{failed};
        } else if (e != boost::asio::error::interrupted) {
            throw hawser::error{e};
        }
    }
}

void datagram_listener::rest(const error_code& why)
{
    state_ = state::resting;
    if (!std::exchange(rest_told_, true))
        ledger_->observer().accept_paused(where_, why);
    loop_.cancel(*this);
    loop_.arm(*this, after(loop_.now(), rest_interval));
}

time_point datagram_listener::on_due(time_point)
{
    if (state_ == state::resting)
        ask(request::go_on);
    return time_point::max();
}

void datagram_listener::fail(const error_code& why)
{
    ledger_->listener_failed(where_, why);
    stop_receiving();
}

void datagram_listener::stop_receiving() noexcept
{
    if (state_ == state::closing || state_ == state::closed)
        return;
    state_ = state::closing;
    loop_.cancel(*this);
    close_if_done();
}

// The handlers answer through the socket, so it outlives them.
void datagram_listener::close_if_done() noexcept
{
    if (state_ != state::closing || handlers() != 0)
        return;
    state_ = state::closed;
    readiness_.release();
    socket_ = {};
    ledger_->listener_closed();
}

} // namespace hawser::inline v0_1::detail
