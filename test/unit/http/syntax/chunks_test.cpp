// SPDX-License-Identifier: BSL-1.0

// Bodies without their framing: lengths, chunks, ends of streams; each limit at its edge, each cut.
#include <hawser/http/parser.hpp>

#define BOOST_TEST_MODULE http_chunks
#include <boost/test/unit_test.hpp>

#include "http_stream.hpp"

#include <string>
#include <vector>

namespace hawser::http {

std::ostream& operator<<(std::ostream& out, body_state state)
{
    constexpr const char* names[] = {"need_more", "data", "done", "refused"};
    return out << names[static_cast<int>(state)];
}

} // namespace hawser::http

namespace {

using namespace std::string_literals;
using namespace hawser::http;
using hawser::bytes_view;
using hawser::test::exact_copy;

struct body_reading {
    body_state state = body_state::need_more;
    std::string body;
    int refused = 0;
    std::string words;
    std::size_t consumed = 0; // of a body that is done

    friend bool operator==(const body_reading&, const body_reading&) = default;
    friend std::ostream& operator<<(std::ostream& out, const body_reading& r)
    {
        return out << r.state << " " << r.body.size() << " bytes " << r.refused << " " << r.words << " " << r.consumed;
    }
};

constexpr std::uint64_t unlimited = ~std::uint64_t{0};

// A decoder behind a request of these fields, and what it makes of a stream.
class body_case
{
public:
    explicit body_case(const std::string& fields, std::uint64_t limit = unlimited, const head_limits& limits = {})
        : head_{"POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n"}, limit_{limit}, limits_{limits}
    {
        BOOST_TEST_REQUIRE((parser_.parse(head_) == progress::complete));
    }

    body_decoder decoder() const
    {
        body_decoder d;
        d.start(parser_.head(), limit_, limits_);
        return d;
    }

    body_reading read(bytes_view stream, std::size_t first, std::size_t piece) const
    {
        body_decoder d = decoder();
        body_reading got;
        std::size_t at = 0;
        for (std::size_t end = std::min(first, stream.size());; end = std::min(end + piece, stream.size())) {
            const exact_copy input{stream.substr(at, end - at)};
            bytes_view left = input.view();
            do {
                const body_step step = d.next(left);
                BOOST_TEST_REQUIRE(step.consumed <= left.size());
                BOOST_TEST_REQUIRE((step.state == body_state::data) == !step.data.empty());
                left.remove_prefix(step.consumed);
                at += step.consumed;
                got.body += step.data;
                got.state = step.state;
            } while (got.state == body_state::data);
            if (got.state != body_state::need_more || end == stream.size())
                break;
            BOOST_TEST_REQUIRE(at == end);
        }
        BOOST_TEST(d.received() == got.body.size());
        BOOST_TEST(d.done() == (got.state == body_state::done));
        BOOST_TEST(d.ends_here() == d.done());
        if (got.state == body_state::refused) {
            got.refused = static_cast<int>(d.refusal().status);
            got.words = describe(d.refusal());
            BOOST_TEST((d.next("0\r\n\r\n").state == body_state::refused));
        }
        if (got.state == body_state::done)
            got.consumed = at;
        return got;
    }

    // Whole; and however it is cut, the same.
    body_reading read(bytes_view stream) const
    {
        const body_reading whole = read(stream, stream.size(), 1);
        const std::size_t step = stream.size() < 1000 ? 1 : stream.size() / 50;
        for (std::size_t cut = 1; cut < stream.size(); cut += step)
            BOOST_TEST_REQUIRE(read(stream, cut, stream.size()) == whole, "cut at " << cut);
        const body_reading bytes = read(stream, 1, 1);
        BOOST_TEST(bytes == whole, bytes << "; whole: " << whole);
        return whole;
    }

private:
    std::string head_;
    std::uint64_t limit_;
    head_limits limits_;
    request_parser parser_;
};

const body_case& chunked()
{
    static const body_case one{"Transfer-Encoding: chunked"};
    return one;
}

void check_done(const body_case& how, const std::string& stream, const std::string& body)
{
    const body_reading got = how.read(stream + "GET /next");
    BOOST_TEST(got.state == body_state::done, got);
    BOOST_TEST(got.body == body);
    BOOST_TEST(got.consumed == stream.size());
}

void check_refused(const body_case& how, const std::string& stream, int status)
{
    const body_reading got = how.read(stream);
    BOOST_TEST(got.refused == status, got);
}

struct stream_case {
    const char* name;
    std::string stream;
};

} // namespace

BOOST_AUTO_TEST_SUITE(lengths)

BOOST_AUTO_TEST_CASE(a_request_without_length_or_coding_has_no_body)
{
    check_done(body_case{"A: 1"}, "", "");
    check_done(body_case{"Content-Length: 0"}, "", "");
    BOOST_TEST(body_decoder{}.done());
}

BOOST_AUTO_TEST_CASE(a_length_is_so_many_bytes_whatever_they_are)
{
    check_done(body_case{"Content-Length: 5"}, "a\r\n\0b"s, "a\r\n\0b"s);
}

