// SPDX-License-Identifier: BSL-1.0

// Streams of frames, cut everywhere: whole, once at each byte, byte by byte, and a million times at random.
//
// The random splits print their seed; give it as FRAMING_SEED to have the same ones again.
#include <hawser/framing.hpp>

#include "allocation_count.hpp"
#include "framing_layouts.hpp"

#define BOOST_TEST_MODULE framing_splits
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using namespace hawser::test;
using hawser::bytes_view;
using hawser::decoded;
using hawser::errc;
using hawser::framing;
using status = hawser::decoded::status;

// A stream and what it holds, by construction: the frames, and how it ends.
struct stream {
    std::string name;
    framing format;
    std::string wire;
    std::vector<std::string> frames;
    status last = status::incomplete; // or refused, with `error`
    errc error{};
};

stream of(std::string name, const framing& format, std::vector<std::string> frames, bytes_view rest = {})
{
    std::string wire;
    for (const std::string& frame : frames)
        wire += encode(format, frame);
    wire += rest;
    return {std::move(name), format, std::move(wire), std::move(frames)};
}

stream refused(stream good, errc error)
{
    good.last = status::refused;
    good.error = error;
    return good;
}

std::vector<stream> all_streams()
{
    const std::string long_one(130, 'x');
    const std::string head_abc = "\0\3abc"s;
    return {
        of("u8", framing::u8, {"abc", "", "d"}, "\5x"),
        of("u16_be", framing::u16_be, {"abc", "", "d"}),
        of("u16_le", framing::u16_le, {"abc", "", "d"}, "\1"),
        of("u24_be", framing::u24_be, {"abc", "", "d"}),
        of("u24_le", framing::u24_le, {"abc", "", "d"}),
        of("u32_be", framing::u32_be, {"abc", "", "", "d"}, "\0\0\1\0rest"s),
        of("u32_le", framing::u32_le, {"abc", "", "d"}),
        of("u64_be", framing::u64_be, {"abc", "", "d"}),
        of("u64_le", framing::u64_le, {"abc", "", "d"}),
        of("A", two_bytes_delivered, {head_abc, "\0\0"s}),
        of("C", counts_itself, {"\0\5abc"s, "\0\2"s}),
        of("D", two_before, {"\xca\xfe\0\0\3abc"s, "\xca\xfe\0\0\0"s}),
        of("E", two_between, {"\0\0\3\xca\376abc"s, "\0\0\0\xca\xfe"s}),
        of("F", both_sides, {"\376abc"s, "\xfe"}),
        of("G", whole_frame, {"\376abc"s, "\xfe"}),
        of("grpc", framing::grpc, {"abc", ""}),
        of("varint", framing::varint, {"abc", long_one, ""}, "\x80"),
        of("netstring", framing::netstring, {"hello world!", "", "1:"}, "12"),
        of("lines", framing::lines, {"abc", "", "a\r", "\r", "x"}, "rest\r"),
        of("delimiter", framing::delimiter("\r\n\r\n"), {"abc", "", "a\r\nb", "\n\r"}, "\r\n\r"),
        of("overlapping delimiter", framing::delimiter("aab"), {"a", "aa", "ab", ""}, "aa"),
        of("fixed", framing::fixed(4), {"abcd", "efgh"}, "ij"),
        refused(of("oversize", framing::u32_be, {"abc"}, "\xff\xff\xff\xff more"), errc::frame_too_large),
        refused(of("too small", counts_itself, {"\0\5abc"s}, "\0\1more"s), errc::length_too_small),
        refused(of("long line", framing::lines.with_max_payload(3), {"abc"}, "abcd\n"), errc::frame_too_large),
        refused(of("long line with return", framing::lines.with_max_payload(3), {"abc"}, "abc\rd\n"),
                errc::frame_too_large),
        refused(of("long record", framing::delimiter("--").with_max_payload(3), {"abc"}, "ab-d--"),
                errc::frame_too_large),
        refused(of("overlong varint", framing::varint, {"abc"}, "\x81\0abc"s), errc::malformed_length),
        refused(of("no comma", framing::netstring, {"abc"}, "3:abcd"), errc::malformed_frame),
        refused(of("leading zero", framing::netstring, {"abc"}, "01:a,"), errc::malformed_length),
        refused(of("other constant", both_sides, {"\xfe"}, "\xcb\0\3xyz"s), errc::malformed_frame),
        refused(
            of("both wrong", framing{{.before = "a", .width = 1, .between = "b", .max_payload = 9}}, {"abc"}, "aXc"),
            errc::frame_too_large),
    };
}

