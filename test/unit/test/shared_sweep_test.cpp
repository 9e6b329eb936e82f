// SPDX-License-Identifier: BSL-1.0

// Sessions over TLS whose connection a second coroutine shares, with each operation failing and each suspension
// cancelled. What a handler holds stays as it is in every run; the rest is expected of the undisturbed one.
#include <hawser/test/sweep.hpp>

#include "loop/runtime_core.hpp"
#include "moments.hpp"
#include "test_certificate.hpp"

#define BOOST_TEST_MODULE shared_sweep
#include <boost/test/unit_test.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <optional>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

// A session over TLS, and whoever else uses its connection.
struct shared_session {
    explicit shared_session(world& w) : run{w} {}
    world& run;
    moments holds{detail::runtime_access::get(run.runtime()).first()};   // the handler has read, and looks at it
    moments goes_on{detail::runtime_access::get(run.runtime()).first()}; // it is to
    connection* session = nullptr;                                       // while the handler runs
    framing format = framing::u32_be;

    awaitable<connection> dial(session_handler handler)
    {
        static const tls_server shown = good();
        const listen_options how{.framing = format, .tls = shown};
        const connect_options with{.framing = format, .tls = {.ca = root().certificate()}};
        return run.dial(std::move(handler), how, with);
    }

    struct use {
        shared_session& of;
        use(shared_session& s, connection& c) : of{s} { of.session = &c; }
        use(const use&) = delete;
        use& operator=(const use&) = delete;
        ~use() { of.session = nullptr; }
    };

    // Looks at what it has read until the others let it go on.
    awaitable<void> hold(bytes_view view)
    {
        const std::string said{view};
        holds.happens();
        co_await goes_on.next();
        if (view != said)
            changed = true;
    }
    bool changed = false;

    void let_go(duration time)
    {
        for (duration gone{}; gone < time; gone += 500ms) {
            run.steps(500ms, 250ms);
            holds.happens();
            goes_on.happens();
        }
        run.poll();
    }

    // To the end, of whichever kind: a disturbed world has nobody, perhaps, who would end the session.
    void go_on()
    {
        let_go(5s);
        if (run.disturbed()) {
            run.server().drain();
            let_go(40s); // the drain, and what a broken network's write may take
        }
        if (changed)
            throw std::logic_error{"a view has changed"};
    }
};

using shared_function = void (*)(shared_session&);

void sweep(const std::string& name, shared_function scenario, std::size_t steps, std::size_t suspensions,
           const server_options& server = {})
{
    const auto run = [scenario](world& w) {
        shared_session s{w};
        scenario(s);
    };
    BOOST_TEST(fail_each_step(name, run, {.server = server}) >= steps);
    BOOST_TEST(cancel_each_suspension(name, run, {.server = server}) >= suspensions);
}

awaitable<std::string> all_bytes(connection& c)
{
    std::string all;
    while (const auto bytes = co_await c.read_some())
        all += *bytes;
    co_return all;
}

// ---- Another coroutine closes while the handler looks at what it has read

awaitable<void> answer_and_hold(shared_session& s, connection& c)
{
    const shared_session::use now{s, c};
    co_await c.write_frame("greeting");
    while (const auto frame = co_await c.read_frame())
        co_await s.hold(*frame);
}

awaitable<void> ask_and_read(shared_session& s, std::string& got)
{
    connection c = co_await s.dial([&s](connection& of) { return answer_and_hold(s, of); });
    co_await c.write_frame("a request of some length");
    got = co_await all_bytes(c);
    co_await c.close();
}

awaitable<void> close_while_it_holds(shared_session& s)
{
    co_await s.holds.next();
    if (s.session != nullptr)
        co_await s.session->close();
}

