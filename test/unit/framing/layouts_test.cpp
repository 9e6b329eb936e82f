// SPDX-License-Identifier: BSL-1.0

// Frames, byte for byte: each layout in both directions. splits_test.cpp cuts them.
#include <hawser/framing.hpp>

#define BOOST_TEST_MODULE framing_layouts
#include <boost/test/unit_test.hpp>

#include "framing_checks.hpp"
#include "framing_layouts.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace {

using namespace std::string_literals;
using namespace hawser::test;
using hawser::bytes_view;
using hawser::decoded;
using hawser::errc;
using hawser::framing;
using status = hawser::decoded::status;

constexpr bytes_view hello = "HELLO, WORLD";

} // namespace

BOOST_AUTO_TEST_SUITE(layouts)

BOOST_AUTO_TEST_CASE(the_default_is_four_bytes_big_endian_of_the_payload_alone)
{
    check_both_ways(framing{}, "hello world", "\x00\x00\x00\x0bhello world"s);
    BOOST_TEST((framing{} == framing::u32_be));
    BOOST_TEST((framing{framing::layout{}} == framing::u32_be));
    BOOST_TEST(framing{}.max_payload() == 1048576U);
}

BOOST_AUTO_TEST_CASE(a_u16_with_its_head_delivered)
{
    check_both_ways(two_bytes_delivered, "\x00\x0cHELLO, WORLD"s, "\x00\x0cHELLO, WORLD"s);
}

BOOST_AUTO_TEST_CASE(b_u16_with_the_payload_alone_delivered)
{
    check_both_ways(framing::u16_be, hello, "\x00\x0cHELLO, WORLD"s);
}

BOOST_AUTO_TEST_CASE(c_length_counts_itself)
{
    check_both_ways(counts_itself, "\x00\x0eHELLO, WORLD"s, "\x00\x0eHELLO, WORLD"s);
}

BOOST_AUTO_TEST_CASE(d_two_bytes_before_a_u24)
{
    check_both_ways(two_before, "\xca\xfe\x00\x00\x0cHELLO, WORLD"s, "\xca\xfe\x00\x00\x0cHELLO, WORLD"s);
}

BOOST_AUTO_TEST_CASE(e_two_bytes_between_length_and_payload)
{
    check_both_ways(two_between, "\x00\x00\x0c\xca\xfeHELLO, WORLD"s, "\x00\x00\x0c\xca\xfeHELLO, WORLD"s);
}

BOOST_AUTO_TEST_CASE(f_a_byte_on_either_side_and_the_first_three_stripped)
{
    check_both_ways(both_sides, "\xfeHELLO, WORLD"s, "\xca\x00\x0c\xfeHELLO, WORLD"s);
}

BOOST_AUTO_TEST_CASE(g_length_counts_the_whole_frame)
{
    check_both_ways(whole_frame, "\xfeHELLO, WORLD"s, "\xca\x00\x10\xfeHELLO, WORLD"s);
}

BOOST_AUTO_TEST_CASE(every_width_in_either_byte_order)
{
    check_both_ways(framing::u8, "abc", "\003abc"s);
    check_both_ways(framing::u16_be, "abc", "\x00\003abc"s);
    check_both_ways(framing::u16_le, "abc", "\x03\000abc"s);
    check_both_ways(framing::u24_be, "abc", "\x00\x00\003abc"s);
    check_both_ways(framing::u24_le, "abc", "\x03\x00\000abc"s);
    check_both_ways(framing::u32_be, "abc", "\x00\x00\x00\003abc"s);
    check_both_ways(framing::u32_le, "abc", "\x03\x00\x00\000abc"s);
    check_both_ways(framing::u64_be, "abc", "\x00\x00\x00\x00\x00\x00\x00\003abc"s);
    check_both_ways(framing::u64_le, "abc", "\x03\x00\x00\x00\x00\x00\x00\000abc"s);

    const std::string long_one(0x010203, 'x');
    BOOST_TEST(hex(encode(framing::u24_be, long_one)).substr(0, 6) == "010203");
    BOOST_TEST(hex(encode(framing::u24_le, long_one)).substr(0, 6) == "030201");
    BOOST_TEST(framing::u24_le.decode(encode(framing::u24_le, long_one)).length == 0x010203U);
    BOOST_TEST(hex(encode(framing::u64_be, long_one)).substr(0, 16) == "0000000000010203");
    BOOST_TEST(framing::u64_be.decode(encode(framing::u64_be, long_one)).length == 0x010203U);
}

