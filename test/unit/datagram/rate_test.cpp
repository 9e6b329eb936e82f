// SPDX-License-Identifier: BSL-1.0

// The rate of datagrams from each address: bursts, refilling, and a table that stays within its size.
#include "datagram/rate.hpp"

#define BOOST_TEST_MODULE datagram_rate
#include <boost/test/unit_test.hpp>

using namespace hawser;
using namespace std::chrono_literals;
using detail::datagram_rate;

namespace {

constexpr time_point start{1000h};

datagram_rate::address_key address(unsigned n)
{
    return {static_cast<unsigned char>(n >> 24), static_cast<unsigned char>(n >> 16),
            static_cast<unsigned char>(n >> 8), static_cast<unsigned char>(n)};
}

int taken(datagram_rate& rate, const datagram_rate::address_key& key, time_point now, int offered)
{
    int n = 0;
    for (int i = 0; i < offered; ++i)
        n += rate.take(key, now) ? 1 : 0;
    return n;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_burst_is_taken_and_not_one_more)
{
    datagram_rate rate{10, 20, 100};
    BOOST_TEST(taken(rate, address(1), start, 20) == 20);
    BOOST_TEST(taken(rate, address(1), start, 20) == 0);
}

BOOST_AUTO_TEST_CASE(a_burst_of_one_is_one)
{
    datagram_rate rate{10, 1, 100};
    BOOST_TEST(taken(rate, address(1), start, 5) == 1);
    BOOST_TEST(taken(rate, address(1), start + 99999us, 5) == 0);
    BOOST_TEST(taken(rate, address(1), start + 100ms, 5) == 1);
}

BOOST_AUTO_TEST_CASE(after_a_burst_the_rate_is_what_passes)
{
    datagram_rate rate{10, 20, 100};
    taken(rate, address(1), start, 20);
    BOOST_TEST(taken(rate, address(1), start + 100ms - 1ns, 5) == 0);
    BOOST_TEST(taken(rate, address(1), start + 100ms, 5) == 1);
    BOOST_TEST(taken(rate, address(1), start + 1100ms, 50) == 10);
    int all = 0;
    for (int ms = 0; ms < 60'000; ms += 7)
        all += taken(rate, address(1), start + 1100ms + std::chrono::milliseconds{ms}, 1);
    BOOST_TEST(all == 599);
}

BOOST_AUTO_TEST_CASE(a_silence_gives_back_the_burst_and_not_more)
{
    datagram_rate rate{10, 20, 100};
    taken(rate, address(1), start, 20);
    BOOST_TEST(taken(rate, address(1), start + 1h, 100) == 20);
}

BOOST_AUTO_TEST_CASE(what_is_refused_costs_nothing)
{
    datagram_rate rate{10, 20, 100};
    BOOST_TEST(taken(rate, address(1), start, 10'000) == 20);
    BOOST_TEST(taken(rate, address(1), start + 1s, 10'000) == 10);
}

BOOST_AUTO_TEST_CASE(addresses_do_not_share)
{
    datagram_rate rate{10, 20, 100};
    BOOST_TEST(taken(rate, address(1), start, 50) == 20);
    BOOST_TEST(taken(rate, address(2), start, 50) == 20);
}

BOOST_AUTO_TEST_CASE(the_table_has_at_most_its_size_and_forgets_the_longest_silent)
{
    datagram_rate rate{10, 20, 3};
    for (unsigned n = 1; n <= 3; ++n)
        taken(rate, address(n), start, 20);
    BOOST_TEST(taken(rate, address(1), start, 1) == 0); // no longer the one that was silent longest
    BOOST_TEST(taken(rate, address(4), start, 1) == 1); // in the place of 2
    BOOST_TEST(rate.addresses() == 3u);
    BOOST_TEST(taken(rate, address(1), start, 1) == 0);
    BOOST_TEST(taken(rate, address(3), start, 1) == 0);
    BOOST_TEST(taken(rate, address(2), start, 1) == 1);
    BOOST_TEST(rate.addresses() == 3u);
}

BOOST_AUTO_TEST_CASE(a_million_forged_addresses_do_not_grow_it)
{
    datagram_rate rate{10, 20, 1000};
    std::size_t most = 0;
    for (unsigned n = 0; n < 1'000'000; ++n) {
        BOOST_REQUIRE(rate.take(address(n), start + std::chrono::microseconds{n}));
        most = std::max(most, rate.addresses());
    }
    BOOST_TEST(most == 1000u);
}

BOOST_AUTO_TEST_CASE(addresses_whose_bucket_is_full_again_leave)
{
    datagram_rate rate{10, 20, 1000};
    for (unsigned n = 0; n < 1000; ++n)
        taken(rate, address(n), start, 1);
    BOOST_TEST(rate.addresses() == 1000u);
    for (int i = 0; i < 500; ++i)
        taken(rate, address(7777), start + 1h, 1);
    BOOST_TEST(rate.addresses() == 1u);
}
