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

namespace hawser::inline v0_1::detail {

void connection_core::accept_handshake(resumption done, std::shared_ptr<handshake_places> places)
{
    input_.set_reader(std::move(done));
    input_.begin(purpose::handshake);
    if (draining() && !std::get<tls_stream>(stream_).has_begun())
        return follow(input_.post(outcome::drained));
    look_by(deadlines_.begin_wait(deadlines::kind::handshake, opened()));
    begin_handshake(std::move(places));
}

void connection_core::begin_handshake(std::shared_ptr<handshake_places> places)
{
    input_.begin_handshake();
    std::get<tls_stream>(stream_).handshake(*this, std::move(places));
}

awaitable<void> connection_core::handshake()
{
    const boost::intrusive_ptr<connection_core> keep{this};
    boost::asio::deferred_t token;
    co_await boost::asio::async_initiate<boost::asio::deferred_t, void()>(
        [](auto handler, connection_core* c) {
            const bool assigned =
                assign_cancellation(handler, [c](boost::asio::cancellation_type) { c->cancel_read(); });
            c->input_.set_reader(resumption{std::move(handler)});
            if (assigned)
                c->begin_handshake(nullptr);
            else
                c->fail_input(purpose::handshake);
        },
        token, this);
    switch (input_.how()) {
    case outcome::more: co_return;
    case outcome::refused: throw tls_failure();
    case outcome::ended: throw tls_error{errc::refused_by_peer, "peer ended the connection instead of a handshake"};
    case outcome::drained:
    case outcome::cancelled: throw_cancelled();
    case outcome::failed: throw_error();
    }
}

connection_core::handshake_end connection_core::handshake_done() const noexcept
{
    switch (input_.how()) {
    case outcome::more: return handshake_end::done;
    case outcome::ended:
    case outcome::drained: return handshake_end::none;
    case outcome::refused: return handshake_end::refused;
    case outcome::cancelled:
    case outcome::failed: break;
    }
    return handshake_end::failed;
}

void connection_core::on_handshake(const error_code& e)
{
    const interruption why = input_.end_wait();
    if (e == boost::asio::error::operation_aborted && why == interruption::none && !has_failed() && !is_closed())
        return begin_handshake(nullptr);
    input_.handshake_ended();
    deadlines_.begin_units(loop_.now());
    if (e)
        std::get<tls_stream>(stream_).give_up_handshake();
    follow(input_.finish(end_of_handshake(e, why)));
}

connection_core::outcome connection_core::end_of_handshake(const error_code& e, interruption why) noexcept
{
    if (!e)
        return outcome::more;
    if (e == boost::asio::error::eof) {
        input_.see_end(input::peer_end::read);
        return outcome::ended;
    }
    if (e != boost::asio::error::operation_aborted)
        return outcome::refused;
    switch (why) {
    case interruption::drain: return outcome::drained;
    case interruption::user: return outcome::cancelled;
    case interruption::none:
    case interruption::closing:
    case interruption::error: break;
    }
    return outcome::failed;
}

time_point connection_core::look_at_handshake(time_point now)
{
    const auto& tls = std::get<tls_stream>(stream_);
    if (tls.holds_up_others() && yield_place(tls.handshake_waits_to_send()))
        return time_point::max();
    const deadlines::due due = deadlines_.check_handshake(now, tls.waited_for_place(now), tls.peer_has_until());
    if (due.expired != deadlines::kind::none)
        fail(deadlines::error_of(due.expired));
    return due.next;
}

// What has failed in TLS has words of its own.
void connection_core::note_tls_failure(const error_code& e) noexcept
{
    if (has_failed() || !over_tls() || e.category() != category())
        return;
    try {
        ending_.set_words(std::make_exception_ptr(tls_failure()));
    } catch (const std::bad_alloc&) { // the code says it, without the words
    }
}

std::optional<tls_info> connection_core::tls() const
{
    const auto* over_tls = std::get_if<tls_stream>(&stream_);
    return over_tls != nullptr ? over_tls->facts() : std::nullopt;
}

} // namespace hawser::inline v0_1::detail
