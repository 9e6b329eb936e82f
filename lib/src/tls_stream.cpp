// TLS over a socket: what waits between the engine and the loop.
//
// A read lets the socket put ciphertext where the plaintext is to go, and has the engine decrypt it in place: as many
// system calls as a read without TLS. What the engine holds already is given through the loop's queue.
#include "core.hpp"
#include "stream.hpp"
#include "tls_engine.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace hawser::detail {
namespace {

using step = tls_engine::step;
constexpr std::size_t largest_read = 16 * 1024; // fits OpenSSL's buffer, so that hardly ever something has to be kept

const error_code aborted = boost::asio::error::operation_aborted;

} // namespace

// Calls a function of the stream; keeps its connection, and takes the operation's memory from the connection's loop.
template <auto function>
struct tls_stream::handler {
    boost::intrusive_ptr<core> keep;
    tls_stream* on;
    using allocator_type = operation_allocator<void>;
    allocator_type get_allocator() const noexcept { return allocator_type{keep->on().operations}; }
    void operator()() const { (on->*function)(*keep, error_code{}); }
    void operator()(const error_code& e) const { (on->*function)(*keep, e); }
    void operator()(const error_code& e, std::size_t n) const { (on->*function)(*keep, e, n); }
};

tls_stream::tls_stream(socket s, std::unique_ptr<tls_engine> engine) noexcept
    : socket_{std::move(s)}, engine_{std::move(engine)}
{}
tls_stream::tls_stream(tls_stream&&) noexcept = default;
tls_stream& tls_stream::operator=(tls_stream&&) noexcept = default;
tls_stream::~tls_stream() = default;

// ---- The handshake

void tls_stream::handshake(core& c)
{
    engine_->operation.cancelled = false;
    if (engine_->is_client()) // which may be refused at once, and must not complete where it was begun
        return boost::asio::post(socket_.get_executor(), handler<&tls_stream::shake>{&c, this});
    socket_.async_wait(socket::wait_read, handler<&tls_stream::shake>{&c, this});
}

void tls_stream::shake(core& c, const error_code& e)
{
    if (e || !engine_ || engine_->operation.cancelled)
        return c.on_handshake(e ? e : aborted);
    switch (engine_->shake()) {
    case step::wants_input: return socket_.async_wait(socket::wait_read, handler<&tls_stream::shake>{&c, this});
    case step::wants_output: return socket_.async_wait(socket::wait_write, handler<&tls_stream::shake>{&c, this});
    case step::done: return c.on_handshake({});
    case step::ended: return c.on_handshake(boost::asio::error::eof);
    case step::failed: return c.on_handshake(engine_->error());
    }
}

bool tls_stream::has_begun() const noexcept
{
    return engine_ && engine_->has_begun();
}

// ---- Reading

void tls_stream::read(core& c, char* into, std::size_t size)
{
    engine_->operation.cancelled = false;
    engine_->operation.into = into;
    engine_->operation.size = size;
    if (engine_->holds_input())
        boost::asio::post(socket_.get_executor(), handler<&tls_stream::decrypt>{&c, this});
    else
        receive(c);
}

void tls_stream::receive(core& c)
{
    socket_.async_read_some(
        boost::asio::buffer(engine_->operation.into, std::min(engine_->operation.size, largest_read)),
        handler<&tls_stream::received>{&c, this});
}

void tls_stream::received(core& c, const error_code& e, std::size_t n)
{
    if (!engine_)
        return c.on_read(aborted, 0);
    if (e == boost::asio::error::eof) // the engine has not seen the peer end its stream, or nobody would read
        return c.on_read(engine_->truncated(), 0);
    if (e)
        return c.on_read(e, 0);
    engine_->feed({engine_->operation.into, n});
    decrypt(c, {});
}

void tls_stream::decrypt(core& c, const error_code& e)
{
    if (!engine_ || e)
        return c.on_read(aborted, 0);
    step next = step::wants_input;
    if (const std::size_t n = engine_->read(engine_->operation.into, engine_->operation.size, next); n != 0)
        return c.on_read({}, n);
    if (engine_->operation.cancelled && next != step::failed && next != step::ended)
        return c.on_read(aborted, 0);
    switch (next) {
    case step::done:
    case step::wants_input: return receive(c);
    case step::wants_output: return socket_.async_wait(socket::wait_write, handler<&tls_stream::decrypt>{&c, this});
    case step::ended: return c.on_read(boost::asio::error::eof, 0);
    case step::failed: return c.on_read(engine_->error(), 0);
    }
}

void tls_stream::wait_readable(core& c)
{
    if (engine_->holds_input() && !engine_->operation.dropping)
        boost::asio::post(socket_.get_executor(), handler<&tls_stream::readable>{&c, this});
    else
        socket_.async_wait(socket::wait_read, handler<&tls_stream::readable>{&c, this});
}

void tls_stream::readable(core& c, const error_code& e)
{
    c.on_readable(e);
}

std::size_t tls_stream::read_now(char* into, std::size_t size, error_code& e) noexcept
{
    step next = step::wants_input;
    const std::size_t n = engine_->read_directly(into, size, next);
    if (n != 0)
        next = step::done;
    switch (next) {
    case step::done: e = {}; break;
    case step::wants_input:
    case step::wants_output: e = boost::asio::error::would_block; break;
    case step::ended: e = boost::asio::error::eof; break;
    case step::failed: e = engine_->error(); break;
    }
    return n;
}

// As it comes from the wire: nobody is going to look at it.
std::size_t tls_stream::drop_now(char* into, std::size_t size, error_code& e) noexcept
{
    engine_->operation.dropping = true;
    return receive_now(socket_.native_handle(), into, size, e);
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

void tls_stream::wait_writable(core& c)
{
    socket_.async_wait(engine_->operation.write_wants_input ? socket::wait_read : socket::wait_write,
                       handler<&tls_stream::writable>{&c, this});
}

void tls_stream::writable(core& c, const error_code& e)
{
    c.on_writable(e);
}

std::size_t tls_stream::unacknowledged() noexcept
{
    return engine_ ? engine_->plaintext_of(unacknowledged_by(socket_.native_handle())) : 0;
}

// ---- The end

void tls_stream::cancel() noexcept
{
    if (!engine_)
        return; // closed, which has ended what was pending
    engine_->operation.cancelled = true;
    error_code ignored;
    socket_.cancel(ignored);
}

bool tls_stream::end_output() noexcept
{
    if (engine_->end() == step::wants_output)
        return false;
    error_code ignored; // the peer may be gone already
    socket_.shutdown(socket::shutdown_send, ignored);
    return true;
}

void tls_stream::close() noexcept
{
    error_code ignored;
    socket_.close(ignored);
    engine_.reset();
}

void tls_stream::reset() noexcept
{
    if (socket_.is_open())
        reset_on_close(socket_.native_handle());
    close();
}

// ---- Facts

tls_error tls_stream::failure() const
{
    return engine_ ? tls_error{engine_->error(), engine_->words()} : tls_error{errc::connection_closed, "closed"};
}

std::optional<tls_facts> tls_stream::facts() const
{
    return engine_ && engine_->established() ? std::optional{engine_->facts()} : std::nullopt;
}

} // namespace hawser::detail
