// Making room when a server is nearly full: who is ended, when, and who is not; each bound at it and one past it.
#include "shedding.hpp"

#include "scenario.hpp"
#include "server_core.hpp"

#define BOOST_TEST_MODULE shedding
#include <boost/test/unit_test.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <vector>

namespace {

using namespace hawser;
using namespace hawser::test;

constexpr bytes_view head_begun{"\0", 1};
constexpr duration tick = 5ms; // of the wheel, and more

awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// Waits for something that is not the connection's.
awaitable<void> wait_elsewhere(connection&)
{
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
    timer.expires_at(boost::asio::steady_timer::time_point::max());
    co_await timer.async_wait(boost::asio::use_awaitable);
}

server_options of_at_most(std::size_t connections)
{
    return {.limits = {.connections = connections}};
}

struct crowded_scenario : server_scenario {
    explicit crowded_scenario(std::size_t limit) : server_scenario{of_at_most(limit)} {}

    // Sessions that begin to wait one tick after another.
    std::vector<peer> open_some(std::size_t count)
    {
        std::vector<peer> all;
        for (std::size_t i = 0; i < count; ++i) {
            advance(tick);
            all.push_back(open(echo));
        }
        return all;
    }
    std::uint64_t shed() { return server().statistics().shed; }
};

// The places of those whose sessions have ended their output. They end theirs, as clients do.
std::vector<std::size_t> ended(std::vector<peer>& all)
{
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].has_ended()) {
            all[i].end();
            places.push_back(i);
        }
    return places;
}

using places = std::vector<std::size_t>;

} // namespace

BOOST_AUTO_TEST_CASE(while_2_percent_of_the_permits_are_left_nobody_is_ended)
{
    crowded_scenario run{100};
    auto all = run.open_some(98);
    run.advance(60s);
    BOOST_TEST(ended(all).empty());
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(one_permit_less_ends_the_session_that_has_waited_longest_between_two_units)
{
    crowded_scenario run{100};
    auto all = run.open_some(98);
    run.advance(6s);
    all[0].send(frame("x")); // and the next one has then waited longest
    BOOST_TEST(all[0].received() == frame("x"));
    run.advance(6s);
    all.push_back(run.open(echo));
    BOOST_TEST(ended(all) == places{1}, boost::test_tools::per_element());
    BOOST_TEST(run.last_end() == "shed: shed");
    const server_statistics counts = run.server().statistics();
    BOOST_TEST(counts.shed == 1u);
    BOOST_TEST(counts.completed == 1u);
    BOOST_TEST(counts.failed == 0u);
    BOOST_TEST(counts.connections == 98u);
    run.advance(10s); // and it stays at that
    BOOST_TEST(run.shed() == 1u);
}

BOOST_AUTO_TEST_CASE(as_many_are_ended_as_are_wanting_and_those_under_way_count)
{
    crowded_scenario run{1000};
    auto all = run.open_some(980);
    run.advance(6s);
    for (int i = 0; i < 7; ++i)
        all.push_back(run.open(echo)); // no client has answered its end yet
    run.advance(tick);
    run.advance(tick);
    BOOST_TEST(ended(all) == (places{0, 1, 2, 3, 4, 5, 6}), boost::test_tools::per_element());
    BOOST_TEST(run.server().statistics().connections == 980u);
    run.advance(1s);
    BOOST_TEST(run.shed() == 7u);
}

BOOST_AUTO_TEST_CASE(who_has_waited_5_s_is_ended_and_one_nanosecond_less_is_not_enough)
{
    {
        crowded_scenario run{2};
        std::vector<peer> all{run.open(echo)};
        run.advance(5s);
        all.push_back(run.open(echo));
        BOOST_TEST(ended(all) == places{0}, boost::test_tools::per_element());
    }
    {
        crowded_scenario run{2};
        std::vector<peer> all{run.open(echo)};
        run.advance(5s - 1ns);
        all.push_back(run.open(echo));
        BOOST_TEST(ended(all).empty());
        run.advance(tick); // then it has, and is ended without another newcomer
        BOOST_TEST(ended(all) == places{0}, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(who_is_inside_a_unit_or_waits_elsewhere_is_never_ended)
{
    crowded_scenario run{3};
    std::vector<peer> all{run.open(echo), run.open(wait_elsewhere)};
    all[0].send(head_begun);
    run.advance(4s);
    all.push_back(run.open(echo));
    run.advance(5s - 1ns);
    BOOST_TEST(ended(all).empty());
    run.advance(tick);
    BOOST_TEST(ended(all) == places{2}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_arrives_with_the_end_is_answered)
{
    crowded_scenario run{2};
    std::vector<peer> all{run.open(echo)};
    run.advance(60s);
    all[0].send_later(frame("just in time"));
    all.push_back(run.open(wait_elsewhere));
    BOOST_TEST(all[0].received() == frame("just in time"));
    BOOST_TEST(!all[0].has_ended()); // it has not waited 5 s since
    run.advance(5s);
    BOOST_TEST(all[0].has_ended());
}

BOOST_AUTO_TEST_CASE(another_server_of_the_same_runtime_is_left_alone)
{
    crowded_scenario run{2};
    hawser::server other{run.runtime(), of_at_most(10)};
    std::vector<peer> all{run.open(echo)};
    all[0].send(head_begun); // the only one of its own is busy
    run.advance(6s);
    all.push_back(run.open(wait_elsewhere));
    run.advance(tick);
    BOOST_TEST(ended(all).empty());
    BOOST_TEST(run.shed() == 0u);
}

BOOST_AUTO_TEST_CASE(a_server_that_goes_while_it_waits_for_candidates_leaves_nothing_behind)
{
    crowded_scenario run{2};
    {
        hawser::server other{run.runtime(), of_at_most(1)};
        other.core().doors().take();
        other.core().making_room().permit_taken();
        run.poll();
        BOOST_TEST(run.runtime().core().control().timers().size() == 1u);
    }
    run.poll();
    BOOST_TEST(run.runtime().core().control().timers().size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_drain_ends_all_of_them_and_sheds_none)
{
    crowded_scenario run{2};
    std::vector<peer> all{run.open(echo), run.open(echo)};
    run.server().stop();
    run.advance(6s);
    BOOST_TEST(ended(all).size() == 2u);
    BOOST_TEST(run.shed() == 0u);
    BOOST_TEST(run.last_end() == "completed");
}
