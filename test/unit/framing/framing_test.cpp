// SPDX-License-Identifier: BSL-1.0

// Frames, byte for byte: each layout in both directions, each limit at its edge, each way to be wrong.
// framing_splits_test.cpp cuts them.
#include <hawser/framing.hpp>

#include "framing_layouts.hpp"

#define BOOST_TEST_MODULE framing
#include <boost/test/unit_test.hpp>

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hawser {

std::ostream& operator<<(std::ostream& out, decoded::status state)
{
    constexpr const char* names[] = {"incomplete", "complete", "refused"};
    return out << names[static_cast<int>(state)];
}

std::ostream& operator<<(std::ostream& out, end_of_stream end)
{
    constexpr const char* names[] = {"clean", "inside_head", "inside_payload"};
    return out << names[static_cast<int>(end)];
}

std::ostream& operator<<(std::ostream& out, errc error)
{
    return out << "errc " << static_cast<int>(error);
}

} // namespace hawser

namespace {

using namespace std::string_literals;
using namespace hawser::test;
using hawser::bytes_view;
using hawser::decoded;
using hawser::end_of_stream;
using hawser::errc;
using hawser::framing;
using status = hawser::decoded::status;

std::string hex(bytes_view bytes)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

// Decodes a copy of exactly these bytes, so that a look beyond them is a look beyond an allocation.
decoded decode_exactly(const framing& format, bytes_view input)
{
    const auto copy = std::make_unique<char[]>(input.size());
    std::copy(input.begin(), input.end(), copy.get());
    decoded result = format.decode({copy.get(), input.size()});
    if (result.state == status::complete)
        result.frame = input.substr(static_cast<std::size_t>(result.frame.data() - copy.get()), result.frame.size());
    return result;
}

// `frame` and `wire` are the same frame under `format`, in both directions.
void check_both_ways(const framing& format, bytes_view frame, bytes_view wire)
{
    BOOST_TEST(!format.check(frame).has_value());
    BOOST_TEST(hex(encode(format, frame)) == hex(wire));

    const decoded got = decode_exactly(format, wire);
    BOOST_TEST(got.state == status::complete);
    BOOST_TEST(got.consumed == wire.size());
    BOOST_TEST(hex(got.frame) == hex(frame));

    const std::string more = std::string{wire} + "xyz";
    BOOST_TEST(format.decode(more).consumed == wire.size());
}

void check_refused(const framing& format, bytes_view input, errc error)
{
    const decoded got = decode_exactly(format, input);
    BOOST_TEST(got.state == status::refused);
    BOOST_TEST(got.error == error);
    BOOST_TEST(got.consumed == 0U);
    BOOST_TEST(!format.describe(got, input).empty());
}

void check_incomplete(const framing& format, bytes_view input, std::size_t needed)
{
    const decoded got = decode_exactly(format, input);
    BOOST_TEST(got.state == status::incomplete);
    BOOST_TEST(got.needed == needed);
}

void check_unwritable(const framing& format, bytes_view frame, errc error)
{
    const std::optional<errc> got = format.check(frame);
    BOOST_TEST_REQUIRE(got.has_value());
    BOOST_TEST(*got == error);
    BOOST_TEST(!format.describe(*got, frame).empty());
}

constexpr bytes_view hello = "HELLO, WORLD";

} // namespace

BOOST_AUTO_TEST_SUITE(layouts)

BOOST_AUTO_TEST_CASE(the_default_is_four_bytes_big_endian_of_the_payload_alone)
{
    check_both_ways(framing{}, "hello world", "\x00\x00\x00\x0bhello world"s);
    BOOST_TEST((framing{} == framing::u32_be));
    BOOST_TEST((framing{framing::layout{}} == framing::u32_be));
    BOOST_TEST(framing{}.limit() == 1048576U);
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
    constexpr framing format{{.width = 1, .after = 2, .limit = 5}};
    check_both_ways(format, "abcCC", "\3abcCC");
    check_both_ways(format, "CC", "\0CC"s);
    check_unwritable(format, "C", errc::length_too_small);
    check_unwritable(format, "abcdCC", errc::frame_too_large);
    check_refused(format, "\4", errc::frame_too_large);
}

