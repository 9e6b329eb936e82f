// SPDX-License-Identifier: BSL-1.0

// A connection as Asio's AsyncReadStream and AsyncWriteStream, and under Asio's operators on coroutines.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE stream
#include <boost/test/unit_test.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace asio = boost::asio;
using namespace hawser;
using namespace hawser::test;
using namespace boost::asio::experimental::awaitable_operators;

namespace {

// How a callback was called: "" while it was not, else the error's symbol or the number of bytes.
struct outcome {
    std::string text;
    int calls = 0;
    auto handler()
    {
        return [this](const error_code& e, std::size_t n) {
            ++calls;
            text = e ? symbol(e) : std::to_string(n);
        };
    }
};

// A write that waits behind "full", which is all that the connection may hold, and which its peer does not take.
struct waiting_write {
    scenario run;
    std::pair<connection, peer> ends = run.connect({.high_water = 4, .low_water = 1});
    outcome waiting;
    waiting_write()
    {
        ends.second.capacity(0);
        ends.first.try_write("full");
        ends.first.async_write_some(asio::buffer("x", 1), waiting.handler());
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(async_read_fills_its_buffer_from_as_many_pieces_as_it_takes)
{
    for (const std::size_t chunk : {1U, 3U, 100U, 10'000U}) {
        BOOST_TEST_CONTEXT("chunks of " << chunk)
        {
            scenario run;
            auto [c, p] = run.connect();
            p.chunks(chunk);
            std::string into(6000, '-');
            outcome read;
            asio::async_read(c, asio::buffer(into), read.handler());
            run.poll();
            BOOST_TEST(read.calls == 0);
            const std::string sent(6000, 's');
            p.send(sent + "rest");
            BOOST_TEST(read.text == "6000");
            BOOST_CHECK(into == sent);
            BOOST_TEST(text(run.start(c.read_exactly(4))) == "rest");
        }
    }
}

BOOST_AUTO_TEST_CASE(async_read_ends_with_the_stream_and_says_what_it_got)
{
    scenario run;
    auto [c, p] = run.connect();
    std::array<char, 10> into{};
    outcome read;
    asio::async_read(c, asio::buffer(into), read.handler());
    p.send("123");
    p.end();
    BOOST_TEST(read.text == "end_of_stream");
    BOOST_TEST(read.calls == 1);
}

BOOST_AUTO_TEST_CASE(read_until_leaves_what_follows_to_whoever_reads_next)
{
    scenario run;
    auto [c, p] = run.connect();
    std::string line;
    outcome read;
    asio::async_read_until(c, asio::dynamic_buffer(line), '\n', read.handler());
    p.send("a line\n");
    BOOST_TEST(read.text == "7");
    BOOST_TEST(line == "a line\n");
    p.send(frame("frame"));
    BOOST_TEST(text(run.start(c.read_frame())) == "frame");
}

BOOST_AUTO_TEST_CASE(empty_operations_complete_at_once_and_never_on_the_callers_stack)
{
    scenario run;
    auto [c, p] = run.connect();
    outcome read;
    outcome write;
    c.async_read_some(asio::mutable_buffer{}, read.handler());
    c.async_write_some(asio::const_buffer{}, write.handler());
    BOOST_TEST(read.calls + write.calls == 0);
    run.poll();
    BOOST_TEST(read.text == "0");
    BOOST_TEST(write.text == "0");
}

BOOST_AUTO_TEST_CASE(async_write_sends_every_byte_however_small_the_peers_window)
{
    scenario run;
    auto [c, p] = run.connect({.high_water = 1000, .low_water = 250});
    p.capacity(100);
    const std::string big(50'000, 'b');
    const std::array<asio::const_buffer, 2> pieces{asio::buffer(big), asio::buffer("tail", 4)};
    outcome write;
    asio::async_write(c, pieces, write.handler());
    run.poll();
    BOOST_TEST(write.calls == 0);
    std::string got;
    for (std::string piece = p.received(); !piece.empty(); piece = p.received())
        got += piece;
    BOOST_TEST(write.text == "50004");
    BOOST_CHECK(got == big + "tail");
}

BOOST_AUTO_TEST_CASE(each_operation_can_be_cancelled_by_itself)
{
    scenario run;
    auto [c, p] = run.connect({.high_water = 10, .low_water = 2});
    p.capacity(0);
    asio::cancellation_signal stop_reading;
    asio::cancellation_signal stop_writing;
    std::array<char, 10> into{};
    outcome read;
    outcome write;
    c.async_read_some(asio::buffer(into), asio::bind_cancellation_slot(stop_reading.slot(), read.handler()));
    run.start(c.write("0123456789"));
    c.async_write_some(asio::buffer("x", 1), asio::bind_cancellation_slot(stop_writing.slot(), write.handler()));
    run.poll();
    stop_writing.emit(asio::cancellation_type::partial);
    run.poll();
    BOOST_TEST(write.text == "ECANCELED");
    BOOST_TEST(read.calls == 0);
    stop_reading.emit(asio::cancellation_type::terminal);
    run.poll();
    BOOST_TEST(read.text == "ECANCELED");
    p.send("data");
    c.async_read_some(asio::buffer(into), read.handler());
    run.poll();
    BOOST_TEST(read.text == "4");
}

BOOST_AUTO_TEST_CASE(a_cancellation_that_comes_too_late_reaches_no_other_operation)
{
    scenario run;
    auto c = std::make_optional(run.connect());
    asio::cancellation_signal late;
    std::array<char, 10> into{};
    outcome first;
    c->first.async_read_some(asio::buffer(into), asio::bind_cancellation_slot(late.slot(), first.handler()));
    c->second.send("1");
    BOOST_TEST(first.text == "1");
    const auto second = run.start(c->first.read_frame());
    late.emit(asio::cancellation_type::terminal);
    run.poll();
    BOOST_TEST(!second.done());
    c->first.reset();
    c.reset();
    run.poll();
    late.emit(asio::cancellation_type::terminal);
    BOOST_TEST(first.calls == 1);
}

BOOST_AUTO_TEST_CASE(operations_of_a_connection_that_is_reset_and_destroyed_complete_once)
{
    scenario run;
    std::array<char, 10> into{};
    outcome read;
    outcome write;
    outcome waiting;
    {
        auto [c, p] = run.connect({.high_water = 10, .low_water = 2});
        c.async_write_some(asio::buffer("first", 5), write.handler());
        c.async_read_some(asio::buffer(into), read.handler());
        c.reset();
    }
    run.poll();
    BOOST_TEST(read.text == "connection_closed");
    BOOST_TEST(write.text == "connection_closed");
    {
        auto [c, p] = run.connect({.high_water = 10, .low_water = 2});
        p.capacity(0);
        run.start(c.write("0123456789"));
        c.async_write_some(asio::buffer("x", 1), waiting.handler());
        run.poll();
        c.reset();
    }
    run.poll();
    BOOST_TEST(waiting.text == "connection_closed");
    BOOST_TEST(read.calls + write.calls + waiting.calls == 3);
}

BOOST_AUTO_TEST_CASE(operations_fail_where_a_posted_function_has_thrown_and_the_exception_stays_the_sessions)
{
    waiting_write scene;
    auto& [run, ends, waiting] = scene;
    auto& [c, p] = ends;
    c.handle().post([](connection&) { throw std::runtime_error{"of the posted function"}; });
    BOOST_CHECK_NO_THROW(run.poll());
    outcome write;
    c.async_write_some(asio::buffer("x", 1), write.handler());
    BOOST_CHECK_NO_THROW(run.poll());
    outcome read;
    std::array<char, 10> into{};
    c.async_read_some(asio::buffer(into), read.handler());
    BOOST_CHECK_NO_THROW(run.poll());
    for (const outcome* o : {&waiting, &write, &read}) {
        BOOST_TEST(o->calls == 1);
        BOOST_TEST(o->text == "connection_closed");
    }
    p.capacity(100);
    BOOST_TEST(run.start(c.flush()).what() == "of the posted function");
}

BOOST_AUTO_TEST_CASE(what_was_accepted_is_sent_whatever_a_posted_function_throws_while_a_write_waits)
{
    waiting_write scene;
    auto& [run, ends, waiting] = scene;
    auto& [c, p] = ends;
    c.handle().post([](connection&) { throw std::bad_alloc{}; });
    run.poll();
    BOOST_TEST(waiting.text == "ENOMEM");
    p.capacity(100);
    BOOST_TEST(p.received() == "full");
    BOOST_TEST(!p.was_reset());
}

BOOST_AUTO_TEST_CASE(a_write_that_waits_fails_where_a_posted_function_has_thrown_no_error_at_all)
{
    waiting_write scene;
    auto& [run, ends, waiting] = scene;
    auto& [c, p] = ends;
    c.handle().post([](connection&) { throw system_error{error_code{}}; });
    run.poll();
    BOOST_TEST(waiting.calls == 1);
    BOOST_TEST(waiting.text == "connection_closed");
}

BOOST_AUTO_TEST_CASE(operations_that_never_complete_are_destroyed_with_the_runtime)
{
    // As a program without coroutines does, each handler shares the connection that it is for.
    const auto alive = std::make_shared<int>();
    std::array<char, 10> into{};
    scenario run;
    {
        auto [c, p] = run.connect({.high_water = 10, .low_water = 2});
        p.capacity(0);
        run.start(c.write("0123456789"));
        const auto shared = std::make_shared<connection>(std::move(c));
        shared->async_read_some(asio::buffer(into), [alive, shared](const error_code&, std::size_t) {});
        shared->async_write_some(asio::buffer("x", 1), [alive, shared](const error_code&, std::size_t) {});
        run.poll();
        auto [d, q] = run.connect();
        const auto other = std::make_shared<connection>(std::move(d));
        other->async_write_some(asio::buffer("x", 1), [alive, other](const error_code&, std::size_t) {}); // posted
    }
    BOOST_TEST(alive.use_count() == 4);
    run.end_runtime();
    BOOST_TEST(alive.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(the_data_limit_ends_async_reads)
{
    for (const std::size_t limit : {3U, 4U}) {
        BOOST_TEST_CONTEXT("limit " << limit)
        {
            scenario run;
            auto [c, p] = run.connect({.data_limit = limit});
            p.chunks(1);
            std::array<char, 4> into{};
            outcome read;
            asio::async_read(c, asio::buffer(into), read.handler());
            p.send("1234");
            BOOST_TEST(read.text == (limit == 4 ? "4" : "data_limit"));
        }
    }
}

BOOST_AUTO_TEST_CASE(async_reads_are_no_drain_point_and_have_the_idle_deadline)
{
    server_scenario run;
    std::string told;
    peer p = run.open([&told](connection& c) -> awaitable<void> {
        std::array<char, 4> into{};
        co_await asio::async_read(c, asio::buffer(into), asio::use_awaitable);
        told.assign(into.data(), into.size());
        co_await asio::async_write(c, asio::buffer(into), asio::use_awaitable);
        co_await c.async_read_some(asio::buffer(into), asio::use_awaitable);
    });
    run.server().drain();
    run.poll();
    BOOST_TEST(!p.has_ended());
    p.send("four");
    BOOST_TEST(told == "four");
    BOOST_TEST(p.received() == "four");
    run.advance(30s);
    BOOST_TEST(run.last_end() == "cut: drain_timeout");

    server_scenario idle;
    peer q = idle.open([](connection& c) -> awaitable<void> {
        std::array<char, 4> into{};
        co_await c.async_read_some(asio::buffer(into), asio::use_awaitable);
    });
    idle.advance(75s);
    q.end();
    BOOST_TEST(idle.last_end() == "failed: idle_timeout");
}

// ---- Operators on coroutines

BOOST_AUTO_TEST_CASE(a_read_that_loses_a_race_loses_no_byte)
{
    for (std::size_t cut = 0; cut < 9; ++cut) {
        BOOST_TEST_CONTEXT("after byte " << cut)
        {
            scenario run;
            auto [c, p] = run.connect();
            auto [bell, ringer] = run.connect();
            const auto race = [](connection& a, connection& b) -> awaitable<std::size_t> {
                const auto first = co_await (a.read_frame() || b.read_frame());
                co_return first.index();
            };
            const auto winner = run.start(race(c, bell));
            p.send(frame("hello").substr(0, cut));
            BOOST_TEST(!winner.done());
            ringer.send(frame(""));
            BOOST_TEST_REQUIRE(winner.outcome() == "done");
            BOOST_TEST(winner.value() == 1u);
            const auto read = run.start(c.read_frame());
            p.send(frame("hello").substr(cut));
            BOOST_TEST(text(read) == "hello");
        }
    }
}

BOOST_AUTO_TEST_CASE(reading_and_waiting_for_the_end_stand_side_by_side)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto both = [](connection& a) -> awaitable<std::size_t> {
        std::size_t frames = 0;
        const auto read_all = [](connection& from, std::size_t& n) -> awaitable<void> {
            while (const auto f = co_await from.read_frame())
                ++n;
        };
        co_await (read_all(a, frames) && a.closed());
        co_return frames;
    };
    const auto n = run.start(both(c));
    p.send(frame("1") + frame("2"));
    BOOST_TEST(!n.done());
    p.end();
    BOOST_TEST_REQUIRE(n.outcome() == "done");
    BOOST_TEST(n.value() == 2u);
}

// ---- Turns

BOOST_AUTO_TEST_CASE(others_get_their_turn_after_64_frames_of_one_connection)
{
    scenario run;
    auto [greedy, p] = run.connect();
    auto [polite, q] = run.connect();
    std::string order;
    const auto serve = [](connection& c, char name, std::string& log) -> awaitable<void> {
        while (const auto f = co_await c.read_frame())
            log += name;
    };
    const auto a = run.start(serve(greedy, 'g', order));
    const auto b = run.start(serve(polite, 'p', order));
    for (int i = 0; i < 1000; ++i)
        p.send_later(frame(""));
    q.send_later(frame(""));
    run.poll();
    BOOST_TEST(order.size() == 1001u);
    BOOST_TEST(order.find('p') <= 128u);
}