BOOST_AUTO_TEST_CASE(an_empty_payload_is_a_frame_of_its_head)
{
    check_both_ways(framing::u32_be, "", "\0\0\0\0"s);
    check_both_ways(framing::u8, "", "\0"s);
    check_both_ways(framing::varint, "", "\0"s);
    check_both_ways(framing::netstring, "", "0:,");
    check_both_ways(framing::lines, "", "\n");
    check_both_ways(framing::delimiter("--"), "", "--");
    check_both_ways(whole_frame, "\xfe", "\xca\x00\x04\xfe"s);
}

BOOST_AUTO_TEST_CASE(bytes_with_no_meaning_are_written_as_zero_and_read_as_anything)
{
    constexpr framing format{{.before = 1, .width = 1, .between = 2}};
    check_both_ways(format, "abc", "\0\3\0\0abc"s);
    BOOST_TEST(format.decode("\xff\3\xff\377abc"s).frame == "abc");
}

BOOST_AUTO_TEST_CASE(constant_bytes_are_written_and_required)
{
    constexpr framing format{{.before = "HW", .width = 1, .between = "\0\1"}};
    check_both_ways(format, "abc", "HW\3\0\1abc"s);
    check_refused(format, "Hw\3\0\1abc"s, errc::malformed_frame);
    check_refused(format, "Hw\3"s, errc::malformed_frame);
    check_refused(format, "HW\3\0\2abc"s, errc::malformed_frame);
    check_incomplete(format, "HW\3\0"s, 8);
}

BOOST_AUTO_TEST_CASE(a_length_may_leave_out_a_checksum_behind_the_payload)
{
    constexpr framing format{{.width = 1, .after = 2, .max_payload = 5}};
    check_both_ways(format, "abcCC", "\3abcCC");
    check_both_ways(format, "CC", "\0CC"s);
    check_unwritable(format, "C", errc::length_too_small);
    check_unwritable(format, "abcdCC", errc::frame_too_large);
    check_refused(format, "\4", errc::frame_too_large);
}

BOOST_AUTO_TEST_CASE(a_length_may_count_bytes_that_the_frame_does_not_have)
{
    constexpr framing format{{.width = 1, .length_excess = 4}};
    check_both_ways(format, "abc", "\7abc");
    check_refused(format, "\3", errc::length_too_small);
}

BOOST_AUTO_TEST_CASE(a_written_frame_that_holds_its_length_must_hold_the_right_one)
{
    check_unwritable(two_bytes_delivered, "\x00\x0dHELLO, WORLD"s, errc::malformed_length);
    check_unwritable(two_bytes_delivered, "\0"s, errc::malformed_frame);
    constexpr framing half{{.width = 2, .delivered = 1}};
    check_both_ways(half, "\3abc", "\0\3abc"s);
    check_unwritable(half, "\4abc", errc::malformed_length);
    constexpr framing with_constants{{.before = "HW", .width = 1, .between = "!?", .delivered = 4}};
    check_both_ways(with_constants, "W\3!?abc", "HW\3!?abc");
    check_unwritable(with_constants, "w\3!?abc", errc::malformed_frame);
    check_unwritable(with_constants, "W\3!!abc", errc::malformed_frame);
}

BOOST_AUTO_TEST_CASE(varints_are_leb128)
{
    check_both_ways(framing::varint, std::string(300, 'x'), "\xac\x02" + std::string(300, 'x'));
    check_both_ways(framing::varint, std::string(127, 'x'), "\x7f" + std::string(127, 'x'));
    check_both_ways(framing::varint, std::string(128, 'x'), "\x80\x01" + std::string(128, 'x'));

    const decoded largest = framing::varint.with_max_payload(0xffffffff).decode("\xff\xff\xff\xff\x0f");
    BOOST_TEST(largest.state == status::incomplete);
    BOOST_TEST(largest.length == 0xffffffffU);
    BOOST_TEST(largest.needed == std::size_t{0xffffffff} + 5);
}

BOOST_AUTO_TEST_CASE(netstrings_are_digits_colon_payload_comma)
{
    check_both_ways(framing::netstring, "hello world!", "12:hello world!,");
}

BOOST_AUTO_TEST_CASE(lines_lose_their_end_and_one_return_before_it)
{
    check_both_ways(framing::lines, "abc", "abc\n");
    BOOST_TEST(framing::lines.decode("abc\r\n").frame == "abc");
    BOOST_TEST(framing::lines.decode("\r\n").frame == "");
    BOOST_TEST(framing::lines.decode("a\rb\n").frame == "a\rb");
    check_both_ways(framing::lines, "abc\r", "abc\r\r\n");
}

BOOST_AUTO_TEST_CASE(delimiters_end_a_frame)
{
    check_both_ways(framing::delimiter("\r\n\r\n"), "a\r\nb", "a\r\nb\r\n\r\n");
    check_both_ways(framing::delimiter("\0"), "abc", "abc\0"s);
    check_both_ways(framing::delimiter("12345678"), "1234567", "123456712345678");
}

