// How a connection over TLS begins: a wait like that for input, with a clock of its own.
//
//     accept_handshake --> the peer's first bytes --> tls_stream::handshake --> on_handshake --> the handler
//             |                     |                          `--> refused: the alert is sent, FIN, linger
//             |                     `-- none by the deadline: FIN       `-- deadline: FIN
//             `-- drain: ended, unless the peer has sent something
#include "core.hpp"

#include <boost/asio/deferred.hpp>

namespace hawser::detail {

void core::accept_handshake(resumption done)
{
    reader_ = std::move(done);
    if (draining_ && !std::get<tls_stream>(stream_).has_begun())
        return post_input(input::drained);
    wait_since_ = opened_;
    loop_.arm(*this, after(opened_, timeouts().handshake));
    begin_handshake();
}

void core::begin_handshake()
{
    waits_for_ = waiting_for::handshake;
    awaits_ = awaiting::handshake;
    reading_ = true;
    std::get<tls_stream>(stream_).handshake(*this);
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
                c->begin_handshake();
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
    waits_for_ = waiting_for::next_unit;
    if (!e)
        return finish_input(input::more);
    if (e == boost::asio::error::eof) {
        peer_ended_ = true;
        return finish_input(input::ended);
    }
    if (e != boost::asio::error::operation_aborted)
        return finish_input(input::refused);
    switch (why) {
    case interruption::drain: return finish_input(input::drained);
    case interruption::user: return finish_input(input::cancelled);
    case interruption::closing:
    case interruption::error: return finish_input(input::failed);
    case interruption::none: break;
    }
    if (failed_ || state_ == connection_state::closed)
        return finish_input(input::failed);
    begin_handshake();
}

// A peer that has sent nothing waits for nothing.
void core::drain_handshake() noexcept
{
    if (reading_ && !std::get<tls_stream>(stream_).has_begun())
        interrupt(interruption::drain);
}

time_point core::look_at_handshake(time_point now)
{
    const time_point deadline = after(opened_, timeouts().handshake);
    if (now < deadline)
        return deadline;
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
