// SPDX-License-Identifier: BSL-1.0

// Blocks and the buffers on them: sizes, growth, and what goes back when.
#include "loop/buffer.hpp"

#include <hawser/test/manual_clock.hpp>

#define BOOST_TEST_MODULE buffer
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

using namespace hawser;
using namespace std::chrono_literals;
using hawser::detail::block_pool;
using hawser::detail::buffer;
using hawser::detail::wheel;

namespace {

struct pool_and_time {
    test::manual_clock time;
    wheel timers{time.now()};
    block_pool pool{timers, time};

    void advance(duration by)
    {
        time.advance(by);
        timers.advance(time.now());
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_block_is_the_smallest_power_of_two_of_pages_that_holds_the_size)
{
    pool_and_time p;
    const std::pair<std::size_t, std::size_t> table[] = {
        {1, 4096},      {4096, 4096},           {4097, 8192},           {8192, 8192},
        {8193, 16'384}, {1'048'580, 2'097'152}, {5'000'000, 8'388'608},
    };
    for (const auto& [wanted, expected] : table) {
        std::size_t size = wanted;
        char* const block = p.pool.take(size);
        BOOST_TEST(size == expected);
        BOOST_TEST(p.pool.in_use() == expected);
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(block) % 4096 == 0u);
        block[0] = block[size - 1] = 'x';
        p.pool.give(block, size);
        BOOST_TEST(p.pool.in_use() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(blocks_are_distinct_and_come_back_in_any_order)
{
    pool_and_time p;
    std::vector<char*> all;
    std::mt19937 random{1};
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 1000; ++i) {
            std::size_t size = 4096;
            all.push_back(p.pool.take(size));
            std::fill_n(all.back(), size, static_cast<char>(i));
        }
        auto sorted = all;
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t i = 1; i < sorted.size(); ++i)
            BOOST_TEST_REQUIRE(sorted[i] - sorted[i - 1] >= 4096);
        BOOST_TEST(p.pool.in_use() == all.size() * 4096);
        std::shuffle(all.begin(), all.end(), random);
        while (all.size() > (round == 2 ? 0U : 100U)) {
            p.pool.give(all.back(), 4096);
            all.pop_back();
        }
    }
    BOOST_TEST(p.pool.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(large_blocks_are_kept_for_a_while_and_then_given_back)
{
    pool_and_time p;
    std::size_t size = 100'000;
    char* const first = p.pool.take(size);
    p.pool.give(first, size);
    size = 100'000;
    char* const second = p.pool.take(size);
    BOOST_TEST((first == second));
    p.pool.give(second, size);
    for (int i = 0; i < 20; ++i)
        p.advance(500ms);
    BOOST_TEST(p.timers.size() == 0u); // nothing left to trim
}

BOOST_AUTO_TEST_CASE(a_buffer_holds_nothing_until_it_is_used_and_after_its_release)
{
    pool_and_time p;
    buffer b{p.pool};
    BOOST_TEST(b.empty());
    BOOST_TEST(b.capacity() == 0u);
    BOOST_TEST(p.pool.in_use() == 0u);
    b.append("");
    BOOST_TEST(p.pool.in_use() == 0u);
    b.append("x");
    BOOST_TEST(p.pool.in_use() == 4096u);
    b.release();
    b.release();
    BOOST_TEST(b.empty());
    BOOST_TEST(p.pool.in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(a_buffer_never_grows_beyond_twice_its_bytes_and_a_page)
{
    pool_and_time p;
    buffer b{p.pool};
    std::string expected;
    for (int i = 0; i < 3000; ++i) {
        const std::string piece(static_cast<std::size_t>(i % 700), static_cast<char>('a' + i % 26));
        b.append(piece);
        expected += piece;
        BOOST_TEST_REQUIRE(b.capacity() <= std::max<std::size_t>(2 * b.size(), 4096));
    }
    BOOST_CHECK(b.data() == expected);
}

BOOST_AUTO_TEST_CASE(bytes_are_consumed_at_the_front_and_committed_at_the_end)
{
    pool_and_time p;
    buffer b{p.pool};
    std::mt19937 random{7};
    std::string model;
    for (int i = 0; i < 100'000; ++i) {
        if (random() % 2 == 0) {
            const std::string piece(random() % 300, static_cast<char>('a' + i % 26));
            b.reserve(piece.size());
            BOOST_TEST_REQUIRE(b.space_size() >= piece.size());
            std::copy(piece.begin(), piece.end(), b.space());
            b.commit(piece.size());
            model += piece;
        } else {
            const std::size_t n = model.empty() ? 0 : random() % (model.size() + 1);
            b.consume(n);
            model.erase(0, n);
        }
        if (i % 50 == 0)
            b.compact();
        BOOST_TEST_REQUIRE(b.size() == model.size());
        BOOST_REQUIRE(b.data() == model);
    }
}
