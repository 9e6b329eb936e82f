// SPDX-License-Identifier: BSL-1.0

// TLS over a socket: what waits between the engine and the loop.
//
// A read lets the socket put ciphertext where the plaintext is to go, and has the engine decrypt it in place: as many
// system calls as a read without TLS. While the engine holds something already, nothing is waited for.
#include "transport/stream.hpp"
#include "transport/stream_owner.hpp"
#include "transport/tls_engine.hpp"

#include <algorithm>
#include <limits>

namespace hawser::inline v0_1::detail {
namespace {

using step = tls_engine::step;
constexpr std::size_t all_of_it =
    std::numeric_limits<std::size_t>::max();    // of a hello: client_hello::largest bounds it
constexpr std::size_t largest_read = 16 * 1024; // fits OpenSSL's buffer, so that hardly ever something has to be kept

} // namespace

template <auto member>
void tls_stream::call(polled_socket& s, stream_owner& c, const error_code& e)
{
    (static_cast<tls_stream&>(s).*member)(c, e);
}

tls_stream::tls_stream(poller& on, detail::descriptor socket, family of, std::shared_ptr<const tls_configuration> from,
                       block_pool& pool, error_code& e)
    : polled_socket{on, std::move(socket), of, e}, engine_{std::make_unique<tls_engine>(std::move(from), descriptor(),
                                                                                        pool)}
{}
tls_stream::tls_stream(poller& on, detail::descriptor socket, family of, std::shared_ptr<const tls_context> context,
                       std::string host, block_pool& pool, error_code& e)
    : polled_socket{on, std::move(socket), of, e}, engine_{std::make_unique<tls_engine>(
                                                       std::move(context), std::move(host), descriptor(), pool)}
{}
tls_stream::tls_stream(tls_stream&&) noexcept = default;
tls_stream::~tls_stream() = default;

// ---- The handshake

void tls_stream::handshake(stream_owner& c, std::shared_ptr<handshake_places> places)
{
    if (!engine_->operation.handshake)
        engine_->operation.handshake.emplace(*this, c, c.on(), std::move(places));
    if (engine_->gathers())
        begin(reader_, way::in, call<&tls_stream::gather>);
    else
        ask_for_turn(c);
}

void tls_stream::gather(stream_owner& c, const error_code& e)
{
    if (e)
        return c.on_handshake(e);
    const bool has_place = engine_->operation.handshake->has_place();
    switch (engine_->gather(has_place ? all_of_it : tls_engine::gathered_without_place)) {
    case step::done: return ask_for_turn(c);
    case step::ended: return c.on_handshake(boost::asio::error::eof);
    case step::failed: return c.on_handshake(engine_->error());
    case step::wants_input:
    case step::wants_output: break;
    }
    emptied();
    waits_for_peer(c, way::in, call<&tls_stream::gather>);
}

void tls_stream::can_shake(stream_owner& c, const error_code& e)
{
    if (e)
        return c.on_handshake(e);
    ask_for_turn(c);
}

// As long as it waits for its place it has to notice that its peer has left; it is not read from, so that an end that
// stands behind more bytes is seen too.
void tls_stream::ask_for_turn(stream_owner& c)
{
    engine_->operation.handshake->wait();
    waits_for_turn(c, {});
}

void tls_stream::waits_for_turn(stream_owner& c, const error_code& e)
{
    if (!e && !(engine_->operation.handshake->waits_for_place() && engine_->has_lost_peer()))
        return begin(reader_, way::news, call<&tls_stream::waits_for_turn>);
    if (engine_) // which goes when the connection is closed
        engine_->operation.handshake->leave();
    c.on_handshake(e ? e : engine_->error());
}

void tls_stream::turn_came()
{
    reader_.then = engine_->gathers() ? call<&tls_stream::gather> : call<&tls_stream::handshake_step>;
    end_now(reader_);
}

void tls_stream::handshake_step(stream_owner& c, const error_code& e)
{
    if (e)
        return c.on_handshake(e);
    switch (engine_->handshake()) {
    case step::wants_input: emptied(); return waits_for_peer(c, way::in, call<&tls_stream::can_shake>);
    case step::wants_output: return waits_for_peer(c, way::out, call<&tls_stream::can_shake>);
    case step::done: engine_->operation.handshake.reset(); return c.on_handshake({});
    case step::ended: return c.on_handshake(boost::asio::error::eof);
    case step::failed: return c.on_handshake(engine_->error());
    }
}

// Whose peer has had its time, and has not said all of its answer, makes room at once if others wait.
void tls_stream::waits_for_peer(stream_owner& c, way what, function then)
{
    shaking_hands& it = *engine_->operation.handshake;
    if (it.has_place() || !engine_->gathers())
        it.waits_for_peer(engine_->sent());
    if (it.holds_up_others() && c.yield_place(what == way::out))
        return;
    c.handshake_waits();
    begin(reader_, what, then);
}

void tls_stream::give_up_handshake() noexcept
{
    if (engine_)
        engine_->give_up();
}

bool tls_stream::handshake_waits_for_us() const noexcept
{
    return engine_ && engine_->operation.handshake && engine_->operation.handshake->waits_for_us();
}

time_point tls_stream::handshake_waits_since() const noexcept
{
    return engine_ && engine_->operation.handshake ? engine_->operation.handshake->peer_since() : time_point::max();
}

time_point tls_stream::peer_has_until() const noexcept
{
    return engine_ && engine_->operation.handshake ? engine_->operation.handshake->peer_has_until() : time_point::max();
}

bool tls_stream::holds_up_others() const noexcept
{
    return engine_ && engine_->operation.handshake && engine_->operation.handshake->holds_up_others();
}

std::uint64_t tls_stream::received() const noexcept
{
    return engine_ ? engine_->received() : 0;
}

bool tls_stream::record_has_begun() const noexcept
{
    return engine_ && engine_->record_has_begun();
}

duration tls_stream::waited_for_place(time_point now) const noexcept
{
    return engine_ && engine_->operation.handshake ? engine_->operation.handshake->waited(now) : duration::zero();
}

void shaking_hands::wait() noexcept
{
    stop_waiting_for_peer();
    since_ = loop_.now();
    if (wants_place())
        places_->wait(*this);
    else
        loop_.handshakes().wait(*this);
}

void shaking_hands::waits_for_peer(std::uint64_t sent) noexcept
{
    const time_point now = loop_.now();
    peer_since_ = std::min(peer_since_, now);
    stop_waiting_for_peer();
    if (turn_since_ == time_point::max() || sent != sent_) {
        turn_since_ = now;
        sent_ = sent;
    }
    if (place_)
        places_->is_at_peer(*this);
}

void shaking_hands::hurry() noexcept
{
    owner_.look_by(std::max(loop_.now(), peer_has_until()));
}

void shaking_hands::turn()
{
    stream_.turn_came();
}

void shaking_hands::place() noexcept
{
    place_ = handshake_place{places_};
    waited_ = loop_.now() - since_;
    loop_.handshakes().wait(*this);
}

bool tls_stream::has_begun() const noexcept
{
    return engine_ && engine_->has_begun();
}

bool tls_stream::opened() const noexcept
{
    return engine_ && engine_->opened();
}

// ---- Reading

void tls_stream::wait_readable(stream_owner&)
{
    if (engine_->holds_input() && !engine_->operation.dropping)
        begin_now(reader_, call<&tls_stream::readable>);
    else
        begin(reader_, engine_->operation.read_wants_output ? way::out : way::in, call<&tls_stream::readable>);
}

void tls_stream::wait_arrival(stream_owner&)
{
    begin(reader_, way::in, call<&tls_stream::readable>);
}

error_code tls_stream::end_without_notice() noexcept
{
    return engine_->truncated();
}

void tls_stream::wait_gone(stream_owner&)
{
    begin(reader_, way::gone, call<&tls_stream::readable>);
}

peer_sight tls_stream::look_at_peer(error_code& e) noexcept
{
    const peer_sight seen = polled_socket::look_at_peer(e);
    const bool holds = engine_ && engine_->holds_input();
    return holds && (seen == peer_sight::nothing || seen == peer_sight::ended) ? peer_sight::unread : seen;
}

void tls_stream::readable(stream_owner& c, const error_code& e)
{
    c.on_readable(e);
}

std::size_t tls_stream::read_now(char* into, std::size_t size, error_code& e) noexcept
{
    e = {};
    std::size_t n = 0;
    step next = step::wants_input;
    if (engine_->holds_input() || engine_->operation.read_wants_output)
        n = engine_->read(into, size, next);
    for (bool possible = true; n == 0 && next == step::wants_input && possible; possible = may_receive()) {
        const std::size_t received = receive(into, std::min(size, largest_read), e);
        if (e == boost::asio::error::eof) // the engine has not seen the peer end its stream, or nobody would read
            e = engine_->truncated();
        if (e)
            return 0;
        engine_->feed({into, received});
        n = engine_->read(into, size, next);
    }
    engine_->operation.read_wants_output = n == 0 && next == step::wants_output;
    if (n != 0)
        return n;
    switch (next) {
    case step::done:
    case step::wants_input:
    case step::wants_output: e = boost::asio::error::would_block; break;
    case step::ended: e = boost::asio::error::eof; break;
    case step::failed: e = engine_->error(); break;
    }
    return 0;
}

// As it comes from the wire: nobody is going to look at it.
std::size_t tls_stream::drop_now(char* into, std::size_t size, error_code& e) noexcept
{
    engine_->operation.dropping = true;
    engine_->operation.read_wants_output = false;
    return receive(into, size, e);
}

// ---- Writing

std::size_t tls_stream::write_now(two_pieces from, error_code& e) noexcept
{
    step next = step::done;
    const std::size_t n = engine_->write(from, next);
    engine_->operation.write_wants_input = next == step::wants_input;
    switch (next) {
    case step::done: e = {}; break;
    case step::wants_input:
    case step::wants_output: e = boost::asio::error::would_block; break;
    case step::ended: e = boost::asio::error::broken_pipe; break;
    case step::failed: e = engine_->error(); break;
    }
    return n;
}

void tls_stream::wait_writable(stream_owner&)
{
    begin(writer_, engine_->operation.write_wants_input ? way::in : way::out, call<&tls_stream::writable>);
}

void tls_stream::writable(stream_owner& c, const error_code&)
{
    c.on_writable();
}

std::size_t tls_stream::unacknowledged() noexcept
{
    return engine_ ? engine_->plaintext_of(polled_socket::unacknowledged()) : 0;
}

// ---- The end

bool tls_stream::end_output(bool whole) noexcept
{
    if (whole && engine_->end() == step::wants_output)
        return false;
    shut_down_output();
    return true;
}

void tls_stream::close() noexcept
{
    polled_socket::close();
    engine_.reset();
}

void tls_stream::reset() noexcept
{
    polled_socket::reset();
    engine_.reset();
}

// ---- Facts

tls_error tls_stream::failure() const
{
    return engine_ ? tls_error{engine_->error(), engine_->words()} : tls_error{errc::connection_closed, "closed"};
}

std::optional<tls_info> tls_stream::facts() const
{
    return engine_ && engine_->established() ? std::optional{engine_->facts()} : std::nullopt;
}

} // namespace hawser::inline v0_1::detail