// A receiver as a connection is one: bytes come, whole frames go.
class receiver
{
public:
    explicit receiver(const stream& source) : source_{source} {}

    // All bytes before `end` have come. False as soon as anything differs from what the stream holds.
    bool arrived(std::size_t end)
    {
        while (state_ == status::incomplete) {
            const bytes_view input = bytes_view{source_.wire}.substr(begin_, end - begin_);
            const decoded got = source_.format.decode(input, scanned_);
            state_ = got.state;
            error_ = got.error;
            if (got.state == status::incomplete)
                return got.needed == 0 || got.needed > input.size();
            if (got.state == status::refused)
                break;
            if (frames_ == source_.frames.size() || got.frame != source_.frames[frames_] || got.consumed == 0)
                return false;
            ++frames_;
            begin_ += got.consumed;
            state_ = status::incomplete;
        }
        return true;
    }

    bool holds_all() const
    {
        return frames_ == source_.frames.size() && state_ == source_.last && error_ == source_.error;
    }

private:
    const stream& source_;
    std::size_t begin_ = 0;
    std::size_t scanned_ = 0;
    std::size_t frames_ = 0;
    status state_ = status::incomplete;
    errc error_{};
};

} // namespace

BOOST_AUTO_TEST_CASE(all_in_one_piece)
{
    for (const stream& source : all_streams()) {
        receiver peer{source};
        BOOST_TEST(peer.arrived(source.wire.size()), source.name);
        BOOST_TEST(peer.holds_all(), source.name);
    }
}

BOOST_AUTO_TEST_CASE(cut_once_at_every_byte)
{
    for (const stream& source : all_streams())
        for (std::size_t cut = 0; cut <= source.wire.size(); ++cut) {
            receiver peer{source};
            BOOST_TEST(peer.arrived(cut), source.name << " cut at " << cut);
            BOOST_TEST(peer.arrived(source.wire.size()), source.name << " cut at " << cut);
            BOOST_TEST(peer.holds_all(), source.name << " cut at " << cut);
        }
}

BOOST_AUTO_TEST_CASE(byte_at_a_time)
{
    for (const stream& source : all_streams()) {
        receiver peer{source};
        for (std::size_t end = 0; end <= source.wire.size(); ++end)
            BOOST_TEST(peer.arrived(end), source.name << " at " << end);
        BOOST_TEST(peer.holds_all(), source.name);
    }
}

BOOST_AUTO_TEST_CASE(one_million_random_splits_without_an_allocation)
{
    const char* const given = std::getenv("FRAMING_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::cout << "one million random splits, FRAMING_SEED=" << seed << std::endl;

    const std::vector<stream> streams = all_streams();
    std::mt19937_64 random{seed};
    const std::size_t before = allocations;
    for (int i = 0; i < 1'000'000; ++i) {
        const stream& source = streams[random() % streams.size()];
        receiver peer{source};
        const std::size_t longest = 1 + random() % source.wire.size();
        bool same = true;
        for (std::size_t end = 0; same && end < source.wire.size();) {
            end = std::min(end + 1 + random() % longest, source.wire.size());
            same = peer.arrived(end);
        }
        if (!same || !peer.holds_all())
            BOOST_FAIL("split " << i << " of " << source.name);
    }
    BOOST_TEST(allocations == before);
}

BOOST_AUTO_TEST_CASE(a_long_line_byte_at_a_time_is_searched_once)
{
    // A search that began anew with every byte would take 2^39 steps here.
    const std::string wire = std::string(1048576, 'x') + "\r\n";
    for (const framing& format : {framing::lines, framing::delimiter("\r\n")}) {
        std::size_t scanned = 0;
        for (std::size_t end = 0; end < wire.size(); ++end) {
            const decoded got = format.decode({wire.data(), end}, scanned);
            if (got.state != status::incomplete || scanned != end)
                BOOST_FAIL("at " << end);
        }
        BOOST_TEST(format.decode(wire, scanned).frame.size() == 1048576U);
        BOOST_TEST(scanned == 0U);
    }
}

BOOST_AUTO_TEST_CASE(coding_allocates_nothing)
{
    const std::vector<stream> streams = all_streams();
    char head[framing::max_head];
    std::size_t written = 0;
    const std::size_t before = allocations;
    for (const stream& source : streams)
        for (const std::string& frame : source.frames) {
            written += source.format.check(frame).has_value() ? 1U : 0U;
            written += source.format.encode_head(head, frame) + source.format.tail(frame).size();
        }
    BOOST_TEST(allocations == before);
    BOOST_TEST(written > 0U);
}