BOOST_AUTO_TEST_CASE(fixed_frames_have_their_size_and_nothing_else)
{
    check_both_ways(framing::fixed(3), "abc", "abc");
    check_incomplete(framing::fixed(3), "ab", 3);
    check_incomplete(framing::fixed(3), "", 3);
    check_unwritable(framing::fixed(3), "ab", errc::length_too_small);
    check_unwritable(framing::fixed(3), "abcd", errc::frame_too_large);
    BOOST_TEST(framing::fixed(3).max_payload() == 3U);
    BOOST_TEST(framing::fixed(std::size_t{1} << 30).max_payload() == std::size_t{1} << 30);
}

BOOST_AUTO_TEST_CASE(presets_speak_as_their_peers_do)
{
    check_both_ways(framing::erlang_packet_1, "abc", "\3abc");
    check_both_ways(framing::erlang_packet_2, "abc", "\0\3abc"s);
    check_both_ways(framing::erlang_packet_4, "abc", "\0\0\0\3abc"s);
    check_both_ways(framing::twisted_int8, "abc", "\3abc");
    check_both_ways(framing::twisted_int16, "abc", "\0\3abc"s);
    check_both_ways(framing::twisted_int32, "abc", "\0\0\0\3abc"s);
    check_both_ways(framing::tokio_default, "abc", "\0\0\0\3abc"s);
    check_both_ways(framing::netty_usual, "abc", "\0\0\0\3abc"s);
    check_both_ways(framing::grpc, "abc", "\0\0\0\0\3abc"s);
    check_refused(framing::grpc, "\1\0\0\0\3abc"s, errc::malformed_frame);

    BOOST_TEST(framing::twisted_int8.max_payload() == 99999U);
    BOOST_TEST(framing::twisted_int16.max_payload() == 99999U);
    BOOST_TEST(framing::twisted_int32.max_payload() == 99999U);
    BOOST_TEST(framing::tokio_default.max_payload() == 8388608U);
}

// Netty's decoder as its documentation states it, to compare with what is declared here.
struct netty {
    std::size_t offset, width;
    std::ptrdiff_t adjustment;
    std::size_t strip;

    framing declared() const
    {
        const auto lengthened = static_cast<std::size_t>(std::max<std::ptrdiff_t>(adjustment, 0));
        const std::size_t stripped_behind = strip > offset + width ? strip - offset - width : 0;
        const std::size_t between = std::max(lengthened, stripped_behind);
        const auto excess = static_cast<std::uint32_t>(static_cast<std::ptrdiff_t>(between) - adjustment);
        return framing{{.before = offset,
                        .width = static_cast<unsigned>(width),
                        .between = between,
                        .length_excess = excess,
                        .delivered = offset + width + between - strip}};
    }

    // The delivered bytes of the first frame, or nothing if Netty calls the frame corrupt.
    std::optional<std::string> first_frame(bytes_view wire) const
    {
        std::size_t length = 0;
        for (std::size_t i = 0; i < width; ++i)
            length = length << 8 | static_cast<unsigned char>(wire[offset + i]);
        const std::ptrdiff_t body = static_cast<std::ptrdiff_t>(length) + adjustment;
        if (body < 0)
            return std::nullopt;
        const std::size_t frame = offset + width + static_cast<std::size_t>(body);
        if (frame < strip)
            return std::nullopt;
        return std::string{wire.substr(strip, frame - strip)};
    }
};

BOOST_AUTO_TEST_CASE(whatever_offset_adjustment_and_strip_can_say_can_be_declared)
{
    for (std::size_t offset = 0; offset < 4; ++offset)
        for (const std::size_t width : {1U, 2U, 3U, 4U, 8U})
            for (std::ptrdiff_t adjustment = -14; adjustment < 5; ++adjustment)
                for (std::size_t strip = 0; strip < offset + width + 6; ++strip)
                    for (unsigned char length = 0; length < 32; ++length) {
                        const netty theirs{offset, width, adjustment, strip};
                        std::string wire(64, 'x');
                        for (std::size_t i = 0; i < width; ++i)
                            wire[offset + i] = static_cast<char>(i + 1 == width ? length : 0);
                        const decoded ours = theirs.declared().decode(wire);
                        const std::optional<std::string> expected = theirs.first_frame(wire);
                        if (expected.has_value() != (ours.state == status::complete))
                            BOOST_REQUIRE_EQUAL(expected.has_value(), ours.state == status::complete);
                        if (!expected && ours.error != errc::length_too_small)
                            BOOST_REQUIRE_EQUAL(ours.error, errc::length_too_small);
                        if (expected && *expected != ours.frame)
                            BOOST_REQUIRE_EQUAL(*expected, ours.frame);
                    }
}

BOOST_AUTO_TEST_SUITE_END()
