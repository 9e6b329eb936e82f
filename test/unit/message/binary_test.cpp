// SPDX-License-Identifier: BSL-1.0

// Numbers in binary content, in either byte order.
#include <hawser/message/binary.hpp>

#define BOOST_TEST_MODULE message_binary
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <limits>
#include <string>

using namespace hawser::messages;
using namespace std::string_literals;
using namespace std::string_view_literals;

BOOST_AUTO_TEST_CASE(numbers_are_written_in_the_order_that_is_asked_for)
{
    binary_writer big{std::endian::big};
    big.write(std::uint8_t{0xab}).write(std::uint16_t{0x0102}).write(std::int32_t{-2}).write(1.5F).write(-0.5);
    // struct.pack(">BHifd", 0xab, 0x0102, -2, 1.5, -0.5)
    BOOST_TEST(big.bytes() == "\xab\x01\x02\xff\xff\xff\xfe\x3f\xc0\0\0\xbf\xe0\0\0\0\0\0\0"s);

    binary_writer little{std::endian::little};
    little.write(std::uint8_t{0xab}).write(std::uint16_t{0x0102}).write(std::int32_t{-2}).write(1.5F).write(-0.5);
    BOOST_TEST(little.bytes() == "\xab\x02\x01\xfe\xff\xff\xff\0\0\xc0\x3f\0\0\0\0\0\0\xe0\xbf"s);

    binary_writer own;
    own.write(std::uint16_t{1}).write_bytes("x\0"sv);
    BOOST_TEST(own.bytes() == (std::endian::native == std::endian::little ? "\1\0x\0"s : "\0\1x\0"s));
}

BOOST_AUTO_TEST_CASE(numbers_are_read_in_the_order_of_the_message)
{
    const std::string content = "\x01\x02\x03\x04\x05\x06\x07\x08"s;
    const message big{.type = "b", .encoding = "binary", .order = std::endian::big, .content = content};
    const message little{.type = "b", .encoding = "binary", .order = std::endian::little, .content = content};
    BOOST_TEST(binary_reader{big}.read<std::uint64_t>() == 0x0102030405060708U);
    BOOST_TEST(binary_reader{little}.read<std::uint64_t>() == 0x0807060504030201U);
    BOOST_TEST(binary_reader{big}.read<std::uint16_t>() == 0x0102U);
    BOOST_TEST(binary_reader{little}.read<std::uint16_t>() == 0x0201U);
    binary_reader in{big};
    BOOST_TEST(in.read<char>() == '\x01');
    BOOST_TEST(in.read_bytes(2) == "\x02\x03");
    BOOST_TEST(in.read<std::uint32_t>() == 0x04050607U);
    BOOST_TEST(in.rest() == "\x08");
}

BOOST_AUTO_TEST_CASE(what_was_written_is_read_again)
{
    for (const std::endian order : {std::endian::little, std::endian::big}) {
        binary_writer out{order};
        out.write(std::numeric_limits<std::int64_t>::min())
            .write(std::numeric_limits<double>::infinity())
            .write(std::numeric_limits<float>::denorm_min())
            .write(std::int8_t{-1})
            .write(U'\U0001f430');
        binary_reader in{out.bytes(), order};
        BOOST_TEST(in.read<std::int64_t>() == std::numeric_limits<std::int64_t>::min());
        BOOST_TEST(in.read<double>() == std::numeric_limits<double>::infinity());
        BOOST_TEST(in.read<float>() == std::numeric_limits<float>::denorm_min());
        BOOST_TEST(in.read<std::int8_t>() == -1);
        BOOST_TEST((in.read<char32_t>() == U'\U0001f430'));
        BOOST_TEST(in.rest().empty());
    }
}

BOOST_AUTO_TEST_CASE(more_than_is_there_is_refused_and_nothing_taken)
{
    binary_reader in{"abc", std::endian::big};
    try {
        in.read<std::uint32_t>();
        BOOST_FAIL("read beyond the end");
    } catch (const message_error& e) {
        BOOST_TEST(e.reply() == "Error: content: expected 4 bytes more, got 3.");
        BOOST_TEST((e.code() == errc::invalid_message_content));
    }
    BOOST_CHECK_THROW(in.read_bytes(4), message_error);
    BOOST_TEST(in.read_bytes(3) == "abc");
    BOOST_TEST(in.read_bytes(0) == "");
    BOOST_CHECK_THROW(in.read<char>(), message_error);
}

static_assert(binary_number<unsigned char> && binary_number<long long> && binary_number<char16_t>);
static_assert(!binary_number<bool> && !binary_number<long double> && !binary_number<char*>);
