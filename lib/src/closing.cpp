// How a connection ends.
//
//     begin_close --> output flushed --> FIN --> input dropped until the peer's end, or 2 s --> closed
//     fail        --> whoever waits is told; a connection that is closing already is closed
//     reset       --> closed at once
#include "core.hpp"

#include <boost/asio/post.hpp>

#include <array>

namespace hawser::detail {
namespace {

constexpr duration longest_linger = 2s;
constexpr std::size_t most_dropped_at_once = 256 * 1024;

} // namespace

core::core(loop& on, any_stream stream, std::shared_ptr<const settings> s, const address& peer)
    : loop_{on}, input_{on.blocks()}, output_{on.blocks()}, settings_{std::move(s)}, stream_{std::move(stream)},
      opened_{on.now()}, peer_{peer}
{
    look_every_ = settings_->look_every;
    new_turn();
    with_stream([this](auto& in) { in.attach(*this); });
    loop_.connections.push_back(*this);
}

core::~core()
{
    // Other threads may be looking at the handler that runs; the lock waits for them.
    const std::lock_guard lock{loop_.naming};
    drop_output();
    if (handle_)
        handle_->connection = nullptr;
}

void intrusive_ptr_release(core* c) noexcept
{
    if (--c->references_ == 0)
        delete c;
}

awaitable<void> core::half_close()
{
    check_output();
    do
        co_await flush();
    while (queued() != 0); // a writer that waited was admitted meanwhile
    output_open_ = false;
    end_output();
    writers_.wake_all();
}

// TLS's end of the stream is a record, for which the kernel may have no room yet.
void core::end_output()
{
    output_ended_ = true;
    if (!with_stream([](auto& s) { return s.end_output(); }))
        start_sending();
}

awaitable<void> core::close()
{
    const boost::intrusive_ptr<core> keep{this};
    begin_close();
    while (!is_closed()) {
        waiting node;
        co_await closers_.wait(node, loop_, this);
        if (node.cancelled)
            throw_cancelled();
    }
}

awaitable<void> core::closed()
{
    const boost::intrusive_ptr<core> keep{this};
    while (!has_ended()) {
        waiting node;
        co_await closers_.wait(node, loop_, this);
        if (node.cancelled)
            throw_cancelled();
    }
}

void core::begin_close()
{
    if (state_ == connection_state::closing || state_ == connection_state::closed)
        return;
    const boost::intrusive_ptr<core> keep{this};
    state_ = connection_state::closing;
    output_open_ = false;
    if (handle_)
        handle_->connection = nullptr;
    if (loop_.output_cork.owner == this)
        flush_cork(loop_);
    writers_.wake_all();
    if (reading_ && reader_)
        return interrupt(interruption::error); // resume_reader() goes on
    continue_close();
}

void core::continue_close()
{
    if (failed_)
        return close_now();
    if (!output_.empty() || reading_)
        return; // send_pending() or the end of the read comes back
    if (!output_ended_ && (!peer_ended_ || over_tls()))
        end_output();
    if (peer_ended_ && !sending_)
        return close_now();
    if (linger_until_ == time_point::max()) {
        linger_until_ = after(loop_.now(), longest_linger);
        loop_.arm(*this, linger_until_);
    }
    if (!peer_ended_)
        linger();
}

// Drops input, so that the peer reads all of the output: closing a socket that holds unread input resets it.
void core::linger()
{
    held_ = 0;
    input_.release();
    std::array<char, 16 * 1024> dropped;
    error_code e;
    for (std::size_t total = 0; total < most_dropped_at_once && !e;) {
        const std::size_t n = with_stream([&](auto& s) { return s.drop_now(dropped.data(), dropped.size(), e); });
        counts_.bytes_in += n;
        loop_.counts.bytes_in.add(n);
        total += n;
    }
    if (e && e != boost::asio::error::would_block && e != boost::asio::error::try_again) {
        peer_ended_ = true;
        if (e == boost::asio::error::eof && sending_)
            return; // this side's end is still to be sent
        return close_now();
    }
    awaits_ = awaiting::end;
    reading_ = true;
    with_stream([this](auto& s) { s.wait_readable(*this); });
}

void core::close_now() noexcept
{
    if (state_ == connection_state::closed)
        return;
    const boost::intrusive_ptr<core> keep{this};
    state_ = connection_state::closed;
    output_open_ = false;
    awaits_ = awaiting::nothing;
    with_stream([](auto& s) { s.close(); });
    drop_output();
    loop_.cancel(*this);
    wake_everybody();
    if (handle_)
        handle_->connection = nullptr;
    loop_.descriptors->freed();
    if (listener_)
        tell_listener();
}

void core::set_listener(std::unique_ptr<close_listener> l)
{
    listener_ = std::move(l);
    if (is_closed())
        tell_listener();
}

void core::tell_listener()
{
    boost::asio::post(loop_.context(),
                      [keep = boost::intrusive_ptr<core>{this}, l = std::move(listener_)] { l->connection_closed(); });
}

void core::wake_everybody()
{
    writers_.wake_all();
    flushers_.wake_all();
    closers_.wake_all();
    if (drain_flushing_) {
        drain_flushing_ = false;
        post_input(input::failed);
    }
}

void core::reset() noexcept
{
    if (state_ == connection_state::closed)
        return;
    if (!std::exchange(failed_, true))
        error_ = errc::connection_closed;
    with_stream([](auto& s) { s.reset(); });
    close_now();
}

void core::fail(const error_code& e) noexcept
{
    if (state_ == connection_state::closed)
        return;
    if (!std::exchange(failed_, true))
        error_ = e;
    output_open_ = false;
    drop_output();
    if (state_ == connection_state::closing && !reader_)
        return reset();
    wake_everybody();
    interrupt(interruption::error);
}

void core::fail(std::exception_ptr e) noexcept
{
    if (!std::exchange(failed_, true))
        thrown_ = std::move(e);
    fail(error_code{errc::connection_closed});
}

// The loop ends: nothing may wait any more, and nothing is told.
void core::abandon() noexcept
{
    const boost::intrusive_ptr<core> keep{this};
    state_ = connection_state::closed;
    with_stream([](auto& s) { s.close(); });
    with_stream([](auto& s) { s.abandon(); });
    drop_output();
    const resumption gone = std::move(reader_);
    writers_.abandon();
    flushers_.abandon();
    closers_.abandon();
    const std::unique_ptr<close_listener> untold = std::move(listener_);
}

void core::set_timeouts(const hawser::timeouts& t)
{
    validate(t);
    own_timeouts_ = std::make_unique<const hawser::timeouts>(t);
    look_every_ = look_interval(t);
    loop_.arm(*this, after(loop_.now(), look_every_));
}

std::shared_ptr<handle_target> core::make_handle()
{
    const bool ends = state_ == connection_state::closing || state_ == connection_state::closed;
    if (!handle_)
        handle_ = std::make_shared<handle_target>(handle_target{loop_.shared_from_this(), ends ? nullptr : this});
    return handle_;
}

int core::descriptor() noexcept
{
    return with_stream([](auto& s) { return s.descriptor(); });
}

address core::local() noexcept
{
    const int fd = descriptor();
    return fd < 0 ? address{} : local_address(fd);
}

awaiting core::awaits() const noexcept
{
    if (awaits_ != awaiting::nothing)
        return awaits_;
    if (!writers_.empty())
        return awaiting::output_room;
    return flushers_.empty() ? awaiting::nothing : awaiting::output_flushed;
}

std::optional<time_point> core::awaits_since() const noexcept
{
    switch (awaits()) {
    case awaiting::readability:
    case awaiting::input: return wait_since_;
    case awaiting::handshake: return opened_;
    case awaiting::output_room: return writers_.since();
    case awaiting::output_flushed: return flushers_.empty() ? std::nullopt : std::optional{flushers_.since()};
    case awaiting::end: return linger_until_ - longest_linger;
    case awaiting::nothing:
    case awaiting::turn: break;
    }
    return std::nullopt;
}

} // namespace hawser::detail