BOOST_AUTO_TEST_CASE(a_length_at_the_limit_passes_and_one_past_is_refused_before_a_byte_of_it)
{
    check_done(body_case("Content-Length: 3", 3), "abc", "abc");
    check_refused(body_case("Content-Length: 4", 3), "", 413);
    check_refused(body_case("Content-Length: 999999999999999999", 1024 * 1024), "", 413);
    check_done(body_case("Content-Length: 0", 0), "", "");
    check_refused(body_case("Content-Length: 1", 0), "", 413);
}

BOOST_AUTO_TEST_CASE(what_remains_is_known)
{
    body_decoder d = body_case{"Content-Length: 5"}.decoder();
    BOOST_TEST(d.remaining() == 5U);
    (void)d.next("ab");
    BOOST_TEST(d.remaining() == 3U);
    BOOST_TEST(d.received() == 2U);
    BOOST_TEST(!d.ends_here());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(chunks)

BOOST_AUTO_TEST_CASE(chunks_are_taken_together)
{
    check_done(chunked(), "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", "abc0123456789");
    check_done(chunked(), "0\r\n\r\n", "");
    check_done(chunked(), "000\r\n\r\n", "");
    check_done(chunked(), "0000000000000001\r\na\r\n0\r\n\r\n", "a");
    check_done(chunked(), "2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
}

BOOST_AUTO_TEST_CASE(extensions_are_checked_and_ignored)
{
    check_done(chunked(), "1;a\r\nx\r\n0;b=c;d=\"e;\t\\\"\\\\ \xc3\";f\r\n\r\n", "x");
    check_done(chunked(), "1;a=\"\"\r\nx\r\n0\r\n\r\n", "x");
}

BOOST_AUTO_TEST_CASE(trailer_fields_are_checked_and_dropped)
{
    check_done(chunked(), "0\r\nAuthorization: a\r\nHost:b\r\nConnection: close\r\nEmpty:\r\n\r\n", "");
    check_done(chunked(), "0\r\nContent-Lengthy: 1\r\nTransfer-Encodings: 1\r\nContent-Length-And-More: 1\r\n\r\n", "");
}

BOOST_AUTO_TEST_CASE(chunks_that_two_could_read_in_two_ways_are_refused)
{
    const stream_case cases[] = {
        {"bad digit", "g\r\n"},
        {"0x", "0x3\r\nabc\r\n0\r\n\r\n"},
        {"sign", "+3\r\nabc\r\n0\r\n\r\n"},
        {"minus", "-3\r\nabc\r\n0\r\n\r\n"},
        {"no size", "\r\n"},
        {"extension without a size", ";a\r\n"},
        {"17 digits", "00000000000000003\r\nabc\r\n0\r\n\r\n"},
        {"17 digits that overflow", "10000000000000003\r\nabc\r\n0\r\n\r\n"},
        {"space behind the size", "3 \r\nabc\r\n0\r\n\r\n"},
        {"space before the size", " 3\r\nabc\r\n0\r\n\r\n"},
        {"space before an extension", "3 ;a=b\r\nabc\r\n0\r\n\r\n"},
        {"space in an extension", "3; a=b\r\nabc\r\n0\r\n\r\n"},
        {"extension without a name", "3;\r\nabc\r\n0\r\n\r\n"},
        {"extension with an empty value", "3;a=\r\nabc\r\n0\r\n\r\n"},
        {"two equal signs", "3;a=b=c\r\nabc\r\n0\r\n\r\n"},
        {"CRLF in a quoted string", "3;a=\"\r\n\"\r\nabc\r\n0\r\n\r\n"},
        {"unended quoted string", "3;a=\"b\r\nabc\r\n0\r\n\r\n"},
        {"escaped CR", "3;a=\"\\\r\n\"\r\nabc\r\n0\r\n\r\n"},
        {"bytes behind a quoted string", "3;a=\"b\"c\r\nabc\r\n0\r\n\r\n"},
        {"NUL in a quoted string", "3;a=\"\0\"\r\nabc\r\n0\r\n\r\n"s},
        {"LF behind the size", "3\nabc\r\n0\r\n\r\n"},
        {"LF behind an extension", "3;a\nabc\r\n0\r\n\r\n"},
        {"CR alone behind the size", "3\rabc\r\n0\r\n\r\n"},
        {"LF behind the data", "3\r\nabc\n0\r\n\r\n"},
        {"CR alone behind the data", "3\r\nabc\r0\r\n\r\n"},
        {"more data than the size", "3\r\nabcd\r\n0\r\n\r\n"},
        {"less data than the size", "4\r\nabc\r\n0\r\n\r\n"},
        {"LF for the last line", "0\r\n\n"},
        {"CR alone for the last line", "0\r\n\rX"},
        {"folded trailer field", "0\r\nA: 1\r\n 2\r\n\r\n"},
        {"trailer field without a name", "0\r\n: 1\r\n\r\n"},
        {"trailer field without a colon", "0\r\nA\r\n\r\n"},
        {"space before a trailer's colon", "0\r\nA : 1\r\n\r\n"},
        {"LF behind a trailer field", "0\r\nA: 1\n\r\n"},
        {"NUL in a trailer field", "0\r\nA: \0\r\n\r\n"s},
        {"length as a trailer field", "0\r\nContent-length: 1\r\n\r\n"},
        {"coding as a trailer field", "0\r\nTRANSFER-ENCODING: chunked\r\n\r\n"},
    };
    for (const auto& [name, stream] : cases)
        BOOST_TEST_CONTEXT(name)
    check_refused(chunked(), stream, 400);
}

BOOST_AUTO_TEST_CASE(every_start_of_a_body_waits_for_more)
{
    const std::string whole = "3;a=\"b\\\"\"\r\nabc\r\n0;c\r\nA: 1\r\n\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const std::string part = whole.substr(0, size);
        const body_reading got = chunked().read(part, part.size(), 1);
        BOOST_TEST(got.state == body_state::need_more, size << ": " << got);
    }
    check_done(chunked(), whole, "abc");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(chunks_at_the_body_limit_pass_and_one_byte_past_is_refused_when_it_is_announced)
{
    const body_case six{"Transfer-Encoding: chunked", 6};
    check_done(six, "3\r\nabc\r\n3\r\nabc\r\n0\r\n\r\n", "abcabc");
    check_refused(six, "3\r\nabc\r\n4\r\n", 413);
    check_refused(six, "7\r\n", 413);
    check_refused(six, "100000004\r\n", 413);
    check_refused(six, "ffffffffffffffff\r\n", 413);
    check_refused(six, "3\r\nabc\r\nfffffffffffffffd\r\n", 413);
}

BOOST_AUTO_TEST_CASE(the_head_of_a_chunk_has_at_most_4_kib)
{
    // 1, a semicolon and CRLF beside the extension's name.
    const auto head = [](std::size_t size) { return "1;" + std::string(size - 4, 'a') + "\r\n"; };
    BOOST_TEST(head(4096).size() == 4096U);
    check_done(chunked(), head(4096) + "x\r\n0\r\n\r\n", "x");
    check_refused(chunked(), head(4097) + "x\r\n0\r\n\r\n", 400);
    check_done(chunked(), "1\r\nx\r\n0;" + std::string(4092, 'a') + "\r\n\r\n", "x");
    check_refused(chunked(), "1\r\nx\r\n0;" + std::string(4093, 'a') + "\r\n\r\n", 400);
}

BOOST_AUTO_TEST_CASE(an_extension_without_an_end_is_refused_after_4_kib)
{
    const body_reading got = chunked().read("1;a=\"" + std::string(5000, 'b'), 100, 100);
    BOOST_TEST(got.refused == 400);
}

BOOST_AUTO_TEST_CASE(framing_has_at_most_16_kib_more_than_the_body)
{
    // Each chunk is one byte of body and five of framing, the last one three: at n chunks, 5n + 3 and 16384 + n.
    std::string stream;
    for (int i = 0; i < 4095; ++i)
        stream += "1\r\nx\r\n";
    check_done(chunked(), stream + "0\r\n\r\n", std::string(4095, 'x'));

    // 4 * 4095 + 4 = 16384: one more byte of framing is one too many. The trailer section is counted apart.
    check_done(chunked(), stream + "00\r\nA: 1\r\n\r\n", std::string(4095, 'x'));
    check_refused(chunked(), stream + "000\r\n\r\n" + "A: 1\r\n\r\n", 400);
    check_refused(chunked(), stream + "1\r\nx\r\n1\r\nx\r\n0\r\n\r\n", 400);
}

BOOST_AUTO_TEST_CASE(small_chunks_with_long_extensions_are_refused_early)
{
    std::string stream;
    for (int i = 0; i < 100; ++i)
        stream += "1;" + std::string(4000, 'a') + "\r\nx\r\n";
    const body_reading got = chunked().read(stream, 1000, 1000);
    BOOST_TEST(got.refused == 400);
    BOOST_TEST(got.body.size() == 4U);
}

BOOST_AUTO_TEST_CASE(the_trailer_section_is_limited_as_a_head_is)
{
    const head_limits small{.head = 64, .fields = 2, .target = 8};
    const body_case how{"Transfer-Encoding: chunked", unlimited, small};
    // The section is all that stands behind the last chunk's line.
    check_done(how, "0\r\nA:" + std::string(58, 'b') + "\r\n\r\n", "");
    check_refused(how, "0\r\nA:" + std::string(59, 'b') + "\r\n\r\n", 431);
    check_done(how, "0\r\nA: 1\r\nB: 1\r\n\r\n", "");
    check_refused(how, "0\r\nA: 1\r\nB: 1\r\nC: 1\r\n\r\n", 431);

    std::string endless = "0\r\n";
    while (endless.size() < 100'000)
        endless += "A-trailer: that is one of many\r\n";
    BOOST_TEST(body_case("Transfer-Encoding: chunked").read(endless, 4096, 4096).refused == 431);
}

BOOST_AUTO_TEST_SUITE_END()
