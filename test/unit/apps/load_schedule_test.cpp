// SPDX-License-Identifier: BSL-1.0

// When messages of an open loop are due, and how many are before an instant.
#include "load/schedule.hpp"

#define BOOST_TEST_MODULE load_schedule
#include <boost/test/unit_test.hpp>

namespace {

constexpr std::int64_t start = 123'456'789;
constexpr std::int64_t second = 1'000'000'000;

load::schedule started(std::uint64_t rate, unsigned connections)
{
    load::schedule made{rate, connections};
    made.start(start);
    return made;
}

BOOST_AUTO_TEST_CASE(those_due_before_an_instant_are_those_whose_own_instant_is_earlier)
{
    for (const std::uint64_t rate : {1u, 3u, 7u, 999u, 1000u, 4'999'999u, 10'000'000u}) {
        const auto when = started(rate, 1);
        for (std::uint64_t nth :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, rate - 1, rate, rate + 1, 1'000'000 * rate + 1}) {
            const auto at = when.time_of(nth);
            BOOST_TEST(when.due_before(at) == nth);
            BOOST_TEST(when.due_before(at + 1) == nth + 1);
        }
        BOOST_TEST(when.due_before(start + 3 * second) == 3 * rate);
        BOOST_TEST(when.due_before(start) == 0u);
        BOOST_TEST(when.due_before(0) == 0u);
    }
}

BOOST_AUTO_TEST_CASE(the_connections_share_them_in_turn)
{
    constexpr unsigned connections = 7;
    const auto when = started(1000, connections);
    for (std::int64_t later = 0; later < 30'000'000; later += 499'999) {
        const auto time = start + later;
        std::uint64_t sum = 0;
        for (unsigned c = 0; c < connections; ++c) {
            const auto due = when.due_before(time, c);
            sum += due;
            BOOST_TEST(when.time_of(c, due) >= time);
            BOOST_TEST((due == 0 || when.time_of(c, due - 1) < time));
        }
        BOOST_TEST(sum == when.due_before(time));
    }
}

BOOST_AUTO_TEST_CASE(none_is_due_after_the_end_and_none_ever_in_a_closed_loop)
{
    auto when = started(1000, 1);
    when.end(start + second);
    BOOST_TEST(when.due_before(start + second) == 1000u);
    BOOST_TEST(when.due_before(start + 5 * second) == 1000u);
    BOOST_TEST(started(0, 4).due_before(start + second) == 0u);
}

} // namespace
