// SPDX-License-Identifier: BSL-1.0

// What is no frame: lengths and layouts that cannot be, streams that end inside one, and the sentences for them.
#include <hawser/framing.hpp>

#define BOOST_TEST_MODULE framing_refusals
#include <boost/test/unit_test.hpp>

#include "framing_checks.hpp"
#include "framing_layouts.hpp"

#include <stdexcept>
#include <string>
#include <type_traits>

namespace {

using namespace std::string_literals;
using namespace hawser::test;
using hawser::bytes_view;
using hawser::end_of_stream;
using hawser::errc;
using hawser::framing;
using status = hawser::decoded::status;

} // namespace

BOOST_AUTO_TEST_SUITE(traps)

BOOST_AUTO_TEST_CASE(a_length_below_what_it_counts_is_too_small)
{
    check_refused(counts_itself, "\0\0"s, errc::length_too_small);
    check_refused(counts_itself, "\0\1"s, errc::length_too_small);
    check_both_ways(counts_itself, "\0\2"s, "\0\2"s);
    check_refused(whole_frame, "\xca\0\3"s, errc::length_too_small);
    BOOST_TEST(counts_itself.describe(counts_itself.decode("\0\1"s), "\0\1"s) ==
               "frame length of 1, which covers at least 2 bytes");
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
static_assert(!COMPILES(framing{{.width = 1, .length_excess = 256}}));
static_assert(!COMPILES(framing{{.after = 3, .max_payload = 2}}));
static_assert(!COMPILES(framing{{.max_payload = framing::largest_max_payload + 1}}));
static_assert(!COMPILES(framing::u32_be.with_max_payload(framing::largest_max_payload + 1)));
static_assert(!COMPILES(framing::fixed(0)));
static_assert(!COMPILES(framing::fixed(3).with_max_payload(2)));
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
    check_impossible({.after = 3, .max_payload = 2}, "framing: max_payload: expected at least layout::after, 3, got 2");
    BOOST_CHECK_THROW(framing::fixed(0), std::invalid_argument);
    BOOST_CHECK_THROW(framing::delimiter(std::string{}), std::invalid_argument);
    BOOST_CHECK_THROW(framing::fixed(3).with_max_payload(2), std::invalid_argument);
    BOOST_TEST((framing::fixed(3).with_max_payload(4) == framing::fixed(3)));
}

BOOST_AUTO_TEST_CASE(framings_are_small_values_that_compare)
{
    static_assert(sizeof(framing) <= 32);
    static_assert(std::is_trivially_copyable_v<framing>);
    static_assert(framing::u32_be == framing::netty_usual);
    static_assert(framing::u32_be != framing::u32_le);
    static_assert(framing::u32_be.with_max_payload(5) != framing::u32_be);
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
    BOOST_TEST(refusal(framing::lines.with_max_payload(3), "abcdef") == "frame of more than 3 bytes, limit 3");
    BOOST_TEST(framing::u8.describe(errc::frame_too_large, std::string(256, 'x')) == "frame of 256 bytes, limit 255");
    BOOST_TEST(framing::u32_be.describe(errc::truncated_payload, "\0\0\0\3a"s) ==
               "stream ended inside a frame, after 5 bytes of 7");
    BOOST_TEST(framing::u32_be.describe(errc::truncated_head, "\0"s) ==
               "stream ended inside a frame's head, after 1 byte");
}

BOOST_AUTO_TEST_SUITE_END()