BOOST_AUTO_TEST_CASE(a_length_may_count_bytes_that_the_frame_does_not_have)
{
    constexpr framing format{{.width = 1, .absent = 4}};
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

    const decoded largest = framing::varint.with_limit(0xffffffff).decode("\xff\xff\xff\xff\x0f");
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
    BOOST_TEST(framing::fixed(3).limit() == 3U);
    BOOST_TEST(framing::fixed(std::size_t{1} << 30).limit() == std::size_t{1} << 30);
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

    BOOST_TEST(framing::twisted_int8.limit() == 99999U);
    BOOST_TEST(framing::twisted_int16.limit() == 99999U);
    BOOST_TEST(framing::twisted_int32.limit() == 99999U);
    BOOST_TEST(framing::tokio_default.limit() == 8388608U);
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
        const auto absent = static_cast<std::uint32_t>(static_cast<std::ptrdiff_t>(between) - adjustment);
        return framing{{.before = offset,
                        .width = static_cast<unsigned>(width),
                        .between = between,
                        .absent = absent,
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

BOOST_AUTO_TEST_SUITE(limits)

// The frame of the most and of one byte too many: the first passes both ways, the second neither way, and is refused
// as soon as `known` bytes of it have come.
void check_edge(const framing& format, std::size_t head_delivered, std::size_t limit, bytes_view at, bytes_view past,
                std::size_t known)
{
    const decoded got = format.decode(at);
    BOOST_TEST(got.state == status::complete);
    BOOST_TEST(got.frame.size() == head_delivered + limit);
    BOOST_TEST(!format.check(got.frame).has_value());
    BOOST_TEST(encode(format, got.frame) == at);

    check_refused(format, past, errc::frame_too_large);
    check_refused(format, past.substr(0, known), errc::frame_too_large);
    BOOST_TEST(format.decode(past.substr(0, known - 1)).state == status::incomplete);
}

BOOST_AUTO_TEST_CASE(a_payload_at_the_limit_passes_and_one_byte_more_does_not)
{
    const std::string ten = "0123456789", more = ten + "x";
    check_edge(framing::u8.with_limit(10), 0, 10, "\x0a" + ten, "\x0b" + more, 1);
    check_edge(framing::u16_le.with_limit(10), 0, 10, "\x0a\0"s + ten, "\x0b\0"s + more, 2);
    check_edge(framing::u32_be.with_limit(10), 0, 10, "\0\0\0\x0a"s + ten, "\0\0\0\x0b"s + more, 4);
    check_edge(framing::u64_be.with_limit(10), 0, 10, "\0\0\0\0\0\0\0\x0a"s + ten, "\0\0\0\0\0\0\0\x0b"s + more, 8);
    check_edge(framing::varint.with_limit(10), 0, 10, "\x0a" + ten, "\x0b" + more, 1);
    check_edge(framing::netstring.with_limit(10), 0, 10, "10:" + ten + ",", "11:" + more + ",", 2);
    check_edge(framing::lines.with_limit(10), 0, 10, ten + "\n", more + "\n", 11);
    check_edge(framing::delimiter("--").with_limit(10), 0, 10, ten + "--", more + "--", 12);

    check_unwritable(framing::u32_be.with_limit(10), more, errc::frame_too_large);
    check_unwritable(framing::u16_le.with_limit(10), more, errc::frame_too_large);
    check_unwritable(framing::varint.with_limit(10), more, errc::frame_too_large);
    check_unwritable(framing::netstring.with_limit(10), more, errc::frame_too_large);
    check_unwritable(framing::lines.with_limit(10), more, errc::frame_too_large);
    check_unwritable(framing::delimiter("--").with_limit(10), more, errc::frame_too_large);
}

BOOST_AUTO_TEST_CASE(the_limit_is_for_the_payload_whether_or_not_the_head_is_delivered)
{
    check_edge(two_bytes_delivered.with_limit(3), 2, 3, "\0\3abc"s, "\0\4abcd"s, 2);
    check_edge(counts_itself.with_limit(3), 2, 3, "\0\5abc"s, "\0\6abcd"s, 2);
    check_edge(two_before.with_limit(3), 5, 3, "\xca\xfe\0\0\3abc"s, "\xca\xfe\0\0\4abcd"s, 5);
    check_edge(two_between.with_limit(3), 5, 3, "\0\0\3\xca\376abc"s, "\0\0\4\xca\376abcd"s, 3);
    check_edge(both_sides.with_limit(3), 1, 3, "\xca\0\3\376abc"s, "\xca\0\4\376abcd"s, 3);
    check_edge(whole_frame.with_limit(3), 1, 3, "\xca\0\7\376abc"s, "\xca\0\10\376abcd"s, 3);
    check_unwritable(both_sides.with_limit(3), "\376abcd"s, errc::frame_too_large);
    check_unwritable(two_bytes_delivered.with_limit(3), "\0\4abcd"s, errc::frame_too_large);
}

BOOST_AUTO_TEST_CASE(the_default_limit_is_exact)
{
    const std::string most(1048576, 'x');
    BOOST_TEST(!framing::u32_be.check(most).has_value());
    BOOST_TEST(framing::u32_be.decode("\x00\x10\x00\x00"s).state == status::incomplete);
    check_unwritable(framing::u32_be, most + "x", errc::frame_too_large);
    check_refused(framing::u32_be, "\x00\x10\x00\x01"s, errc::frame_too_large);
}

BOOST_AUTO_TEST_CASE(a_limit_of_zero_lets_empty_payloads_through)
{
    check_edge(framing::u32_be.with_limit(0), 0, 0, "\0\0\0\0"s, "\0\0\0\1x"s, 4);
    check_edge(framing::lines.with_limit(0), 0, 0, "\n", "x\n", 1);
    check_edge(framing::netstring.with_limit(0), 0, 0, "0:,", "1:x,", 1);
}

BOOST_AUTO_TEST_CASE(a_length_that_the_field_cannot_hold_is_refused_not_truncated)
{
    check_both_ways(framing::u8, std::string(255, 'x'), "\xff" + std::string(255, 'x'));
    check_unwritable(framing::u8, std::string(256, 'x'), errc::frame_too_large);
    check_unwritable(framing::u16_be, std::string(65536, 'x'), errc::frame_too_large);
    check_unwritable(framing::twisted_int8, std::string(256, 'x'), errc::frame_too_large);
    check_unwritable(framing::twisted_int16, std::string(65536, 'x'), errc::frame_too_large);

    // A length that counts itself holds two bytes less, one that leaves a checksum out two bytes more.
    constexpr framing itself{{.width = 1, .counts = framing::whole_frame}};
    check_both_ways(itself, std::string(254, 'x'), "\xff" + std::string(254, 'x'));
    check_unwritable(itself, std::string(255, 'x'), errc::frame_too_large);
    constexpr framing checksum{{.width = 1, .after = 2}};
    check_both_ways(checksum, std::string(257, 'x'), "\xff" + std::string(257, 'x'));
    check_unwritable(checksum, std::string(258, 'x'), errc::frame_too_large);

    // Views of a size that no test can allocate: only their size is looked at.
    const char none = 0;
    const std::size_t four_gib = std::size_t{1} << 32;
    constexpr std::size_t no_limit = framing::max_limit;
    BOOST_TEST(!framing::u32_be.with_limit(no_limit).check({&none, four_gib - 1}).has_value());
    check_unwritable(framing::u32_be.with_limit(no_limit), {&none, four_gib}, errc::frame_too_large);
    check_unwritable(framing::u32_le.with_limit(no_limit), {&none, four_gib}, errc::frame_too_large);
    BOOST_TEST(!framing::varint.with_limit(no_limit).check({&none, four_gib - 1}).has_value());
    check_unwritable(framing::varint.with_limit(no_limit), {&none, four_gib}, errc::frame_too_large);
    BOOST_TEST(!framing::u64_be.with_limit(no_limit).check({&none, four_gib}).has_value());
}

BOOST_AUTO_TEST_CASE(an_oversize_length_is_refused_before_any_payload_arrives)
{
    check_refused(framing::u32_be, "\xff\xff\xff\xff", errc::frame_too_large);
    check_incomplete(framing::u32_be, "\xff\xff\xff", 0);
    check_refused(framing::u64_be, "\xff\xff\xff\xff\xff\xff\xff\xff", errc::frame_too_large);
    check_refused(framing::u64_le.with_limit(framing::max_limit), "\xff\xff\xff\xff\xff\xff\xff\xff",
                  errc::frame_too_large);
    constexpr framing checksum{{.width = 8, .after = 2}};
    check_refused(checksum, "\xff\xff\xff\xff\xff\xff\xff\xff", errc::frame_too_large);
    check_refused(framing::varint, "\xff\xff\xff\xff\x0f", errc::frame_too_large);
    check_refused(framing::netstring, "1048577", errc::frame_too_large);
    check_refused(framing::netstring.with_limit(framing::max_limit), "99999999999999999999", errc::frame_too_large);
    check_refused(framing::netstring.with_limit(framing::max_limit), "18446744073709551620:abcd,", // 2^64 + 4
                  errc::frame_too_large);
}

BOOST_AUTO_TEST_CASE(a_largest_length_does_not_overflow)
{
    const decoded got = framing::u64_be.with_limit(framing::max_limit).decode("\x7f\xff\xff\xff\xff\xff\xfb\xff");
    BOOST_TEST(got.state == status::incomplete);
    BOOST_TEST(got.length == framing::max_limit);
    BOOST_TEST(got.needed == framing::max_limit + 8);
}

BOOST_AUTO_TEST_CASE(a_return_at_the_limit_may_be_the_end_of_a_line)
{
    constexpr framing format = framing::lines.with_limit(3);
    check_incomplete(format, "abc\r", 0);
    BOOST_TEST(format.decode("abc\r\n").frame == "abc");
    check_refused(format, "abc\r\r", errc::frame_too_large);
    check_refused(format, "abcd", errc::frame_too_large);
    check_refused(format, "abcd\r\n", errc::frame_too_large);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(traps)

BOOST_AUTO_TEST_CASE(a_length_below_what_it_counts_is_too_small)
{
    check_refused(counts_itself, "\0\0"s, errc::length_too_small);
    check_refused(counts_itself, "\0\1"s, errc::length_too_small);
    check_both_ways(counts_itself, "\0\2"s, "\0\2"s);
    check_refused(whole_frame, "\xca\0\3"s, errc::length_too_small);
    BOOST_TEST(counts_itself.describe(counts_itself.decode("\0\1"s), "\0\1"s) ==
               "frame length of 1, which counts at least 2 bytes");
}

BOOST_AUTO_TEST_CASE(varints_no_encoder_writes_are_refused)
{
    check_refused(framing::varint, "\x80\0"s, errc::malformed_length);
    check_refused(framing::varint, "\xff\xff\xff\xff\x1f", errc::malformed_length);
    check_refused(framing::varint, "\xff\xff\xff\xff\xff", errc::malformed_length);
    check_refused(framing::varint, "\x80\x80\x80\x80\x80\x01", errc::malformed_length);
    check_incomplete(framing::varint, "\x80\x80\x80\x80", 0);
}

BOOST_AUTO_TEST_CASE(netstrings_no_encoder_writes_are_refused)
{
    check_refused(framing::netstring, "00:,", errc::malformed_length);
    check_refused(framing::netstring, "03", errc::malformed_length);
    check_refused(framing::netstring, ":", errc::malformed_length);
    check_refused(framing::netstring, "-1:", errc::malformed_length);
    check_refused(framing::netstring, "+1:", errc::malformed_length);
    check_refused(framing::netstring, " 1:", errc::malformed_length);
    check_refused(framing::netstring, "3 :abc,", errc::malformed_length);
    check_refused(framing::netstring, "3:abcd", errc::malformed_frame);
    check_incomplete(framing::netstring, "3:abc", 6);
}

BOOST_AUTO_TEST_CASE(a_payload_with_its_own_delimiter_is_refused)
{
    check_unwritable(framing::lines, "a\nb", errc::malformed_frame);
    check_unwritable(framing::lines, "\n", errc::malformed_frame);
    check_unwritable(framing::delimiter("--"), "a--b", errc::malformed_frame);
    check_unwritable(framing::delimiter("--"), "a-", errc::malformed_frame); // "a---" ends one byte earlier
    check_unwritable(framing::delimiter("aba"), "xab", errc::malformed_frame);
    check_both_ways(framing::delimiter("ab"), "xa", "xaab");
}

BOOST_AUTO_TEST_CASE(every_frame_consumes_its_head_at_least)
{
    const std::string zeros(64, '\0');
    for (const framing& format : {framing::u8, framing::u32_be, framing::u64_le, framing::varint, two_bytes_delivered,
                                  framing::grpc, framing::delimiter("\0")})
        BOOST_TEST(format.decode(zeros).consumed > 0U);
}

template <auto Make, auto = Make()>
constexpr bool is_constant(int)
{
    return true;
}

template <auto Make>
constexpr bool is_constant(...)
{
    return false;
}

#define COMPILES(...) is_constant<[] { return ((void)(__VA_ARGS__), true); }>(0)

static_assert(COMPILES(framing{{.before = 2, .width = 3, .between = 250}}));
static_assert(!COMPILES(framing{{.width = 0}}));
static_assert(!COMPILES(framing{{.width = 5}}));
static_assert(!COMPILES(framing{{.before = 255}}));
static_assert(!COMPILES(framing{{.before = "nine bytes"}}));
static_assert(!COMPILES(framing{{.delivered = 5}}));
static_assert(!COMPILES(framing{{.width = 1, .absent = 256}}));
static_assert(!COMPILES(framing{{.after = 3, .limit = 2}}));
static_assert(!COMPILES(framing{{.limit = framing::max_limit + 1}}));
static_assert(!COMPILES(framing::u32_be.with_limit(framing::max_limit + 1)));
static_assert(!COMPILES(framing::fixed(0)));
static_assert(!COMPILES(framing::fixed(3).with_limit(2)));
static_assert(!COMPILES(framing::delimiter("")));
static_assert(!COMPILES(framing::delimiter("123456789")));

void check_impossible(const framing::layout& parts, bytes_view message)
{
    BOOST_CHECK_EXCEPTION(framing{parts}, std::invalid_argument, [&](const std::invalid_argument& error) {
        BOOST_TEST(error.what() == message);
        return true;
    });
}

BOOST_AUTO_TEST_CASE(an_impossible_layout_is_refused_by_the_name_of_its_part)
{
    check_impossible({.width = 5}, "framing: width: expected 1, 2, 3, 4 or 8, got 5");
    check_impossible({.width = 0}, "framing: width: expected 1, 2, 3, 4 or 8, got 0");
    check_impossible({.before = 300}, "framing: before: expected at most 255, got 300");
    check_impossible({.before = 200, .between = 100},
                     "framing: before, width and between together: expected at most 255, got 304");
    check_impossible({.delivered = 5}, "framing: delivered: expected at most the head's 4, got 5");
    check_impossible({.after = 3, .limit = 2}, "framing: limit: expected at least layout::after, 3, got 2");
    BOOST_CHECK_THROW(framing::fixed(0), std::invalid_argument);
    BOOST_CHECK_THROW(framing::delimiter(std::string{}), std::invalid_argument);
    BOOST_CHECK_THROW(framing::fixed(3).with_limit(2), std::invalid_argument);
    BOOST_TEST((framing::fixed(3).with_limit(4) == framing::fixed(3)));
}

BOOST_AUTO_TEST_CASE(framings_are_small_values_that_compare)
{
    static_assert(sizeof(framing) <= 32);
    static_assert(std::is_trivially_copyable_v<framing>);
    static_assert(framing::u32_be == framing::netty_usual);
    static_assert(framing::u32_be != framing::u32_le);
    static_assert(framing::u32_be.with_limit(5) != framing::u32_be);
    static_assert(framing::delimiter("\n") != framing::lines);
    static_assert(framing::delimiter("a") != framing::delimiter("b"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(end_of_stream_results)

void check_cuts(const framing& format, bytes_view wire, std::size_t head)
{
    BOOST_TEST(format.at_end("") == end_of_stream::clean);
    for (std::size_t cut = 1; cut < wire.size(); ++cut) {
        const bytes_view rest = wire.substr(0, cut);
        BOOST_TEST_CONTEXT("cut at " << cut << " of " << wire.size())
        {
            BOOST_TEST(decode_exactly(format, rest).state == status::incomplete);
            const auto expected = cut < head ? end_of_stream::inside_head : end_of_stream::inside_payload;
            BOOST_TEST(format.at_end(rest) == expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_cut_is_inside_a_head_inside_a_payload_or_clean)
{
    check_cuts(framing::u8, "\3abc", 1);
    check_cuts(framing::u32_be, "\0\0\0\3abc"s, 4);
    check_cuts(framing::u64_le, "\3\0\0\0\0\0\0\0abc"s, 8);
    check_cuts(two_bytes_delivered, "\0\3abc"s, 2);
    check_cuts(two_between, "\0\0\3\xca\376abc"s, 5);
    check_cuts(whole_frame, "\xca\0\7\376abc"s, 4);
    check_cuts(framing::varint, "\x80\x01" + std::string(128, 'x'), 2);
    check_cuts(framing::netstring, "12:hello world!,", 3);
    check_cuts(framing::lines, "abc\r\n", 0);
    check_cuts(framing::delimiter("--"), "a-b--", 0);
    check_cuts(framing::fixed(3), "abc", 0);
}

BOOST_AUTO_TEST_CASE(exactly_after_the_head_is_inside_a_payload)
{
    BOOST_TEST(framing::u32_be.at_end("\0\0\0\1"s) == end_of_stream::inside_payload);
    BOOST_TEST(framing::varint.at_end("\1") == end_of_stream::inside_payload);
    BOOST_TEST(framing::netstring.at_end("1:") == end_of_stream::inside_payload);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(sentences)

std::string refusal(const framing& format, bytes_view input)
{
    return format.describe(format.decode(input), input);
}

BOOST_AUTO_TEST_CASE(a_refused_frame_says_which_protocol_it_looks_like)
{
    BOOST_TEST(refusal(framing::u32_be, "GET / HTTP/1.1\r\n") ==
               "frame of 1195725856 bytes, limit 1048576 (looks like HTTP)");
    BOOST_TEST(refusal(framing::u32_be, "POST") == "frame of 1347375956 bytes, limit 1048576 (looks like HTTP)");
    for (const bytes_view method : {"HEAD", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI "})
        BOOST_TEST(refusal(framing::u32_be, method).ends_with("(looks like HTTP)"));
    BOOST_TEST(refusal(framing::u32_be, "\x16\x03\x01\x02"s) ==
               "frame of 369295618 bytes, limit 1048576 (looks like TLS)");
    BOOST_TEST(refusal(framing::u32_be, "SSH-2.0-OpenSSH_9.2p1\r\n") ==
               "frame of 1397966893 bytes, limit 1048576 (looks like SSH)");
    BOOST_TEST(refusal(framing::netstring, "GET / HTTP/1.1\r\n").ends_with("(looks like HTTP)"));
    BOOST_TEST(refusal(framing::grpc, "\x16\x03\x01\x02\x03"s).ends_with("(looks like TLS)"));
}

BOOST_AUTO_TEST_CASE(a_likeness_refuses_nothing_by_itself)
{
    BOOST_TEST(framing::lines.decode("GET / HTTP/1.1\r\n").frame == "GET / HTTP/1.1");
    BOOST_TEST(framing::u8.decode("\x16\x03 this is a frame, yes").state == status::complete);
    BOOST_TEST(refusal(framing::lines, "GET / HTTP/1.1\r\n") == "");
    BOOST_TEST(framing::u16_be.decode("GET /").state == status::incomplete);
}

BOOST_AUTO_TEST_CASE(a_refused_frame_says_its_size_and_the_limit)
{
    BOOST_TEST(refusal(framing::u32_be, "\xff\xff\xff\xff") == "frame of 4294967295 bytes, limit 1048576");
    BOOST_TEST(refusal(framing::lines.with_limit(3), "abcdef") == "frame of more than 3 bytes, limit 3");
    BOOST_TEST(framing::u8.describe(errc::frame_too_large, std::string(256, 'x')) == "frame of 256 bytes, limit 255");
    BOOST_TEST(framing::u32_be.describe(errc::truncated_payload, "\0\0\0\3a"s) ==
               "stream ended inside a frame, after 5 bytes of 7");
    BOOST_TEST(framing::u32_be.describe(errc::truncated_head, "\0"s) ==
               "stream ended inside a frame's head, after 1 byte");
}

BOOST_AUTO_TEST_SUITE_END()
