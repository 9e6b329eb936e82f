// SPDX-License-Identifier: BSL-1.0

// The end of a connection, as ending.hpp draws it: flush, FIN, linger, close, reset, and what is told of it.
#include "connection/core.hpp"
#include "values/system_call.hpp"

#include <array>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t most_dropped_at_once = 256 * 1024;

} // namespace

awaitable<void> connection_core::half_close()
{
    const boost::intrusive_ptr<connection_core> keep{this};
    check_output();
    do {
        co_await flush();
        check_output();      // which another coroutine may have ended meanwhile
    } while (queued() != 0); // a writer that waited was admitted meanwhile
    end_output();
    output_.writers().wake_all();
}

// TLS's end of the stream is a record, for which the kernel may have no room yet.
void connection_core::end_output()
{
    output_.end();
    if (!with_stream([this](auto& s) { return s.end_output(ending_.is_clean()); }))
        start_sending();
}

awaitable<void> connection_core::close()
{
    const boost::intrusive_ptr<connection_core> keep{this};
    begin_close();
    while (!is_closed()) {
        waiting node;
        co_await ending_.closers().wait(node, loop_, this);
        node.check();
    }
}

void connection_core::begin_close()
{
    if (!ending_.begin_close())
        return;
    const boost::intrusive_ptr<connection_core> keep{this};
    output_.shut();
    if (handle_)
        handle_->connection = nullptr;
    flush_own_cork();
    output_.writers().wake_all();
    follow(input_.close(has_failed())); // after an interruption, resume_reader() goes on
    continue_close();
}

void connection_core::handler_ended(handler_end how) noexcept
{
    input_.handler_ended();
    ending_.handler_ended(how, output_.last());
    begin_close();
}

ending::facts connection_core::facts() const noexcept
{
    return {.reader_waits = input_.waits(),
            .output_pending = output_.is_pending(),
            .output_ended = output_.has_ended(),
            .sending = output_.is_sending(),
            .peer_ended = input_.has_ended(),
            .over_tls = over_tls()};
}

void connection_core::continue_close()
{
    ending::step next = ending_.next(facts());
    if (next == ending::step::end_output) {
        end_output();
        next = ending_.next(facts());
    }
    switch (next) {
    case ending::step::nothing:
    case ending::step::end_output: break;
    case ending::step::reset: return reset();
    case ending::step::close: return close_now();
    case ending::step::linger: look_by(deadlines_.begin_linger(loop_.now(), draining())); break;
    case ending::step::acknowledge:
        if (!await_acknowledgement())
            return;
        look_by(deadlines_.next_look_for_acknowledgement(loop_.now()));
        break;
    }
    if (ending_.may_drop(facts()))
        drop_input();
}

void connection_core::linger_on() noexcept
{
    look_by(deadlines_.linger_on(loop_.now(), draining()));
}

// False: it has come, and the connection is reset.
bool connection_core::await_acknowledgement()
{
    if (!deadlines_.ends()) {
        deadlines_.begin_acknowledgement(loop_.now());
        kept_ = this;
    }
    if (with_stream([](auto& s) { return s.unacknowledged(); }) != 0)
        return true;
    reset();
    return false;
}

time_point connection_core::look_at_end(time_point now)
{
    const deadlines::due due = deadlines_.check_end(now);
    if (due.expired != deadlines::kind::none) {
        let_go();
        return time_point::max();
    }
    if (ending_.now() == ending::state::acknowledging)
        return await_acknowledgement() ? deadlines_.next_look_for_acknowledgement(now) : time_point::max();
    return due.next;
}

void connection_core::let_go() noexcept
{
    if (ending_.is_torn())
        reset();
    else
        close_now();
}

// Not into the connection's own input, of which a handler that still runs may have a view.
void connection_core::drop_input()
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
    if (total != 0 && ending_.now() == ending::state::lingering)
        linger_on();
    if (e && !would_block(e)) {
        input_.see_end(input::peer_end::read);
        const bool more_to_do = output_.is_sending() || ending_.is_torn(); // to be sent, or to be acknowledged
        if (e != boost::asio::error::eof && output_.is_pending())          // whoever flushes it is told that it is lost
            ending_.break_off(e);
        if (e != boost::asio::error::eof || !more_to_do)
            close_now();
        return;
    }
    ending_.drop(true);
    wait_for_input();
}

void connection_core::close_now() noexcept
{
    if (is_closed())
        return;
    const boost::intrusive_ptr<connection_core> keep{this};
    if (kept_) { // which the wheel may be looking at
        call_later();
        kept_.reset();
    }
    ending_.close();
    output_.shut();
    with_stream([](auto& s) { s.close(); });
    output_.drop();
    loop_.cancel(*this);
    wake_everybody();
    if (handle_)
        handle_->connection = nullptr;
    loop_.descriptors->freed();
    if (ending_.has_close_observer())
        tell_close_observer();
}

void connection_core::set_close_observer(std::unique_ptr<connection_owner> l)
{
    ending_.set_close_observer(std::move(l));
    if (is_closed())
        tell_close_observer();
}

void connection_core::tell_close_observer() noexcept
{
    later_.tell = true;
    call_later();
}

void connection_core::call_later() noexcept
{
    if (std::exchange(later_.asked, true))
        return;
    intrusive_ptr_add_ref(this); // until it is called
    if (!loop_.ask(later_))
        later_.dropped();
}

void connection_core::later::called()
{
    asked = false;
    const boost::intrusive_ptr<connection_core> keep{&of, false};
    if (resume && tell)
        of.call_later(); // one thing at a time
    if (std::exchange(resume, false))
        return of.resume_reader();
    if (std::exchange(tell, false)) {
        const std::unique_ptr<connection_owner> told = of.ending_.take_close_observer();
        told->connection_closed();
    }
}

void connection_core::later::dropped() noexcept
{
    asked = false;
    const boost::intrusive_ptr<connection_core> last{&of, false};
}

void connection_core::wake_everybody() noexcept
{
    output_.wake_all();
    ending_.closers().wake_all();
    follow(input_.give_up());
}

void connection_core::reset() noexcept
{
    if (is_closed())
        return;
    ending_.break_off(errc::connection_closed);
    with_stream([](auto& s) { s.reset(); });
    close_now();
}

void connection_core::fail(const error_code& e) noexcept
{
    if (is_closed())
        return;
    ending_.fail(e);
    output_.shut();
    wake_everybody();
    follow(input_.fail());
}

void connection_core::break_off(const error_code& e) noexcept
{
    if (is_closed())
        return;
    ending_.break_off(e);
    output_.drop();
    fail(e);
    if (ending_.is_closing() && !input_.has_reader())
        reset();
}

void connection_core::fail(std::exception_ptr e) noexcept
{
    ending_.fail(std::move(e));
    fail(error_code{errc::connection_closed});
}

// The loop ends: nothing may wait any more, and nothing is told.
void connection_core::abandon() noexcept
{
    const boost::intrusive_ptr<connection_core> keep{this};
    kept_.reset();
    ending_.close();
    with_stream([](auto& s) { s.close(); });
    with_stream([](auto& s) { s.abandon(); });
    const resumption gone = input_.take_reader();
    output_.abandon();
    ending_.closers().abandon();
    const std::unique_ptr<connection_owner> untold = ending_.take_close_observer();
}

} // namespace hawser::inline v0_1::detail
