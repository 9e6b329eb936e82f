// SPDX-License-Identifier: BSL-1.0

// connection::closed(): when it completes, with and without somebody who reads, in memory, over sockets and over TLS.
#include <hawser/connection.hpp>

#include "scenario.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE closed
#include <boost/test/unit_test.hpp>

#include "turned_loop.hpp"
#include "values/system_call.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>

#include <memory>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

std::string ten_frames()
{
    std::string all;
    for (char digit = '0'; digit <= '9'; ++digit)
        all += frame({&digit, 1});
    return all;
}

awaitable<void> for_ever()
{
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
    timer.expires_at(boost::asio::steady_timer::time_point::max());
    co_await timer.async_wait(boost::asio::use_awaitable);
}

// Whether what was spawned has ended.
using ended = std::shared_ptr<bool>;
ended start_on(turned_loop& run, awaitable<void> work)
{
    auto flag = std::make_shared<bool>(false);
    boost::asio::co_spawn(run.on().executor(), std::move(work), [flag](std::exception_ptr) { *flag = true; });
    return flag;
}

void reset(detail::descriptor& peer)
{
    detail::reset_on_close(peer.get());
    peer = detail::descriptor{};
}

constexpr auto over_sockets = {&turned_loop::open_tcp, &turned_loop::open_unix};

} // namespace

// ---- In memory

BOOST_AUTO_TEST_CASE(a_peers_end_alone_completes_it_though_nobody_reads)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto closed = run.start(c.closed());
    run.advance(1s);
    BOOST_TEST(!closed.done());
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(run.start(c.closed()).outcome() == "done");
    BOOST_TEST(text(run.start(c.read_frame())) == "(nothing)");
    BOOST_TEST(run.start(c.write_frame("to one that still reads")).outcome() == "done");
    BOOST_TEST(p.received() == frame("to one that still reads"));
}

