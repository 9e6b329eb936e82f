// SPDX-License-Identifier: BSL-1.0

// Frames at their limit, at the most that their length can say, and one byte past either.
#include <hawser/framing.hpp>

#define BOOST_TEST_MODULE framing_limits
#include <boost/test/unit_test.hpp>

#include "framing_checks.hpp"
#include "framing_layouts.hpp"

#include <string>

namespace {

using namespace std::string_literals;
using namespace hawser::test;
using hawser::bytes_view;
using hawser::decoded;
using hawser::errc;
using hawser::framing;
using status = hawser::decoded::status;

} // namespace

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
    check_edge(framing::u8.with_max_payload(10), 0, 10, "\x0a" + ten, "\x0b" + more, 1);
    check_edge(framing::u16_le.with_max_payload(10), 0, 10, "\x0a\0"s + ten, "\x0b\0"s + more, 2);
    check_edge(framing::u32_be.with_max_payload(10), 0, 10, "\0\0\0\x0a"s + ten, "\0\0\0\x0b"s + more, 4);
    check_edge(framing::u64_be.with_max_payload(10), 0, 10, "\0\0\0\0\0\0\0\x0a"s + ten, "\0\0\0\0\0\0\0\x0b"s + more,
               8);
    check_edge(framing::varint.with_max_payload(10), 0, 10, "\x0a" + ten, "\x0b" + more, 1);
    check_edge(framing::netstring.with_max_payload(10), 0, 10, "10:" + ten + ",", "11:" + more + ",", 2);
    check_edge(framing::lines.with_max_payload(10), 0, 10, ten + "\n", more + "\n", 11);
    check_edge(framing::delimiter("--").with_max_payload(10), 0, 10, ten + "--", more + "--", 12);

    check_unwritable(framing::u32_be.with_max_payload(10), more, errc::frame_too_large);
    check_unwritable(framing::u16_le.with_max_payload(10), more, errc::frame_too_large);
    check_unwritable(framing::varint.with_max_payload(10), more, errc::frame_too_large);
    check_unwritable(framing::netstring.with_max_payload(10), more, errc::frame_too_large);
    check_unwritable(framing::lines.with_max_payload(10), more, errc::frame_too_large);
    check_unwritable(framing::delimiter("--").with_max_payload(10), more, errc::frame_too_large);
}

BOOST_AUTO_TEST_CASE(the_limit_is_for_the_payload_whether_or_not_the_head_is_delivered)
{
    check_edge(two_bytes_delivered.with_max_payload(3), 2, 3, "\0\3abc"s, "\0\4abcd"s, 2);
    check_edge(counts_itself.with_max_payload(3), 2, 3, "\0\5abc"s, "\0\6abcd"s, 2);
    check_edge(two_before.with_max_payload(3), 5, 3, "\xca\xfe\0\0\3abc"s, "\xca\xfe\0\0\4abcd"s, 5);
    check_edge(two_between.with_max_payload(3), 5, 3, "\0\0\3\xca\376abc"s, "\0\0\4\xca\376abcd"s, 3);
    check_edge(both_sides.with_max_payload(3), 1, 3, "\xca\0\3\376abc"s, "\xca\0\4\376abcd"s, 3);
    check_edge(whole_frame.with_max_payload(3), 1, 3, "\xca\0\7\376abc"s, "\xca\0\10\376abcd"s, 3);
    check_unwritable(both_sides.with_max_payload(3), "\376abcd"s, errc::frame_too_large);
    check_unwritable(two_bytes_delivered.with_max_payload(3), "\0\4abcd"s, errc::frame_too_large);
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
    check_edge(framing::u32_be.with_max_payload(0), 0, 0, "\0\0\0\0"s, "\0\0\0\1x"s, 4);
    check_edge(framing::lines.with_max_payload(0), 0, 0, "\n", "x\n", 1);
    check_edge(framing::netstring.with_max_payload(0), 0, 0, "0:,", "1:x,", 1);
}

