// SPDX-License-Identifier: BSL-1.0

// load's histogram beside the sorted values themselves.
#include "load/histogram.hpp"

#define BOOST_TEST_MODULE load_histogram
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace {

// The least value that `share` of all do not exceed.
std::uint64_t exact(const std::vector<std::uint64_t>& sorted, double share)
{
    const auto wanted = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
    return sorted[std::max<std::size_t>(wanted, 1) - 1];
}

BOOST_AUTO_TEST_CASE(a_percentile_is_at_most_one_in_128_above_the_value_itself)
{
    std::mt19937_64 draw{7};
    std::uniform_real_distribution<double> magnitude{std::log(2e3), std::log(9e11)};
    load::histogram counted;
    std::vector<std::uint64_t> values(100'000);
    for (auto& value : values) {
        value = static_cast<std::uint64_t>(std::exp(magnitude(draw)));
        counted.add(value, 1);
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.0, 0.01, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
        const auto right = exact(values, share);
        BOOST_TEST_INFO("share " << share);
        BOOST_TEST(counted.percentile(share) >= right - 1); // a bucket ends between two whole numbers
        BOOST_TEST(counted.percentile(share) <= right + right / 128);
    }
    BOOST_TEST(counted.largest() == values.back());
}

BOOST_AUTO_TEST_CASE(a_value_counts_as_often_as_it_was_added)
{
    load::histogram counted;
    counted.add(1'000, 99);
    counted.add(1'000'000, 1);
    BOOST_TEST(counted.percentile(0.99) <= 1'008u);
    BOOST_TEST(counted.percentile(0.999) == 1'000'000u);
}

BOOST_AUTO_TEST_CASE(values_beyond_both_ends_are_counted)
{
    load::histogram counted;
    counted.add(0, 50);
    counted.add(UINT64_MAX, 50);
    BOOST_TEST(counted.percentile(0.5) <= 1u);
    BOOST_TEST(counted.percentile(0.6) == UINT64_MAX);
    BOOST_TEST(counted.largest() == UINT64_MAX);
}

BOOST_AUTO_TEST_CASE(an_empty_one_has_only_zeros)
{
    load::histogram counted;
    BOOST_TEST(counted.percentile(0.5) == 0u);
    BOOST_TEST(counted.percentile(0.99) == 0u);
    BOOST_TEST(counted.largest() == 0u);
    BOOST_TEST(counted.total() == 0u);
}

} // namespace
