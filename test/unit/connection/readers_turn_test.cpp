// SPDX-License-Identifier: BSL-1.0

// When output leaves that a reader wrote in its turn of a loop with a thread of its own, and of one without.
#include <hawser/connect.hpp>
#include <hawser/server.hpp>

#define BOOST_TEST_MODULE readers_turn
#include "turned_loop.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

// Two frames there and back: the second one is read in a turn of the session's own.
awaitable<std::string> ask_twice(endpoint where)
{
    connection c = co_await hawser::connect(where);
    std::string answers;
    for (const char* text : {"first", "second"}) {
        co_await c.write_frame(text);
        const auto answer = co_await c.read_frame();
        answers += answer.value_or("(end)");
    }
    co_await c.close();
    co_return answers;
}

std::string asked(const session_handler& handler)
{
    runtime r{{.loops = 1}};
    server s{r};
    s.listen("tcp://127.0.0.1:0", handler);
    return run(r, ask_twice(s.endpoints().front()));
}

bool has_posted_flush(connection& c)
{
    return detail::loop_of(c.get_executor()).output_cork.posted;
}

} // namespace

BOOST_AUTO_TEST_CASE(nothing_is_queued_for_an_answer_whose_reader_reads_on)
{
    bool queued = true;
    const std::string answers = asked([&queued](connection& c) -> awaitable<void> {
        while (const auto frame = co_await c.read_frame()) {
            co_await c.write_frame(*frame);
            queued = has_posted_flush(c);
        }
    });
    BOOST_TEST(answers == "firstsecond");
    BOOST_TEST(!queued);
}

BOOST_AUTO_TEST_CASE(an_answer_leaves_before_whatever_its_reader_has_queued)
{
    std::size_t unsent = 1;
    const std::string answers = asked([&unsent](connection& c) -> awaitable<void> {
        while (const auto frame = co_await c.read_frame()) {
            co_await c.write_frame(*frame);
            co_await boost::asio::post(c.get_executor(), boost::asio::use_awaitable);
            unsent = c.queued();
        }
    });
    BOOST_TEST(answers == "firstsecond");
    BOOST_TEST(unsent == 0u);
}

BOOST_AUTO_TEST_CASE(an_answer_leaves_though_its_reader_waits_for_something_else)
{
    const std::string answers = asked([](connection& c) -> awaitable<void> {
        const auto first = co_await c.read_frame();
        co_await c.write_frame(*first);
        const auto second = co_await c.read_frame();
        co_await c.write_frame(*second);
        co_await c.closed();
    });
    BOOST_TEST(answers == "firstsecond");
}

// It may be turned again within the turn, and is to find what is to be sent.
BOOST_AUTO_TEST_CASE(a_loop_that_is_turned_by_hand_has_it_queued)
{
    turned_loop loop;
    auto [c, peer, number] = loop.open_unix();
    bool queued = false;
    boost::asio::co_spawn(
        loop.on().executor(),
        [&queued, &of = c]() -> awaitable<void> {
            co_await of.read_some();
            co_await of.write("answer");
            queued = has_posted_flush(of);
        },
        [](const std::exception_ptr&) {});
    send(peer, "x");
    loop.turn_until([&queued] { return queued; });
    char got[7] = {};
    loop.turn_until([&] { return ::recv(peer.get(), got, sizeof got, MSG_DONTWAIT | MSG_PEEK) == 6; });
    BOOST_TEST(std::string{got} == "answer");
}
