// SPDX-License-Identifier: BSL-1.0

// Options, admission, and the names of errors: each range at its edge.
#include <hawser/options.hpp>

#include "server/admission.hpp"

#include <hawser/error.hpp>

#define BOOST_TEST_MODULE limits
#include <boost/test/unit_test.hpp>

#include <boost/asio/error.hpp>

#include <netdb.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace hawser;
using hawser::detail::admission;

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused_with_their_name_and_value)
{
    struct {
        const char* words; // nullptr: accepted
        timeouts t;
        limits l;
    } const table[] = {
        {nullptr, {}, {}},
        {nullptr, {.idle = 1ns, .frame = 1ns, .write = 1ns, .drain = 1ns}, {}},
        {nullptr, {.idle = never, .frame = never, .write = never, .drain = never}, {}},
        {"timeouts.idle: expected a time above zero, got 0 ns", {.idle = 0ns}, {}},
        {"timeouts.frame: expected a time above zero, got -1 ns", {.frame = -1ns}, {}},
        {"timeouts.write: expected a time above zero, got 0 ns", {.write = 0ns}, {}},
        {"timeouts.drain: expected a time above zero, got 0 ns", {.drain = 0ns}, {}},
        {nullptr, {}, {.connections = 1, .per_address = 1, .data_limit = 1}},
        {"limits.connections: expected 1 or more, got 0", {}, {.connections = 0}},
        {"limits.per_address: expected 1 or more, got 0", {}, {.per_address = 0}},
        {"limits.per_address: expected at most limits.connections, 5, got 6", {}, {.connections = 5, .per_address = 6}},
        {"limits.data_limit: expected 1 or more, got 0", {}, {.data_limit = 0}},
        {nullptr, {}, {.handshakes = 1, .output_high_water = 1, .output_low_water = 0}},
        {"limits.handshakes: expected 1 or more, got 0", {}, {.handshakes = 0}},
        {"limits.output_high_water: expected 1 or more, got 0", {}, {.output_high_water = 0, .output_low_water = 0}},
        {"limits.output_low_water: expected less than limits.output_high_water, 10, got 10",
         {},
         {.output_high_water = 10, .output_low_water = 10}},
    };
    for (const auto& t : table) {
        std::string words;
        try {
            validate(t.t);
            validate(t.l);
        } catch (const std::invalid_argument& e) {
            words = e.what();
        }
        BOOST_TEST(words == (t.words != nullptr ? t.words : ""));
    }
}

BOOST_AUTO_TEST_CASE(as_many_permits_are_given_as_there_are)
{
    admission doors{2, std::nullopt};
    BOOST_TEST(doors.take());
    BOOST_TEST(doors.take());
    BOOST_TEST(!doors.take());
    BOOST_TEST(doors.taken() == 2u);
    doors.give();
    BOOST_TEST(doors.take());
    BOOST_TEST(!doors.take());
}

BOOST_AUTO_TEST_CASE(permits_are_wanting_when_fewer_than_2_percent_are_left)
{
    struct {
        std::size_t permits, taken, wanting;
    } const table[] = {
        {100, 0, 0}, {100, 98, 0}, {100, 99, 1}, {100, 100, 2}, {101, 98, 0},      {101, 99, 1},
        {1, 0, 0},   {1, 1, 1},    {49, 48, 0},  {49, 49, 1},   {50, 49, 0},       {50, 50, 1},
        {51, 49, 0}, {51, 50, 1},  {51, 51, 2},  {0, 0, 0},     {19936, 19537, 0}, {19936, 19538, 1},
    };
    for (const auto& t : table) {
        admission doors{t.permits, std::nullopt};
        for (std::size_t i = 0; i < t.taken; ++i)
            doors.take();
        BOOST_TEST_CONTEXT(t.taken << " of " << t.permits) BOOST_TEST(doors.shortfall() == t.wanting);
    }
}

BOOST_AUTO_TEST_CASE(each_address_has_its_own_count)
{
    admission doors{100, 2};
    const admission::address_key a{1};
    const admission::address_key b{2};
    BOOST_TEST(doors.enter(a));
    BOOST_TEST(doors.enter(a));
    BOOST_TEST(!doors.enter(a));
    BOOST_TEST(doors.enter(b));
    doors.leave(a);
    BOOST_TEST(doors.enter(a));
    BOOST_TEST(!doors.enter(a));
    admission open{1, std::nullopt};
    for (int i = 0; i < 100; ++i)
        BOOST_TEST(open.enter(a));
    open.leave(a);
}

BOOST_AUTO_TEST_CASE(permits_taken_by_many_threads_are_never_one_too_many)
{
    admission doors{3, std::nullopt};
    std::atomic<std::size_t> inside{0};
    std::atomic<bool> exceeded{false};
    std::vector<std::thread> all;
    for (int t = 0; t < 4; ++t)
        all.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i)
                if (doors.take()) {
                    if (++inside > 3)
                        exceeded = true;
                    --inside;
                    doors.give();
                }
        });
    for (std::thread& t : all)
        t.join();
    BOOST_TEST(!exceeded);
    BOOST_TEST(doors.taken() == 0u);
}

BOOST_AUTO_TEST_CASE(a_reserve_of_descriptors_is_kept)
{
    BOOST_TEST(detail::default_permits(64) == 48u);
    BOOST_TEST(detail::default_permits(256) == 192u);
    BOOST_TEST(detail::default_permits(1024) == 960u);
    BOOST_TEST(detail::default_permits(20'000) == 19'936u);
}

BOOST_AUTO_TEST_CASE(errors_have_the_symbols_that_a_reader_searches_for)
{
    const std::pair<error_code, const char*> table[] = {
        {errc::connect_timeout, "connect_timeout"},
        {errc::idle_timeout, "idle_timeout"},
        {errc::frame_timeout, "frame_timeout"},
        {errc::write_timeout, "write_timeout"},
        {errc::drain_timeout, "drain_timeout"},
        {errc::frame_too_large, "frame_too_large"},
        {errc::truncated_head, "truncated_head"},
        {errc::data_limit, "data_limit"},
        {errc::too_many_connections, "too_many_connections"},
        {errc::shed, "shed"},
        {errc::resolver_busy, "resolver_busy"},
        {boost::asio::error::connection_refused, "ECONNREFUSED"},
        {boost::system::errc::make_error_code(boost::system::errc::broken_pipe), "EPIPE"},
        {boost::asio::error::operation_aborted, "ECANCELED"},
        {boost::asio::error::eof, "end_of_stream"},
        {error_code{EAI_NONAME, boost::asio::error::get_addrinfo_category()}, "EAI_NONAME"},
        {error_code{7, boost::asio::error::get_misc_category()}, "asio.misc:7"},
    };
    for (const auto& [code, name] : table)
        BOOST_TEST(symbol(code) == name);
    BOOST_TEST(std::string{category().name()} == "hawser");
    for (int i = static_cast<int>(errc::connect_timeout); i <= static_cast<int>(errc::resolver_busy); ++i) {
        const error_code e{i, category()};
        BOOST_TEST(symbol(e) != "unknown");
        BOOST_TEST(e.message() != "unknown error");
    }
}
