// SPDX-License-Identifier: BSL-1.0

// How a connection over TLS begins: a wait like that for input, with a clock of its own.
//
//     accept_handshake --> the peer's hello --> a place --> turns --> on_handshake --> the handler
//             |                  |                            `--> refused: the alert is sent, FIN, linger
//             |                  `-- not whole by the deadline: FIN   |-- deadline: FIN
//             |                                                       `-- slow, while others wait: shed
//             `-- drain: ended, unless the peer has sent something
#include "connection/core.hpp"

#include <boost/asio/deferred.hpp>

#include <algorithm>

namespace hawser::detail {
namespace {

constexpr duration longest_wait_for_place = 10s; // that is not the peer's own time

} // namespace

void core::accept_handshake(resumption done, std::shared_ptr<handshake_places> places)
{
    reader_ = std::move(done);
    if (draining_ && !std::get<tls_stream>(stream_).has_begun())
        return post_input(input::drained);
    wait_since_ = opened_;
    loop_.arm(*this, after(opened_, timeouts().handshake));
    begin_handshake(std::move(places));
}

void core::begin_handshake(std::shared_ptr<handshake_places> places)
{
    waits_for_ = waiting_for::handshake;
    awaits_ = awaiting::handshake;
    reading_ = true;
    std::get<tls_stream>(stream_).handshake(*this, std::move(places));
}

awaitable<void> core::handshake()
{
    const boost::intrusive_ptr<core> keep{this};
    boost::asio::deferred_t token;
    co_await boost::asio::async_initiate<boost::asio::deferred_t, void()>(
        [](auto handler, core* c) {
            const bool assigned =
                assign_cancellation(handler, [c](boost::asio::cancellation_type) { c->cancel_read(); });
            c->reader_ = resumption{std::move(handler)};
            if (assigned)
                c->begin_handshake(nullptr);
            else
                c->fail_input(waiting_for::handshake);
        },
        token, this);
    switch (outcome_) {
    case input::more: co_return;
    case input::refused: throw tls_failure();
    case input::ended: throw tls_error{errc::refused_by_peer, "peer ended the connection instead of a handshake"};
    case input::drained:
    case input::cancelled: throw_cancelled();
    case input::failed: throw_error();
    }
}

core::handshake_end core::handshake_done() const noexcept
{
    switch (outcome_) {
    case input::more: return handshake_end::done;
    case input::ended:
    case input::drained: return handshake_end::none;
    case input::refused: return handshake_end::refused;
    case input::cancelled:
    case input::failed: break;
    }
    return handshake_end::failed;
}

void core::on_handshake(const error_code& e)
{
    reading_ = false;
    const interruption why = std::exchange(interruption_, interruption::none);
    if (e == boost::asio::error::operation_aborted && why == interruption::none && !failed_ &&
        state_ != connection_state::closed)
        return begin_handshake(nullptr);
    waits_for_ = waiting_for::next_unit;
    began_ = loop_.now();
    if (e)
        std::get<tls_stream>(stream_).give_up_handshake();
    finish_input(end_of_handshake(e, why));
}

core::input core::end_of_handshake(const error_code& e, interruption why) noexcept
{
    if (!e)
        return input::more;
    if (e == boost::asio::error::eof) {
        peer_ended_ = true;
        return input::ended;
    }
    if (e != boost::asio::error::operation_aborted)
        return input::refused;
    switch (why) {
    case interruption::drain: return input::drained;
    case interruption::user: return input::cancelled;
    case interruption::none:
    case interruption::closing:
    case interruption::error: break;
    }
    return input::failed;
}

// A peer that has sent nothing waits for nothing.
void core::drain_handshake() noexcept
{
    if (reading_ && !std::get<tls_stream>(stream_).has_begun())
        interrupt(interruption::drain);
}

time_point core::look_at_handshake(time_point now)
{
    const auto& tls = std::get<tls_stream>(stream_);
    if (tls.holds_up_others() && yield_place(tls.handshake_waits_to_send()))
        return time_point::max();
    const duration waited = tls.waited_for_place(now);
    const time_point deadline = after(after(opened_, timeouts().handshake), std::min(waited, longest_wait_for_place));
    const time_point peer_has_until = tls.peer_has_until();
    if (now < deadline)
        return now < peer_has_until ? std::min(deadline, peer_has_until) : deadline;
    fail(errc::handshake_timeout);
    return time_point::max();
}

// What has failed in TLS has words of its own.
void core::note_tls_failure(const error_code& e) noexcept
{
    if (failed_ || !over_tls() || e.category() != category())
        return;
    try {
        thrown_ = std::make_exception_ptr(tls_failure());
    } catch (const std::bad_alloc&) { // the code says it, without the words
    }
}

std::optional<tls_facts> core::tls() const
{
    const auto* over_tls = std::get_if<tls_stream>(&stream_);
    return over_tls != nullptr ? over_tls->facts() : std::nullopt;
}

} // namespace hawser::detail
