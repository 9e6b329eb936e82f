// SPDX-License-Identifier: BSL-1.0
#include "driven_session.hpp"

#include "server/permit.hpp"
#include "server/server_core.hpp"
#include "server/session.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace hawser::test {

driven_session::driven_session(scenario& run) : run_{run}
{
    using namespace hawser::detail;
    const hawser::timeouts times{.idle = deadline::in_time(deadline::idle),
                                 .frame = deadline::in_time(deadline::frame),
                                 .write = deadline::in_time(deadline::write),
                                 .drain = deadline::in_time(deadline::drain)};
    hawser::limits limits;
    limits.output_high_water = room::high;
    limits.output_low_water = room::low;
    server_.emplace(run.runtime(), server_options{.limits = limits, .timeouts = times, .observer = seen_});
    link_ = std::make_shared<memory_link>(run.loop());
    outbound().capacity = room::link;

    // As a listener does it.
    socket_address from{};
    from.v4.sin_family = AF_INET;
    from.v4.sin_port = htons(50001);
    from.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const address peer{from, sizeof from.v4};
    server_core& core = server_access::get(*server_);
    std::optional<permit> place = permit::take(core.shared_from_this());
    if (!place)
        throw std::logic_error{"the server of a driven session is full"};
    loop& on = core.choose_loop();
    place->assign(on);
    place->enter(peer);
    session::start(on,
                   std::make_shared<hawser::detail::session_config>(hawser::detail::session_config{
                       [this](connection& c) { return serve(c); },
                       std::make_shared<const settings>(settings{.framing = framing::u16_be.with_max_payload(200),
                                                                 .timeouts = times,
                                                                 .high_water = room::high,
                                                                 .low_water = room::low}),
                       core.shared_from_this(), endpoint{"tcp://127.0.0.1:7000"}}),
                   any_stream{memory_stream{link_, 0}}, peer, std::move(*place));
    this->run();
}

// ---- What happens

void driven_session::begin(event e)
{
    using enum event;
    switch (e) {
    case sends_some: return send(of_frame_ == 0 ? 1 : of_frame_ == 1 ? 4 : 6);
    case sends_frame: return send(6);
    case sends_rubbish: link_->append(1, "\xff\xff"); return link_->changed();
    case ends: return link_->end(1);
    case resets:
        reset_ = true;
        inbound().read_error = outbound().write_error = boost::asio::error::connection_reset;
        return link_->changed();
    case turns: reads_ = !reads_; return;
    case takes_a_few:
        received_ += outbound().bytes.substr(0, room::sip);
        link_->consume(outbound(), std::min(room::sip, outbound().bytes.size()));
        return link_->changed();
    case cancelled:
        cancelled_ = true;
        for (auto& t : run_.loop().connections)
            if (auto* const s = session_of(hawser::detail::connection_of(t)))
                return s->cancel_handler(boost::asio::cancellation_type::terminal);
        return;
    case other_cancelled: return other_cancellation_.emit(boost::asio::cancellation_type::terminal);
    case drains: return server_->drain();
    case cuts: return server_->abort();
    case step: return run_.time.advance(deadline::step);
    case other_reads:
    case other_writes:
    case other_closes:
        other_runs_ = true;
        boost::asio::co_spawn(
            boost::asio::any_io_executor{run_.loop().executor()}, carry_out(other, operation(e)),
            boost::asio::bind_cancellation_slot(other_cancellation_.slot(), [this](const std::exception_ptr&) {
                other_runs_ = false;
                other_done_.happens();
            }));
        return;
    default: command_ = e; commanded_.happens();
    }
}

void driven_session::send(std::size_t end)
{
    const std::string whole = framed(text_of_peer(frames_begun_));
    link_->append(1, bytes_view{whole}.substr(of_frame_, end - of_frame_));
    of_frame_ = end % whole.size();
    frames_begun_ += of_frame_ == 0 ? 1 : 0;
    link_->changed();
}