void closes_under_a_view(shared_session& s)
{
    std::string got;
    const auto other = s.run.start(close_while_it_holds(s));
    const auto client = s.run.start(ask_and_read(s, got));
    if (!s.run.disturbed())
        BOOST_TEST(got == frame("greeting")); // before the handler goes on
    s.go_on();
    if (s.run.disturbed())
        return;
    BOOST_TEST(client.outcome() == "done");
    BOOST_TEST(other.outcome() == "done");
    BOOST_TEST(s.run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_close_under_a_view)
{
    sweep("TLS, close under a view", closes_under_a_view, 12, 30);
}

// ---- One half-closes and another closes while output waits, and the peer ends

constexpr std::size_t more_than_there_is_room_for = 700'000;

awaitable<void> write_much_and_hold(shared_session& s, connection& c)
{
    const shared_session::use now{s, c};
    const auto request = co_await c.read_frame();
    if (!request)
        co_return;
    c.try_write(std::string(more_than_there_is_room_for, 'x'));
    co_await s.hold(*request);
}

awaitable<void> end_and_read(shared_session& s, std::string& got)
{
    connection c = co_await s.dial([&s](connection& of) { return write_much_and_hold(s, of); });
    co_await c.write_frame("a request of some length");
    co_await s.goes_on.next();
    co_await c.half_close();
    got = co_await all_bytes(c);
    co_await c.close();
}

awaitable<void> half_close_while_it_holds(shared_session& s)
{
    co_await s.holds.next();
    if (s.session != nullptr)
        co_await s.session->half_close();
}

void half_closes_and_closes(shared_session& s)
{
    std::string got;
    const auto half = s.run.start(half_close_while_it_holds(s));
    const auto whole = s.run.start(close_while_it_holds(s));
    const auto client = s.run.start(end_and_read(s, got));
    s.go_on();
    if (s.run.disturbed())
        return;
    BOOST_TEST(client.outcome() == "done");
    BOOST_TEST(got.size() == more_than_there_is_room_for);
    BOOST_TEST(half.outcome() == "connection_closed");
    BOOST_TEST(whole.outcome() == "done");
    BOOST_TEST(s.run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_half_close_and_a_close_while_output_waits)
{
    sweep("TLS, half-close and close", half_closes_and_closes, 60, 60, {.limits = {.output_high_water = 1U << 20}});
}

// ---- Another coroutine wins against the handler's read, of which a part has come

awaitable<std::string> line_beside(shared_session& s, connection& c)
{
    using namespace boost::asio::experimental::awaitable_operators;
    for (;;) {
        const auto first = co_await (c.read_frame() || s.goes_on.next());
        if (first.index() == 0)
            co_return std::get<0>(first) ? std::string{*std::get<0>(first)} : "(nothing)";
        const auto begun = co_await c.read_some();
        if (begun)
            co_await s.hold(*begun);
    }
}

awaitable<void> read_lines(shared_session& s, connection& c, std::string& lines)
{
    const shared_session::use now{s, c};
    for (int n = 0; n < 3; ++n)
        lines += co_await line_beside(s, c) + '|';
}

awaitable<void> send_in_pieces(shared_session& s, std::string& lines)
{
    connection c = co_await s.dial([&](connection& of) { return read_lines(s, of, lines); });
    for (const char* const piece : {"abc", "\n\nhello\n", "last\n"}) {
        co_await c.write(piece);
        co_await s.holds.next();
    }
    co_await c.close();
}

void loses_a_race(shared_session& s)
{
    s.format = framing::lines;
    std::string lines;
    const auto client = s.run.start(send_in_pieces(s, lines));
    for (int n = 0; n < 2; ++n) { // it loses the race; it lets its view go
        s.goes_on.happens();
        s.run.poll();
    }
    s.go_on();
    if (s.run.disturbed())
        return;
    BOOST_TEST(client.outcome() == "done");
    BOOST_TEST(lines == "||hello|"); // behind the bytes that were read without their end
    BOOST_TEST(s.run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_read_that_loses_a_race)
{
    sweep("TLS, a lost race", loses_a_race, 17, 30);
}

// ---- Several write, one of them nothing, while there is no room

constexpr std::size_t each = 900;

awaitable<void> write_while_it_reads(shared_session& s, connection& c)
{
    const shared_session::use now{s, c};
    while (const auto request = co_await c.read_frame())
        co_await s.hold(*request);
}

awaitable<void> write_more(shared_session& s, std::size_t size)
{
    co_await s.holds.next();
    if (s.session == nullptr)
        co_return;
    const std::string text(size, 'y');
    if (text.empty()) {
        co_await s.session->write_some(text);
        co_return;
    }
    co_await s.session->write_frame(text);
}

awaitable<void> read_late(shared_session& s, std::size_t& frames)
{
    connection c = co_await s.dial([&s](connection& of) { return write_while_it_reads(s, of); });
    co_await c.write_frame("a request of some length");
    co_await s.goes_on.next();
    for (; frames < 3; ++frames) {
        const auto frame = co_await c.read_frame();
        if (!frame)
            throw std::runtime_error{"expected 3 frames, got " + std::to_string(frames)};
    }
    co_await c.close();
}

void writes_nothing(shared_session& s)
{
    std::size_t frames = 0;
    const auto large = s.run.start(write_more(s, more_than_there_is_room_for));
    const auto waits = s.run.start(write_more(s, each));
    const auto empty = s.run.start(write_more(s, 0));
    const auto last = s.run.start(write_more(s, each));
    const auto client = s.run.start(read_late(s, frames));
    s.go_on();
    if (s.run.disturbed())
        return;
    for (const auto* t : {&large, &waits, &empty, &last, &client})
        BOOST_TEST(t->outcome() == "done");
    BOOST_TEST(frames == 3u);
    BOOST_TEST(s.run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_write_of_nothing_among_writers_that_wait)
{
    sweep("TLS, a write of nothing", writes_nothing, 60, 60,
          {.limits = {.output_high_water = 1000, .output_low_water = 100}});
}

// ---- Another coroutine posts, and then resets

awaitable<void> post_and_reset(shared_session& s)
{
    co_await s.holds.next();
    if (s.session == nullptr)
        co_return;
    const connection_handle h = s.session->handle();
    h.post([](connection& c) { c.try_write_frame("posted"); });
    co_await some_turns(3);
    if (s.session != nullptr)
        co_await s.session->flush();
    co_await s.goes_on.next();
    if (s.session != nullptr)
        s.session->reset();
}

void posts_and_resets(shared_session& s)
{
    std::string got;
    const auto other = s.run.start(post_and_reset(s));
    const auto client = s.run.start(ask_and_read(s, got));
    s.go_on();
    if (s.run.disturbed())
        return;
    BOOST_TEST(other.outcome() == "done");
    BOOST_TEST(client.outcome() == "stream_truncated");
    BOOST_TEST(s.run.last_end() == "failed: connection_closed");
}

BOOST_AUTO_TEST_CASE(a_post_and_a_reset_under_a_view)
{
    sweep("TLS, post and reset", posts_and_resets, 12, 30);
}

} // namespace