BOOST_AUTO_TEST_CASE(a_peers_end_behind_ten_frames_completes_it_once_the_tenth_is_read)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto closed = run.start(c.closed());
    p.send_later(ten_frames());
    p.end();
    run.advance(1s);
    BOOST_TEST(!closed.done());
    for (char digit = '0'; digit <= '9'; ++digit) {
        BOOST_TEST(!closed.done());
        BOOST_TEST(text(run.start(c.read_frame())) == std::string(1, digit));
    }
    BOOST_TEST(closed.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(every_way_to_read_the_last_byte_completes_it)
{
    struct {
        const char* name;
        awaitable<void> (*read)(connection&);
    } const table[] = {
        {"read_frame", [](connection& c) -> awaitable<void> { co_await c.read_frame(); }},
        {"read_frames", [](connection& c) -> awaitable<void> { co_await c.read_frames(); }},
        {"read_some", [](connection& c) -> awaitable<void> { co_await c.read_some(); }},
        {"read", [](connection& c) -> awaitable<void> { co_await c.read_exactly(5); }},
        {"consume",
         [](connection& c) -> awaitable<void> {
             co_await c.fill(4);
             c.consume(5);
         }},
        {"async_read_some",
         [](connection& c) -> awaitable<void> {
             char all[5];
             co_await c.async_read_some(boost::asio::buffer(all), boost::asio::use_awaitable);
         }},
    };
    for (const auto& t : table) {
        for (const bool has_come : {true, false}) { // into the connection's input, with an earlier read
            BOOST_TEST_CONTEXT(t.name << (has_come ? ", which has come" : ""))
            {
                scenario run;
                auto [c, p] = run.connect();
                p.send_later(frame("a") + frame("b"));
                p.end();
                if (!has_come)
                    p.chunks(5);
                run.start(c.read_frame());
                const auto closed = run.start(c.closed());
                BOOST_TEST(!closed.done());
                BOOST_TEST(run.start(t.read(c)).outcome() == "done");
                BOOST_TEST(closed.outcome() == "done");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_reset_completes_it_at_once_though_frames_are_unread)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto closed = run.start(c.closed());
    p.send(ten_frames());
    BOOST_TEST(!closed.done());
    p.reset();
    BOOST_TEST(closed.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(beside_a_session_that_serves_it_loses_no_frame_that_has_come)
{
    server_scenario run;
    std::string served;
    peer p = run.open(
        [&served](connection& c) -> awaitable<void> {
            using namespace boost::asio::experimental::awaitable_operators;
            const auto serve = [](connection& from, std::string& into) -> awaitable<void> {
                for (;;) {
                    const auto next = co_await from.read_frame();
                    if (!next)
                        break;
                    into += *next;
                    co_await boost::asio::post(from.get_executor(),
                                               boost::asio::use_awaitable); // something that takes a turn
                }
            };
            co_await (serve(c, served) || c.closed());
        },
        ten_frames());
    BOOST_TEST(served == "0123456789");
    p.send_later(ten_frames());
    p.end();
    BOOST_TEST(served == "01234567890123456789");
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(it_ends_a_session_that_does_something_else_than_read)
{
    for (const bool is_reset : {true, false}) {
        server_scenario run;
        peer p = run.open([](connection& c) -> awaitable<void> {
            using namespace boost::asio::experimental::awaitable_operators;
            co_await c.read_frame();
            co_await (for_ever() || c.closed());
        });
        p.send(frame("begin"));
        BOOST_TEST(run.server().statistics().connections == 1u);
        if (is_reset)
            p.reset();
        else
            p.end();
        BOOST_TEST(run.server().statistics().connections == 0u);
    }
}

BOOST_AUTO_TEST_CASE(a_read_that_begins_afterwards_and_one_that_is_cancelled_leave_it_waiting)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto closed = run.start(c.closed());
    auto read = run.start(c.read_frame());
    read.cancel();
    BOOST_TEST(text(read) == "ECANCELED");
    const auto next = run.start(c.read_frame());
    p.send(frame("1"));
    BOOST_TEST(text(next) == "1");
    BOOST_TEST(!closed.done());
    p.send(frame("2")); // which nobody reads
    BOOST_TEST(!closed.done());
    BOOST_TEST(text(run.start(c.read_frame())) == "2");
    p.end();
    BOOST_TEST(closed.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(it_holds_no_buffer_and_leaves_a_view_as_it_is)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto closed = run.start(c.closed());
    p.send(frame("unread"));
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    const auto view = run.start(c.read_frame());
    p.end();
    BOOST_TEST(closed.outcome() == "done");
    BOOST_TEST(text(view) == "unread");
}

BOOST_AUTO_TEST_CASE(a_cancelled_one_leaves_nothing_behind)
{
    scenario run;
    auto [c, p] = run.connect();
    auto closed = run.start(c.closed());
    closed.cancel();
    BOOST_TEST(closed.outcome() == "ECANCELED");
    p.end();
    BOOST_TEST(text(run.start(c.read_frame())) == "(nothing)");
}

// ---- Over sockets

BOOST_AUTO_TEST_CASE(the_end_of_a_sockets_peer_alone_completes_it)
{
    for (auto opened : over_sockets) {
        for (const bool before : {true, false}) {
            turned_loop run;
            auto [c, peer, number] = (run.*opened)();
            if (before)
                ::shutdown(peer.get(), SHUT_WR);
            run.catch_up();
            const ended closed = start_on(run, c.closed());
            if (!before) {
                run.catch_up();
                BOOST_TEST(!*closed);
                ::shutdown(peer.get(), SHUT_WR);
            }
            run.turn_until([&] { return *closed; });
            BOOST_TEST(run.result_of(c.read_frame()) == "(end)");
        }
    }
}

BOOST_AUTO_TEST_CASE(ten_frames_and_the_end_in_one_segment_complete_it_once_they_are_read)
{
    for (auto opened : over_sockets) {
        for (const bool half_closed : {true, false}) { // after which the kernel tells of a hang-up, and not of an end
            turned_loop run;
            auto [c, peer, number] = (run.*opened)();
            if (half_closed) {
                const ended done = start_on(run, c.half_close());
                run.turn_until([&] { return *done; });
            }
            const ended closed = start_on(run, c.closed());
            run.catch_up();
            send(peer, ten_frames(), MSG_MORE);
            ::shutdown(peer.get(), SHUT_WR);
            run.catch_up();
            run.catch_up();
            BOOST_TEST(!*closed);
            for (char digit = '0'; digit <= '9'; ++digit) {
                run.catch_up();
                BOOST_TEST(!*closed);
                BOOST_TEST(run.result_of(c.read_frame()) == std::string(1, digit));
            }
            run.turn_until([&] { return *closed; });
        }
    }
}

BOOST_AUTO_TEST_CASE(frames_that_are_read_as_they_come_and_an_end_after_the_last_complete_it)
{
    for (auto opened : over_sockets) {
        turned_loop run;
        auto [c, peer, number] = (run.*opened)();
        const ended closed = start_on(run, c.closed());
        for (int i = 0; i < 3; ++i) {
            send(peer, frame("unread"));
            run.catch_up();
            BOOST_TEST(!*closed);
            BOOST_TEST(run.result_of(c.read_frame()) == "unread");
            run.catch_up();
            BOOST_TEST(!*closed);
        }
        ::shutdown(peer.get(), SHUT_WR);
        run.turn_until([&] { return *closed; });
    }
}

BOOST_AUTO_TEST_CASE(a_reset_of_a_socket_completes_it_at_once_and_the_frames_before_it_can_be_read)
{
    turned_loop run;
    auto [c, peer, number] = run.open_tcp();
    const ended closed = start_on(run, c.closed());
    send(peer, ten_frames());
    run.catch_up();
    BOOST_TEST(!*closed);
    reset(peer);
    run.turn_until([&] { return *closed; });
    for (char digit = '0'; digit <= '9'; ++digit)
        BOOST_TEST(run.result_of(c.read_frame()) == std::string(1, digit));
    BOOST_TEST(run.result_of(c.read_frame()) == "(error)");
}

BOOST_AUTO_TEST_CASE(a_reset_completes_it_whether_it_came_before_or_while_a_handler_has_stopped_reading)
{
    turned_loop run;
    auto [c, peer, number] = run.open_tcp();
    send(peer, frame("1"));
    BOOST_TEST(run.result_of(c.read_frame()) == "1");
    const ended closed = start_on(run, c.closed());
    run.catch_up();
    BOOST_TEST(!*closed);
    reset(peer);
    run.turn_until([&] { return *closed; });

    auto [d, gone, other] = run.open_tcp();
    reset(gone);
    run.catch_up();
    const ended at_once = start_on(run, d.closed());
    run.turn_until([&] { return *at_once; });
}

BOOST_AUTO_TEST_CASE(a_unix_peer_that_leaves_without_reading_completes_it_though_frames_are_unread)
{
    turned_loop run;
    auto [c, peer, number] = run.open_unix();
    const ended written = start_on(run, c.write_frame("which the peer does not read"));
    run.turn_until([&] { return *written && c.queued() == 0; });
    const ended closed = start_on(run, c.closed());
    send(peer, ten_frames());
    run.catch_up();
    BOOST_TEST(!*closed);
    peer = detail::descriptor{};
    run.turn_until([&] { return *closed; });
    BOOST_TEST(run.result_of(c.read_frame()) == "0");
}

// ---- Over TLS

BOOST_AUTO_TEST_CASE(over_tls_an_end_alone_completes_it_and_the_session_learns_that_it_is_cut_short)
{
    tls_scenario run{[](connection& c) -> awaitable<void> { co_await c.closed(); }, good()};
    tls_peer p{run, run.port(), {.ca = root().certificate()}};
    BOOST_TEST_REQUIRE(p.shake());
    p.end();
    BOOST_TEST(run.end_of_session() == "failed: stream_truncated");
}

BOOST_AUTO_TEST_CASE(over_tls_a_reset_completes_it_though_records_are_unread)
{
    tls_scenario run{[](connection& c) -> awaitable<void> { co_await c.closed(); }, good()};
    tls_peer p{run, run.port(), {.ca = root().certificate()}};
    BOOST_TEST_REQUIRE(p.shake());
    p.write(frame("unread"));
    p.reset();
    BOOST_TEST(run.end_of_session() == "completed"); // the handler has seen it, and returned
}

BOOST_AUTO_TEST_CASE(over_tls_the_peers_own_end_is_a_record_that_has_to_be_read)
{
    connection* open = nullptr;
    tls_scenario run{[&open](connection& c) -> awaitable<void> {
                         open = &c;
                         co_await c.closed();
                     },
                     good()};
    tls_peer p{run, run.port(), {.ca = root().certificate()}};
    BOOST_TEST_REQUIRE(p.shake());
    BOOST_TEST_REQUIRE(until(run, [&] { return open != nullptr; }));
    p.write(frame("unread"));
    p.close_notify();
    p.end();
    p.arrived();
    run.poll();
    BOOST_TEST(run.last_end() == "");
    BOOST_TEST(text(run.start(open->read_frame())) == "unread");
    BOOST_TEST(run.last_end() == "");
    const auto end = run.start(open->read_frame());
    BOOST_TEST(run.end_of_session() == "completed");
}
