// SPDX-License-Identifier: BSL-1.0

// What the writing functions take: bytes wherever they lie, without a cast.
#include <hawser/bytes.hpp>

#include "scenario.hpp"

#include <hawser/broadcast.hpp>

#define BOOST_TEST_MODULE any_bytes
#include <boost/test/unit_test.hpp>

#include <boost/asio/buffer.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace std::string_literals;

namespace {

// What is passed to a function of one parameter, without anything being called.
template <class T>
concept is_written = requires(connection& c, T value)
{
    requires std::same_as<decltype(c.write(value)), awaitable<void>>;
    requires std::same_as<decltype(c.write_frame(value)), awaitable<void>>;
};
template <class T>
concept is_written_as_bytes = is_written<T> && requires(connection& c, T value)
{
    requires std::same_as<decltype(c.write_frame(value, framing::lines)), awaitable<void>>;
    requires std::same_as<decltype(c.write_some(value)), awaitable<std::size_t>>;
    requires std::same_as<decltype(c.try_write(value)), bool>;
    requires std::same_as<decltype(c.try_write_frame(value)), bool>;
    encoded_frame{framing::u32_be, value};
};

static_assert(is_written_as_bytes<const char (&)[6]>);
static_assert(is_written_as_bytes<const char*>);
static_assert(is_written_as_bytes<char*>);
static_assert(is_written_as_bytes<std::string>);
static_assert(is_written_as_bytes<const std::string&>);
static_assert(is_written_as_bytes<std::string_view>);
static_assert(is_written_as_bytes<bytes_view&>);
static_assert(is_written_as_bytes<std::vector<char>>);
static_assert(is_written_as_bytes<std::vector<unsigned char>>);
static_assert(is_written_as_bytes<const std::vector<std::byte>&>);
static_assert(is_written_as_bytes<std::array<char, 3>>);
static_assert(is_written_as_bytes<std::array<unsigned char, 3>>);
static_assert(is_written_as_bytes<std::array<const std::byte, 3>>);
static_assert(is_written_as_bytes<unsigned char (&)[3]>);
static_assert(is_written_as_bytes<const std::byte (&)[3]>);
static_assert(is_written_as_bytes<std::span<char>>);
static_assert(is_written_as_bytes<std::span<const unsigned char>>);
static_assert(is_written_as_bytes<std::span<std::byte, 4>>);
static_assert(is_written_as_bytes<boost::asio::const_buffer>);
static_assert(is_written_as_bytes<boost::asio::mutable_buffer>);
static_assert(is_written_as_bytes<any_bytes>);

// Several pieces.
static_assert(is_written<std::span<const bytes_view>>);
static_assert(is_written<std::array<bytes_view, 2>>);
static_assert(is_written<const std::vector<bytes_view>&>);
static_assert(!is_written_as_bytes<std::vector<bytes_view>>);

// What is no bytes, or not in one piece.
static_assert(!is_written<int>);
static_assert(!is_written<std::vector<int>>);
static_assert(!is_written<std::vector<wchar_t>>);
static_assert(!is_written<std::vector<std::string>>);
static_assert(!is_written<std::list<char>>);
static_assert(!is_written<std::array<boost::asio::const_buffer, 2>>);
static_assert(!is_written<std::vector<bool>>);

std::string taken(any_bytes bytes)
{
    return std::string{bytes_view{bytes}};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_literal_is_its_text_without_the_nul)
{
    const char array[8] = "hello";
    BOOST_TEST(taken("hello") == "hello");
    BOOST_TEST(taken(array) == "hello");
    BOOST_TEST(taken(&array[0]) == "hello");
    BOOST_TEST(taken("hello\0too"s) == "hello\0too"s);
    BOOST_TEST(taken({"hello", 3}) == "hel");
    BOOST_TEST(taken({}) == "");
}

BOOST_AUTO_TEST_CASE(every_other_range_is_all_that_it_holds)
{
    const std::string expected = "a\0b"s;
    const unsigned char octets[] = {'a', 0, 'b'};
    const std::byte bytes[] = {std::byte{'a'}, std::byte{0}, std::byte{'b'}};
    BOOST_TEST(taken(octets) == expected);
    BOOST_TEST(taken(bytes) == expected);
    BOOST_TEST(taken(std::span{octets}) == expected);
    BOOST_TEST(taken(std::as_bytes(std::span{octets})) == expected);
    BOOST_TEST(taken(std::vector<char>{'a', 0, 'b'}) == expected);
    BOOST_TEST(taken(std::array<unsigned char, 3>{'a', 0, 'b'}) == expected);
    BOOST_TEST(taken(boost::asio::buffer(octets)) == expected);
    BOOST_TEST(taken(boost::asio::const_buffer{}) == "");
    BOOST_TEST(taken(std::vector<std::byte>{}) == "");
}

BOOST_AUTO_TEST_CASE(each_function_writes_what_it_is_given)
{
    const unsigned char octets[] = {'x', 0, 'y'};
    const std::string expected = "x\0y"s;
    scenario run;
    auto [c, p] = run.connect();
    run.start(c.write(octets));
    BOOST_TEST(p.received() == expected);
    run.start(c.write_frame(octets));
    BOOST_TEST(p.received() == frame(expected));
    run.start(c.write_frame(octets, framing::lines));
    BOOST_TEST(p.received() == expected + '\n');
    run.start(c.write_some(octets));
    BOOST_TEST(p.received() == expected);
    BOOST_TEST(c.try_write(octets));
    BOOST_TEST(c.try_write_frame(octets));
    run.poll();
    BOOST_TEST(p.received() == expected + frame(expected));
    BOOST_TEST(encoded_frame(framing::u32_be, octets).bytes() == frame(expected));
    run.start(c.write_frame("hello"));
    BOOST_TEST(p.received() == frame("hello"));
    const std::array<bytes_view, 2> pieces{"hel", "lo"};
    run.start(c.write_frame(pieces));
    BOOST_TEST(p.received() == frame("hello"));
}
