// SPDX-License-Identifier: BSL-1.0

// How a connection ends.
//
//     begin_close --> output flushed, input dropped --> FIN --> the peer's end, or silence --> closed
//                            |
//                            `-- an answer that was torn --> acknowledged, or 2 s --> reset
//     fail        --> whoever waits is told; what was accepted is still sent, under the write rule
//     break_off   --> the same, but what was accepted is lost, and the end is a reset
//     reset       --> closed at once
#include "connection/core.hpp"
#include "values/system_call.hpp"

#include <array>

namespace hawser::detail {
namespace {

constexpr duration longest_silence = 2s;         // of a peer that is lingered for,
constexpr duration longest_linger = 30s;         // and in all
constexpr duration longest_acknowledgement = 2s; // that is waited for, before a reset discards what only the kernel has
constexpr duration between_looks = 5ms;          // whether it has come
constexpr std::size_t most_dropped_at_once = 256 * 1024;

} // namespace

core::core(loop& on, any_stream stream, std::shared_ptr<const settings> s, const address& peer)
    : stream_owner{on}, input_{on.blocks()}, output_{on.blocks()}, settings_{std::move(s)}, stream_{std::move(stream)},
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
    intrusive_ptr_release(static_cast<tenant*>(c));
}

awaitable<void> core::half_close()
{
    const boost::intrusive_ptr<core> keep{this};
    check_output();
    do {
        co_await flush();
        check_output();      // which another coroutine may have ended meanwhile
    } while (queued() != 0); // a writer that waited was admitted meanwhile
    output_open_ = false;
    end_output();
    writers_.wake_all();
}

// TLS's end of the stream is a record, for which the kernel may have no room yet.
void core::end_output()
{
    output_ended_ = true;
    if (!with_stream([this](auto& s) { return s.end_output(!cut_short_); }))
        start_sending();
}

