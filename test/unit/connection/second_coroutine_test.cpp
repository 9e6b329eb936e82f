// SPDX-License-Identifier: BSL-1.0

// A second coroutine that ends a connection which a handler serves: what the handler's wait ends with, what reaches the
// peer, and what the handler's views hold.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#include <hawser/server.hpp>

#define BOOST_TEST_MODULE second_coroutine
#include <boost/test/unit_test.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

awaitable<void> echo(connection& c)
{
    while (const auto frame = co_await c.read_frame())
        co_await c.write_frame(*frame);
}

// A session that echoes, and its connection for others.
struct shared_session : server_scenario {
    connection* session = nullptr;
    peer client = open([this](connection& c) -> awaitable<void> {
        session = &c;
        co_await echo(c);
    });
};

} // namespace

BOOST_AUTO_TEST_CASE(a_second_coroutine_closes_and_the_wait_between_two_units_ends_with_nothing)
{
    shared_session run;
    peer& p = run.client;
    p.capacity(100);
    p.send(frame(std::string(5'000, 'x')));
    const auto closed = run.start(run.session->close());
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got == frame(std::string(5'000, 'x')));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(run.last_end() == "completed");
    BOOST_TEST(run.server().statistics().failed == 0u);
}

BOOST_AUTO_TEST_CASE(a_second_coroutine_closes_and_the_wait_inside_a_unit_says_so)
{
    shared_session run;
    peer& p = run.client;
    p.send(frame("one") + "\0\0"s);
    const auto closed = run.start(run.session->close());
    BOOST_TEST(p.received() == frame("one"));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(run.last_end() == "failed: connection_closed");
}

BOOST_AUTO_TEST_CASE(a_second_coroutine_closes_while_a_drain_point_waits_for_its_output)
{
    shared_session run;
    peer& p = run.client;
    p.capacity(1);
    p.send(frame("one"));
    run.server().drain();
    run.poll();
    const auto closed = run.start(run.session->close());
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(got == frame("one"));
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_view_stays_valid_until_the_next_read_whatever_happens_to_the_connection)
{
    struct {
        const char* name;
        void (*act)(server_scenario&, connection&, peer&);
    } const table[] = {
        {"closed", [](server_scenario& run, connection& c, peer&) { run.start(c.close()); }},
        {"reset", [](server_scenario&, connection& c, peer&) { c.reset(); }},
        {"half-closed", [](server_scenario& run, connection& c, peer&) { run.start(c.half_close()); }},
        {"the peer's end", [](server_scenario&, connection&, peer& p) { p.end(); }},
        {"the peer's reset", [](server_scenario&, connection&, peer& p) { p.reset(); }},
        {"closed, and the peer's end",
         [](server_scenario& run, connection& c, peer& p) {
             run.start(c.close());
             p.end();
         }},
        {"closed, and lingered for",
         [](server_scenario& run, connection& c, peer& p) {
             run.start(c.close());
             p.send(std::string(100'000, 'z'));
             run.steps(3s, 100ms);
         }},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            server_scenario run;
            connection* of = nullptr;
            bytes_view view;
            peer p = run.open([&](connection& c) -> awaitable<void> {
                of = &c;
                view = *co_await c.read_frame();
                co_await c.closed();
                boost::asio::steady_timer for_ever{co_await boost::asio::this_coro::executor};
                for_ever.expires_at(boost::asio::steady_timer::time_point::max());
                co_await for_ever.async_wait(boost::asio::use_awaitable);
            });
            p.send(frame("the first user's own request"));
            t.act(run, *of, p);
            run.poll();
            // Another connection of the loop gets its memory, if that is free.
            peer q = run.open(echo);
            q.send(frame("SECRET: of a second user's").substr(0, 20));
            BOOST_TEST(view == "the first user's own request");
        }
    }
}

BOOST_AUTO_TEST_CASE(what_comes_after_close_is_dropped_and_no_later_read_gets_it)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto close = run.start(c.close());
    bool ended = false;
    boost::asio::co_spawn(
        run.loop().context(),
        [](connection& from, bool& nothing) -> awaitable<void> {
            const auto frame = co_await from.read_frame();
            nothing = !frame;
        }(c, ended),
        [](std::exception_ptr) {});
    p.send_later(frame("late")); // is there when the read has begun, and before it is told that there is nothing
    run.poll();
    BOOST_TEST(ended);
    p.end();
    BOOST_TEST(close.done());
}