BOOST_AUTO_TEST_CASE(a_length_that_the_field_cannot_hold_is_refused_not_truncated)
{
    check_both_ways(framing::u8, std::string(255, 'x'), "\xff" + std::string(255, 'x'));
    check_unwritable(framing::u8, std::string(256, 'x'), errc::frame_too_large);
    check_unwritable(framing::u16_be, std::string(65536, 'x'), errc::frame_too_large);
    check_unwritable(framing::twisted_int8, std::string(256, 'x'), errc::frame_too_large);
    check_unwritable(framing::twisted_int16, std::string(65536, 'x'), errc::frame_too_large);

    // A length that counts itself holds two bytes less, one that leaves a checksum out two bytes more.
    constexpr framing itself{{.width = 1, .covers = framing::whole_frame}};
    check_both_ways(itself, std::string(254, 'x'), "\xff" + std::string(254, 'x'));
    check_unwritable(itself, std::string(255, 'x'), errc::frame_too_large);
    constexpr framing checksum{{.width = 1, .after = 2}};
    check_both_ways(checksum, std::string(257, 'x'), "\xff" + std::string(257, 'x'));
    check_unwritable(checksum, std::string(258, 'x'), errc::frame_too_large);

    // Views of a size that no test can allocate: only their size is looked at.
    const char none = 0;
    const std::size_t four_gib = std::size_t{1} << 32;
    constexpr std::size_t no_limit = framing::largest_max_payload;
    BOOST_TEST(!framing::u32_be.with_max_payload(no_limit).check({&none, four_gib - 1}).has_value());
    check_unwritable(framing::u32_be.with_max_payload(no_limit), {&none, four_gib}, errc::frame_too_large);
    check_unwritable(framing::u32_le.with_max_payload(no_limit), {&none, four_gib}, errc::frame_too_large);
    BOOST_TEST(!framing::varint.with_max_payload(no_limit).check({&none, four_gib - 1}).has_value());
    check_unwritable(framing::varint.with_max_payload(no_limit), {&none, four_gib}, errc::frame_too_large);
    BOOST_TEST(!framing::u64_be.with_max_payload(no_limit).check({&none, four_gib}).has_value());
}

BOOST_AUTO_TEST_CASE(an_oversize_length_is_refused_before_any_payload_arrives)
{
    check_refused(framing::u32_be, "\xff\xff\xff\xff", errc::frame_too_large);
    check_incomplete(framing::u32_be, "\xff\xff\xff", 0);
    check_refused(framing::u64_be, "\xff\xff\xff\xff\xff\xff\xff\xff", errc::frame_too_large);
    check_refused(framing::u64_le.with_max_payload(framing::largest_max_payload), "\xff\xff\xff\xff\xff\xff\xff\xff",
                  errc::frame_too_large);
    constexpr framing checksum{{.width = 8, .after = 2}};
    check_refused(checksum, "\xff\xff\xff\xff\xff\xff\xff\xff", errc::frame_too_large);
    check_refused(framing::varint, "\xff\xff\xff\xff\x0f", errc::frame_too_large);
    check_refused(framing::netstring, "1048577", errc::frame_too_large);
    const framing any = framing::netstring.with_max_payload(framing::largest_max_payload);
    check_refused(any, "99999999999999999999", errc::frame_too_large);
    check_refused(any, "18446744073709551620:abcd,", errc::frame_too_large); // 2^64 + 4
}

BOOST_AUTO_TEST_CASE(a_largest_length_does_not_overflow)
{
    const decoded got =
        framing::u64_be.with_max_payload(framing::largest_max_payload).decode("\x7f\xff\xff\xff\xff\xff\xfb\xff");
    BOOST_TEST(got.state == status::incomplete);
    BOOST_TEST(got.length == framing::largest_max_payload);
    BOOST_TEST(got.needed == framing::largest_max_payload + 8);
}

BOOST_AUTO_TEST_CASE(a_return_at_the_limit_may_be_the_end_of_a_line)
{
    constexpr framing format = framing::lines.with_max_payload(3);
    check_incomplete(format, "abc\r", 0);
    BOOST_TEST(format.decode("abc\r\n").frame == "abc");
    check_refused(format, "abc\r\r", errc::frame_too_large);
    check_refused(format, "abcd", errc::frame_too_large);
    check_refused(format, "abcd\r\n", errc::frame_too_large);
}

BOOST_AUTO_TEST_SUITE_END()