awaitable<void> core::close()
{
    const boost::intrusive_ptr<core> keep{this};
    begin_close();
    while (!is_closed()) {
        waiting node;
        co_await closers_.wait(node, loop_, this);
        node.check();
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
    end_input_wait();
    continue_close();
}

void core::handler_ended(handler_end how) noexcept
{
    if (!reader_) {
        held_ = 0;
        input_.release();
    }
    if (state_ == connection_state::open || state_ == connection_state::draining) {
        cut_short_ = how == handler_end::threw;
        torn_ = how != handler_end::returned && (answer_ == answer::torn || (cut_short_ && answer_ != answer::whole));
    }
    begin_close();
}

void core::continue_close()
{
    if (is_closed())
        return;
    if (broken_)
        return reset();
    if (reading_ && !lingering_)
        return; // its coroutine goes on first
    if (output_.empty())
        end_stream();
    if (!is_closed() && !peer_ended_ && !reading_)
        linger();
}

// All output is in the kernel's hands.
void core::end_stream()
{
    if (torn_) {
        if (wait_for_acknowledgement())
            loop_.arm(*this, after(loop_.now(), between_looks));
        return;
    }
    if (!output_ended_ && (!peer_ended_ || over_tls()))
        end_output();
    if (sending_)
        return; // TLS's end: on_writable() comes back
    if (peer_ended_)
        return close_now();
    if (end_since_ == time_point::max()) {
        end_since_ = loop_.now();
        still_lingers();
    }
}

// It does so while bytes come, but at drain no longer than it may be silent.
void core::still_lingers() noexcept
{
    const time_point latest = after(end_since_, draining_ ? longest_silence : longest_linger);
    end_until_ = std::min(after(loop_.now(), longest_silence), latest);
    loop_.arm(*this, end_until_);
}

// Nothing tells of an acknowledgement, so that it is looked for. False: it has come, and the connection is reset.
bool core::wait_for_acknowledgement()
{
    if (end_since_ == time_point::max()) {
        end_since_ = loop_.now();
        end_until_ = after(end_since_, longest_acknowledgement);
        kept_ = this;
    }
    awaits_ = awaiting::output_flushed;
    if (with_stream([](auto& s) { return s.unacknowledged(); }) != 0)
        return true;
    reset();
    return false;
}

time_point core::look_at_end(time_point now)
{
    if (now >= end_until_) {
        let_go();
        return time_point::max();
    }
    if (torn_ && end_since_ != time_point::max())
        return wait_for_acknowledgement() ? after(now, between_looks) : time_point::max();
    return end_until_;
}

void core::let_go() noexcept
{
    if (torn_)
        reset();
    else
        close_now();
}

// Drops input, so that the peer reads all of the output: one that cannot write may not read either, and closing a
// socket that holds unread input resets it. Not into the connection's own input, of which a handler that still runs may
// have a view.
void core::linger()
{
    std::array<char, 16 * 1024> dropped;
    error_code e;
    std::size_t total = 0;
    while (total < most_dropped_at_once && !e) {
        const std::size_t n = with_stream([&](auto& s) { return s.drop_now(dropped.data(), dropped.size(), e); });
        counts_.bytes_in += n;
        loop_.counts.bytes_in.add(n);
        total += n;
    }
    if (total != 0 && end_since_ != time_point::max() && !torn_)
        still_lingers();
    if (e && !would_block(e)) {
        peer_ended_ = true;
        if (e == boost::asio::error::eof && (sending_ || torn_))
            return; // there is more to be sent, or to be acknowledged
        return close_now();
    }
    awaits_ = end_since_ != time_point::max() && !torn_ ? awaiting::end : awaiting::output_flushed;
    reading_ = lingering_ = true;
    with_stream([this](auto& s) { s.wait_readable(*this); });
}

void core::close_now() noexcept
{
    if (state_ == connection_state::closed)
        return;
    const boost::intrusive_ptr<core> keep{this};
    if (kept_) { // which the wheel may be looking at
        call_later();
        kept_.reset();
    }
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

void core::set_listener(std::unique_ptr<connection_owner> l)
{
    listener_ = std::move(l);
    if (is_closed())
        tell_listener();
}

void core::tell_listener() noexcept
{
    later_.tell = true;
    call_later();
}

void core::call_later() noexcept
{
    if (std::exchange(later_.asked, true))
        return;
    intrusive_ptr_add_ref(this); // until it is called
    if (!loop_.ask(later_))
        later_.dropped();
}

void core::later::called()
{
    asked = false;
    const boost::intrusive_ptr<core> keep{&of, false};
    if (resume && tell)
        of.call_later(); // one thing at a time
    if (std::exchange(resume, false))
        return of.resume_reader();
    if (std::exchange(tell, false)) {
        const std::unique_ptr<connection_owner> told = std::move(of.listener_);
        told->connection_closed();
    }
}

void core::later::dropped() noexcept
{
    asked = false;
    const boost::intrusive_ptr<core> last{&of, false};
}

void core::wake_everybody() noexcept
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
    broken_ = true;
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
    wake_everybody();
    if (reader_)
        interrupt(interruption::error);
}

void core::break_off(const error_code& e) noexcept
{
    if (state_ == connection_state::closed)
        return;
    broken_ = true;
    drop_output();
    fail(e);
    if (state_ == connection_state::closing && !reader_)
        reset();
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
    kept_.reset();
    state_ = connection_state::closed;
    with_stream([](auto& s) { s.close(); });
    with_stream([](auto& s) { s.abandon(); });
    drop_output();
    const resumption gone = std::move(reader_);
    writers_.abandon();
    flushers_.abandon();
    closers_.abandon();
    const std::unique_ptr<connection_owner> untold = std::move(listener_);
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
        handle_ =
            std::make_shared<handle_target>(loop_.shared_from_this(), ends ? nullptr : this, settings_->high_water);
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
    case awaiting::output_flushed:
        if (state_ == connection_state::closing)
            return sending_ ? sending_since_ : end_since_;
        return flushers_.empty() ? std::nullopt : std::optional{flushers_.since()};
    case awaiting::end: return end_since_;
    case awaiting::nothing:
    case awaiting::turn: break;
    }
    return std::nullopt;
}

} // namespace hawser::detail
