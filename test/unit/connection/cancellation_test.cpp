// SPDX-License-Identifier: BSL-1.0

// A read that is cancelled, and what it leaves for the next.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE cancellation
#include <boost/test/unit_test.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

awaitable<void> collect(connection& c, std::vector<std::string>& into)
{
    while (const auto frame = co_await c.read_frame())
        into.emplace_back(*frame);
}

awaitable<void> collect_batches(connection& c, std::vector<std::string>& into)
{
    while (const auto batch = co_await c.read_frames())
        for (const bytes_view frame : *batch)
            into.emplace_back(frame);
}

awaitable<void> collect_bytes(connection& c, std::vector<std::string>& into)
{
    std::array<char, 100> some{};
    for (;;) {
        const std::size_t n = co_await c.async_read_some(boost::asio::buffer(some), boost::asio::use_awaitable);
        into.emplace_back(some.data(), n);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(cancelling_a_read_at_any_suspension_loses_no_byte)
{
    using reader = awaitable<void> (*)(connection&, std::vector<std::string>&);
    std::string stream;
    for (int i = 0; i < 150; ++i) // more than two turns
        stream += frame(std::string(10, static_cast<char>('a' + i % 26)));
    for (const reader r : {collect, collect_batches, collect_bytes})
        for (const bool drains : {false, true}) {
            bool reached_the_end = false;
            std::size_t suspensions = 0;
            for (; !reached_the_end; ++suspensions) {
                scenario run;
                auto [c, p] = run.connect();
                p.chunks(700);
                p.send_later(stream);
                if (drains)
                    detail::core_access::get(c).begin_drain();
                std::vector<std::string> got;
                boost::asio::cancellation_signal cancel;
                bool ended = false;
                boost::asio::co_spawn(
                    run.loop().context(), r(c, got),
                    boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) { ended = true; }));
                run.loop().context().restart();
                for (std::size_t i = 0; i < suspensions; ++i)
                    if (run.loop().context().poll_one() == 0)
                        reached_the_end = true;
                cancel.emit(boost::asio::cancellation_type::terminal);
                run.poll();
                BOOST_TEST_REQUIRE(ended);
                p.end();
                const auto rest = run.start(r(c, got));
                BOOST_TEST_REQUIRE(rest.done());
                std::string all;
                for (const std::string& piece : got)
                    all += r == collect_bytes ? piece : frame(piece);
                BOOST_TEST_CONTEXT("cancelled after " << suspensions << " handlers")
                {
                    BOOST_TEST_REQUIRE(all.size() == stream.size());
                    BOOST_REQUIRE(all == stream);
                }
            }
            BOOST_TEST(suspensions > 5u);
        }
}

BOOST_AUTO_TEST_CASE(what_a_cancelled_read_has_searched_is_searched_again_once_others_have_taken_it)
{
    scenario run;
    auto [c, p] = run.connect({.framing = framing::lines.with_max_payload(100)});
    auto line = run.start(c.read_frame());
    p.send("abc");
    line.cancel();
    BOOST_TEST(*run.start(c.read_some()).value() == "abc");
    p.send("\n\nhello\n");
    for (const char* wanted : {"", "", "hello"})
        BOOST_TEST(*run.start(c.read_frame()).value() == wanted);
}

BOOST_AUTO_TEST_CASE(a_frame_has_its_whole_time_though_another_read_took_the_bytes_of_a_cancelled_one)
{
    scenario run;
    auto [c, p] = run.connect({.timeouts = {.frame = 10s}});
    auto first = run.start(c.read_frame());
    p.send("\0\0"s);
    run.steps(9s, 100ms);
    first.cancel();
    BOOST_TEST(run.start(c.read_some()).value()->size() == 2u);
    const auto second = run.start(c.read_frame());
    p.send("\0\0"s);
    run.steps(9s, 100ms);
    BOOST_TEST(!second.done());
    p.send("\0\1x"s);
    BOOST_TEST(*second.value() == "x");
}
