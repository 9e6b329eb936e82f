// SPDX-License-Identifier: BSL-1.0

// What comes to a connection: input, and the looks of the wheel. It waits until its stream has something to give, and
// only then takes it: a wait that is interrupted has taken nothing, and a buffer that lies idle can go while the wait
// stays.
#include "connection/core.hpp"
#include "values/system_call.hpp"

#include <algorithm>
#include <mutex>
#include <new>

namespace hawser::inline v0_1::detail {

connection_core::connection_core(loop& on, any_stream stream, std::shared_ptr<const settings> s, const address& peer)
    : stream_owner{on}, input_{on.blocks()}, output_{on.blocks(), on.output_cork, *this, *s}, settings_{std::move(s)},
      deadlines_{*settings_, on.now()}, stream_{std::move(stream)}, peer_{peer}
{
    with_stream([this](auto& in) { in.attach(*this); });
    loop_.connections.push_back(*this);
}

connection_core::~connection_core()
{
    // Other threads may be looking at the handler that runs; the lock waits for them.
    const std::lock_guard lock{loop_.lifetime};
    output_.drop();
    if (handle_)
        handle_->connection = nullptr;
}

void intrusive_ptr_release(connection_core* c) noexcept
{
    intrusive_ptr_release(static_cast<tenant*>(c));
}

// ---- Input

// There was no memory to begin the wait.
void connection_core::fail_input(purpose what) noexcept
{
    input_.begin(what);
    fail(make_error_code(boost::system::errc::not_enough_memory));
    follow(input_.post(outcome::failed));
}

void connection_core::start_input(purpose what)
{
    input::step next = input_.begin(what);
    if (next != input::step::nothing)
        return follow(next);
    flush_own_cork();
    if (input_.is_past_limit())
        fail(errc::data_limit);
    next = input_.wait(!ending_.is_open(), has_failed(), draining());
    if (next != input::step::wait)
        return follow(next);
    look_by(deadlines_.begin_wait(what == purpose::rest_of_unit ? deadlines::kind::frame : deadlines::kind::idle,
                                  loop_.now()));
    wait_for_input();
}

void connection_core::follow(input::step what)
{
    switch (what) {
    case input::step::nothing:
    case input::step::read: return;
    case input::step::wait: return wait_for_input();
    case input::step::cancel: return with_stream([](auto& s) { s.cancel(); });
    case input::step::drain: return drain_input();
    case input::step::post:
        deadlines_.end_wait();
        later_.resume = true;
        return call_later();
    case input::step::resume:
        if (deadlines_.of_input() == deadlines::kind::frame)
            deadlines_.spend(loop_.now());
        deadlines_.end_wait();
        return resume_reader();
    }
}

void connection_core::wait_for_input()
{
    with_stream([this](auto& s) { s.wait_readable(*this); });
}

bool connection_core::record_has_begun() const noexcept
{
    return over_tls() && std::get<tls_stream>(stream_).record_has_begun();
}

// Takes what has arrived, without waiting. Nothing: it would block.
std::optional<connection_core::outcome> connection_core::receive_now()
{
    try {
        input_.make_room();
    } catch (const std::bad_alloc&) {
        fail(make_error_code(boost::system::errc::not_enough_memory));
        return outcome::failed;
    }
    error_code e;
    const std::size_t n = with_stream([&](auto& s) { return s.read_now(input_.space(), input_.space_size(), e); });
    if (n != 0) {
        loop_.counts.bytes_in.add(input_.came(n, counts_.bytes_in, settings_->data_limit));
        return outcome::more;
    }
    input_.nothing_read();
    if (would_block(e))
        return std::nullopt;
    return stream_ended(e);
}

connection_core::outcome connection_core::stream_ended(const error_code& e)
{
    if (e == boost::asio::error::eof) {
        input_.see_end(input::peer_end::read);
        ending_.closers().wake_all();
        return outcome::ended;
    }
    if (e.category() != category()) {
        break_off(e);
        return outcome::failed;
    }
    note_tls_failure(e);
    if (e == errc::stream_truncated)
        input_.see_end(input::peer_end::read);
    else
        output_.drop(); // which TLS cannot send any more
    fail(e);
    return outcome::failed;
}

void connection_core::on_readable(const error_code& e)
{
    if (ending_.drops()) {
        ending_.drop(false);
        return continue_close();
    }
    if (!input_.waits())
        return watch_peer(); // who began no read
    const input::step next = input_.woken(e == boost::asio::error::operation_aborted, has_failed(), is_closed());
    if (next != input::step::read)
        return follow(next);
    const bool parked = input_.holds_no_block();
    if (const auto how = receive_now())
        return follow(input_.finish(*how));
    if (parked)
        input_.release();
    look_soon(); // whether there really was nothing
    const input::step again = input_.nothing_came(draining() && over_tls(), record_has_begun());
    if (again == input::step::drain) // what was taken for a unit was none
        deadlines_.unit_done();
    follow(again);
}

void connection_core::resume_reader()
{
    if (input_.has_reader()) {
        const boost::intrusive_ptr<connection_core> keep{this};
        const loop::running_mark mark{loop_, this};
        const loop::readers_turn turn{loop_};
        if (input_.is_read_in_place())
            resume_in_place();
        else
            input_.resume();
    }
    if (ending_.is_closing() && !input_.waits() && !ending_.drops())
        continue_close();
    if (watchers_ != 0) [[unlikely]]
        watch_peer();
}

void connection_core::cancel_read() noexcept
{
    follow(input_.cancel());
}

// ---- Drain

void connection_core::begin_drain()
{
    if (ending_.begin_drain())
        follow(input_.begin_drain(over_tls() && std::get<tls_stream>(stream_).has_begun()));
    else if (ending_.now() == ending::state::lingering)
        linger_on();
}

void connection_core::drain_input()
{
    deadlines_.end_wait();
    flush_own_cork();
    input::step next = input_.drain(has_failed(), output_.is_pending());
    if (next == input::step::read) {
        std::optional<outcome> how = receive_now();
        if (!how && has_more_than(input_.size())) // a false alarm
            how = receive_now();
        next = input_.drain_read(how, !how && record_has_begun());
    }
    if (next == input::step::wait) {
        look_by(deadlines_.begin_wait(deadlines::kind::frame, loop_.now()));
    }
    follow(next);
}

// ---- The looks of the wheel: whether a deadline has passed, whether the buffer lies idle, and whether a read that
// found nothing was right. The last costs one read for each wait that began with such a read (over TCP hardly one does)
// and has lasted to a look; one that lasts longer costs no more.

time_point connection_core::on_due(time_point now)
{
    const time_point end = look_at_end(now);
    if (is_closed())
        return time_point::max();
    if (!ending_.drops())
        with_stream([](auto& s) { s.look_again(); });
    const time_point of_input = look_at_input(now);
    if (is_closed())
        return time_point::max();
    return std::min({of_input, look_at_output(now), end});
}

time_point connection_core::look_at_input(time_point now)
{
    if (deadlines_.of_input() == deadlines::kind::handshake)
        return look_at_handshake(now);
    const deadlines::due due = deadlines_.check_input(now, input_.needed(), input_.unit_is_open());
    if (due.expired != deadlines::kind::none) {
        fail(deadlines::error_of(due.expired));
        return time_point::max();
    }
    if (deadlines_.of_input() == deadlines::kind::none || input_.holds_no_block())
        return due.next;
    if (!output_.is_sending() && input_.park())
        return due.next;
    return std::min(due.next, deadlines_.next_look(now));
}

time_point connection_core::look_at_output(time_point now)
{
    if (!output_.is_sending())
        return time_point::max();
    const deadlines::due due = deadlines_.check_window(now);
    if (due.expired == deadlines::kind::none)
        return due.next;
    if (!output_.keeps_pace(acknowledged(), timeouts().write)) {
        break_off(deadlines::error_of(due.expired));
        return time_point::max();
    }
    deadlines_.begin_window(now);
    return deadlines_.check_window(now).next;
}

// ---- Facts

void connection_core::set_timeouts(const hawser::timeouts& t)
{
    deadlines_.set_timeouts(t);
    look_soon();
}

std::shared_ptr<handle_target> connection_core::make_handle()
{
    if (!handle_)
        handle_ = std::make_shared<handle_target>(loop_.shared_from_this(), ending_.is_open() ? this : nullptr,
                                                  settings_->high_water);
    return handle_;
}

int connection_core::descriptor() noexcept
{
    return with_stream([](auto& s) { return s.descriptor(); });
}

address connection_core::local() noexcept
{
    const int fd = descriptor();
    return fd < 0 ? address{} : local_address(fd);
}

wait_kind connection_core::waiting_for() const noexcept
{
    if (is_closed())
        return wait_kind::nothing;
    if (const wait_kind what = input_.waiting_for(); what != wait_kind::nothing)
        return what;
    if (const wait_kind what = ending_.waiting_for(output_.is_pending()); what != wait_kind::nothing)
        return what;
    return output_.waiting_for();
}

std::optional<time_point> connection_core::waiting_since() const noexcept
{
    switch (waiting_for()) {
    case wait_kind::readability:
    case wait_kind::input: return deadlines_.wait_since();
    case wait_kind::handshake: return opened();
    case wait_kind::output_room: return output_.writers().since();
    case wait_kind::output_flushed:
        if (ending_.is_closing())
            return output_.is_sending() ? deadlines_.window_since() : deadlines_.end_since();
        return output_.flushers().empty() ? std::nullopt : std::optional{output_.flushers().since()};
    case wait_kind::end: return deadlines_.end_since();
    case wait_kind::nothing:
    case wait_kind::turn: break;
    }
    return std::nullopt;
}

} // namespace hawser::inline v0_1::detail