void driven_session::run()
{
    for (;;) {
        run_.runtime().poll();
        const std::size_t n = reads_ && !reset_ ? outbound().bytes.size() : 0;
        if (n == 0)
            return;
        received_ += outbound().bytes;
        link_->consume(outbound(), n);
        link_->changed();
    }
}

// ---- The handler

awaitable<void> driven_session::serve(connection& c)
{
    namespace this_coro = boost::asio::this_coro;
    connection_ = &c;
    co_await this_coro::throw_if_cancelled(false);
    event what = event::count;
    for (;;) {
        if (command_ == event::count) {
            try {
                co_await commanded_.next();
            } catch (const system_error&) { // cancelled
            }
        }
        if (command_ != event::count) {
            what = std::exchange(command_, event::count);
            if (what == event::returns || what == event::throws)
                break;
            co_await carry_out(handler, what);
        }
        const auto state = co_await this_coro::cancellation_state;
        if (state.cancelled() == boost::asio::cancellation_type::none)
            continue;
        if (!std::exchange(cancelled_, false))
            break;
        co_await this_coro::reset_cancellation_state(boost::asio::enable_terminal_cancellation());
    }
    while (other_runs_)
        co_await other_done_.next();
    if (what != event::throws)
        co_return;
    if (last_thrown_)
        std::rethrow_exception(last_thrown_);
    throw std::runtime_error{"the handler's own"};
}

awaitable<void> driven_session::carry_out(hand by, event what)
{
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    outcome o{.of = what};
    std::exception_ptr thrown;
    try {
        co_await operate(by, what, o);
    } catch (const system_error& e) {
        o.how = outcome::failed;
        o.error = e.code();
        thrown = std::current_exception();
    } catch (const std::logic_error&) {
        o.how = outcome::refused;
    }
    if (by == handler)
        last_thrown_ = thrown;
    outcomes_[by].push_back(std::move(o));
}

awaitable<void> driven_session::operate(hand by, event what, outcome& o)
{
    connection& c = *connection_;
    switch (what) {
    case event::reads: {
        const auto got = co_await c.read_frame();
        o.how = got ? outcome::frame : outcome::nothing;
        o.text = got.value_or("");
        break;
    }
    case event::writes_a_byte:
        texts_[by] = text_of_write(what, by, written_[by]++);
        co_await c.write(texts_[by]);
        break;
    case event::writes:
    case event::writes_much:
        texts_[by] = text_of_write(what, by, written_[by]++);
        co_await c.write_frame(texts_[by]);
        break;
    case event::flushes: co_await c.flush(); break;
    case event::half_closes: co_await c.half_close(); break;
    case event::closes: co_await c.close(); break;
    default: throw std::invalid_argument{"no operation of a connection"};
    }
}

// ---- What can be seen

sight driven_session::look()
{
    sight s;
    s.outcomes = outcomes_;
    s.received = received_;
    s.told = seen_->ends.size();
    if (!reset_) {
        s.fin = outbound().ended;
        s.reset = bool{outbound().read_error};
    }
    transfer_statistics counts;
    if (s.told == 0) {
        s.state = connection_->state();
        s.waiting_for = connection_->waiting_for();
        if (s.waiting_for == wait_kind::readability) // it depends on its buffer, which is nobody else's
            s.waiting_for = wait_kind::input;
        s.queued = connection_->queued();
        counts = connection_->statistics();
    } else {
        const session_end& end = seen_->ends.front();
        s.state = connection_state::closed;
        s.reason = end.reason;
        s.error = end.error;
        counts = end.statistics;
    }
    s.counts = {counts.bytes_in, counts.bytes_out, counts.frames_in, counts.frames_out};
    return s;
}

std::string driven_session::left_behind(bool drained)
{
    std::string wrong;
    if (const std::size_t permits = detail::server_access::get(*server_).admission().taken(); permits != 0)
        wrong += "a permit is not given back; ";
    if (seen_->reports.size() != (drained ? 1 : 0))
        wrong += std::to_string(seen_->reports.size()) + " drains have ended; ";
    server_.reset();
    link_.reset();
    if (const remains left = run_.left(); !left.none())
        wrong += left.to_string() + " left; ";
    return wrong;
}

} // namespace hawser::test
