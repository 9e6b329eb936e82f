// SPDX-License-Identifier: BSL-1.0

// What goes out: byte for byte, and nothing of what must not. Dates.
//
// The random calls print their seed; give it as HTTP_SEED to have the same ones again.
#include <hawser/http/writer.hpp>

#define BOOST_TEST_MODULE http_writer
#include <boost/test/unit_test.hpp>

#include "http_stream.hpp"

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace hawser::http {

std::ostream& operator<<(std::ostream& out, body_framing framing)
{
    constexpr const char* names[] = {"none", "length", "chunked", "until_close"};
    return out << names[static_cast<int>(framing)];
}

} // namespace hawser::http

namespace {

using namespace std::string_literals;
using namespace hawser::http;

// Throws field_error with these words, and appends nothing.
template <class Function>
void check_refused(Function write, const std::string& words)
{
    std::string out = "before";
    BOOST_CHECK_EXCEPTION(write(out), field_error, [&](const field_error& e) {
        BOOST_TEST(e.what() == words);
        return true;
    });
    BOOST_TEST(out == "before");
}

template <class Function>
std::string written(Function write)
{
    std::string out;
    write(out);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(heads)

BOOST_AUTO_TEST_CASE(a_response_is_byte_for_byte_what_was_asked_for)
{
    date_cache dates;
    const std::string got = written([&](std::string& out) {
        append_status_line(out, status::ok);
        out += dates.line(784111777);
        append_field(out, "Content-Type", "text/plain");
        append_connection(out, false);
        append_content_length(out, 13);
        end_head(out);
    });
    BOOST_TEST(got == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
                      "Connection: close\r\nContent-Length: 13\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_request_is_byte_for_byte_what_was_asked_for)
{
    const std::string got = written([](std::string& out) {
        append_request_line(out, "GET", "/a?b=%20");
        append_field(out, "Host", "example.org:8080");
        append_connection(out, true);
        append_chunked(out);
        end_head(out);
    });
    BOOST_TEST(got == "GET /a?b=%20 HTTP/1.1\r\nHost: example.org:8080\r\nConnection: keep-alive\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_status_has_its_reason_or_one_of_its_own)
{
    const auto line = [](auto... arguments) {
        return written([&](std::string& out) { append_status_line(out, arguments...); });
    };
    BOOST_TEST(line(status::not_found) == "HTTP/1.1 404 Not Found\r\n");
    BOOST_TEST(line(status{299}) == "HTTP/1.1 299 Unknown\r\n");
    BOOST_TEST(line(status::ok, "Fine \xc3\xa9") == "HTTP/1.1 200 Fine \xc3\xa9\r\n");
    BOOST_TEST(line(status::ok, "") == "HTTP/1.1 200 \r\n");
    BOOST_TEST(line(status{100}) == "HTTP/1.1 100 Continue\r\n");
    BOOST_TEST(line(status{599}, "x") == "HTTP/1.1 599 x\r\n");
}

BOOST_AUTO_TEST_CASE(statuses_below_100_and_above_599_are_refused)
{
    check_refused([](std::string& out) { append_status_line(out, status{99}); },
                  "status: expected 100 to 599, got \"99\"");
    check_refused([](std::string& out) { append_status_line(out, status{600}); },
                  "status: expected 100 to 599, got \"600\"");
}

BOOST_AUTO_TEST_CASE(every_named_status_has_a_reason)
{
    for (const int code :
         {100, 101, 200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 408,
          409, 410, 411, 412, 413, 414, 415, 416, 417, 426, 429, 431, 500, 501, 502, 503, 504, 505})
        BOOST_TEST(reason(static_cast<status>(code)) != "Unknown", code);
}

BOOST_AUTO_TEST_CASE(nothing_that_ends_a_line_or_hides_it_is_written)
{
    const std::string name = "field name: expected letters, digits or !#$%&'*+-.^_`|~, got ";
    const std::string value =
        "value of A: expected visible characters, spaces and tabs, and none of these at either end, got ";
    const struct {
        std::string name, value, words;
    } cases[] = {
        {"A\r\nB", "1", name + R"("A\r\nB")"},
        {"A\n", "1", name + R"("A\n")"},
        {"A\0"s, "1", name + R"("A\x00")"},
        {"A:", "1", name + R"("A:")"},
        {"A ", "1", name + R"("A ")"},
        {" A", "1", name + R"(" A")"},
        {"\xc3\xa9", "1", name + R"("\xc3\xa9")"},
        {"", "1", name + R"("")"},
        {"A", "1\r\nSet-Cookie: a", value + R"("1\r\nSet-Cookie: a")"},
        {"A", "1\n", value + R"("1\n")"},
        {"A", "1\r", value + R"("1\r")"},
        {"A", "1\0"s, value + R"("1\x00")"},
        {"A", "\x1b[0m", value + R"("\x1b[0m")"},
        {"A", "\x7f", value + R"("\x7f")"},
        {"A", " 1", value + R"(" 1")"},
        {"A", "1\t", value + R"("1\t")"},
    };
    for (const auto& each : cases) {
        check_refused([&](std::string& out) { append_field(out, each.name, each.value); }, each.words);
        BOOST_CHECK_THROW(check_field(each.name, each.value), field_error);
    }
    check_refused([](std::string& out) { append_status_line(out, status::ok, "OK\r\nA: 1"); },
                  R"(reason: expected visible characters, spaces and tabs, got "OK\r\nA: 1")");
    check_refused([](std::string& out) { append_request_line(out, "GET /", "/"); },
                  R"(method: expected letters, digits or !#$%&'*+-.^_`|~, got "GET /")");
    check_refused([](std::string& out) { append_request_line(out, "GET", "/ HTTP/1.1\r\nA: 1"); },
                  R"(target: expected visible ASCII characters, got "/ HTTP/1.1\r\nA: 1")");
    check_refused([](std::string& out) { append_request_line(out, "GET", ""); },
                  R"(target: expected visible ASCII characters, got "")");
}

BOOST_AUTO_TEST_CASE(values_may_hold_all_that_is_visible)
{
    for (const std::string value : {"", "a", "a\tb c", "\"\\", "\x80\xff", "~!"})
        BOOST_TEST(written([&](std::string& out) { append_field(out, "A", value); }) == "A: " + value + "\r\n");
}

BOOST_AUTO_TEST_CASE(what_frames_the_body_is_not_written_as_any_field)
{
    for (const std::string name : {"Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING"})
        check_refused([&](std::string& out) { append_field(out, name, "3"); },
                      "field name: expected none that frames the body: append_framing() writes those, got \"" + name +
                          "\"");
}

// Names and values of any bytes: what is written is one line of that name and value, or nothing.
BOOST_AUTO_TEST_CASE(ten_thousand_random_fields_inject_no_line)
{
    const char* const given = std::getenv("HTTP_SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
    std::cout << "HTTP_SEED=" << seed << "\n";
    std::mt19937 random{seed};
    const auto text = [&random](const std::string& likely) {
        std::string bytes;
        for (std::size_t left = random() % 12; left > 0; --left)
            bytes += random() % 8 == 0 ? static_cast<char>(random() % 256) : likely[random() % likely.size()];
        return bytes;
    };
    int sent = 0;
    for (int i = 0; i < 10'000; ++i) {
        const std::string name = text("abcXYZ-_09\r\n: ");
        const std::string value = text("abc XYZ\t=;,\"\r\n%0d%0a\0"s);
        std::string out = "GET / HTTP/1.1\r\nHost: a\r\n";
        const std::string before = out;
        try {
            append_field(out, name, value);
        } catch (const field_error&) {
            BOOST_TEST_REQUIRE(out == before);
            continue;
        }
        ++sent;
        end_head(out);
        const auto got = hawser::test::read_http(out);
        BOOST_TEST_REQUIRE(got.requests.size() == 1U, got);
        BOOST_TEST_REQUIRE(got.requests[0].fields.size() == 2U, out);
        BOOST_TEST_REQUIRE(got.requests[0].fields[1].first == name);
        BOOST_TEST_REQUIRE(got.requests[0].fields[1].second == value);
    }
    BOOST_TEST(sent > 100);
    BOOST_TEST(sent < 9'900);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(bodies)

BOOST_AUTO_TEST_CASE(a_body_is_framed_as_method_version_and_status_allow)
{
    const struct {
        const char* name;
        method request;
        unsigned minor;
        int code;
        std::optional<std::uint64_t> length;
        body_framing framing;
        std::string field;
    } cases[] = {
        {"known length", method::get, 1, 200, 5, body_framing::length, "Content-Length: 5\r\n"},
        {"known length in 1.0", method::get, 0, 200, 5, body_framing::length, "Content-Length: 5\r\n"},
        {"empty", method::post, 1, 404, 0, body_framing::length, "Content-Length: 0\r\n"},
        {"unknown length", method::get, 1, 200, {}, body_framing::chunked, "Transfer-Encoding: chunked\r\n"},
        {"unknown length in 1.0", method::get, 0, 200, {}, body_framing::until_close, ""},
        {"HEAD", method::head, 1, 200, 5, body_framing::none, "Content-Length: 5\r\n"},
        {"HEAD of unknown length", method::head, 1, 200, {}, body_framing::none, ""},
        {"HEAD in 1.0", method::head, 0, 200, {}, body_framing::none, ""},
        {"100", method::post, 1, 100, {}, body_framing::none, ""},
        {"101", method::get, 1, 101, 5, body_framing::none, ""},
        {"199", method::get, 1, 199, 5, body_framing::none, ""},
        {"204", method::get, 1, 204, 5, body_framing::none, ""},
        {"204 to HEAD", method::head, 1, 204, 5, body_framing::none, ""},
        {"205", method::get, 1, 205, 0, body_framing::none, "Content-Length: 0\r\n"},
        {"205 with a length", method::get, 1, 205, 5, body_framing::none, "Content-Length: 0\r\n"},
        {"205 of unknown length", method::get, 1, 205, {}, body_framing::none, "Content-Length: 0\r\n"},
        {"205 in 1.0", method::get, 0, 205, {}, body_framing::none, "Content-Length: 0\r\n"},
        {"205 to HEAD", method::head, 1, 205, 5, body_framing::none, "Content-Length: 0\r\n"},
        {"304", method::get, 1, 304, 5, body_framing::none, "Content-Length: 5\r\n"},
        {"304 of unknown length", method::get, 1, 304, {}, body_framing::none, ""},
    };
    for (const auto& each : cases)
        BOOST_TEST_CONTEXT(each.name)
        {
            const status code{static_cast<std::uint16_t>(each.code)};
            const body_framing framing = framing_of_response(each.request, each.minor, code, each.length);
            BOOST_TEST(framing == each.framing);
            BOOST_TEST(written([&](std::string& out) { append_framing(out, framing, code, each.length); }) ==
                       each.field);
        }
}

BOOST_AUTO_TEST_CASE(chunks_are_their_size_and_their_bytes)
{
    const std::string got = written([](std::string& out) {
        append_chunk(out, "hello");
        append_chunk(out, "");
        append_chunk(out, std::string(26, 'x'));
        append_last_chunk(out);
    });
    BOOST_TEST(got == "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(the_head_of_a_chunk_has_room_for_any_size)
{
    char head[max_chunk_head];
    const auto encoded = [&](std::size_t size) { return std::string{head, encode_chunk_head(head, size)}; };
    BOOST_TEST(encoded(1) == "1\r\n");
    BOOST_TEST(encoded(65536) == "10000\r\n");
    BOOST_TEST(encoded(~std::size_t{0}) == "ffffffffffffffff\r\n");
}

BOOST_AUTO_TEST_CASE(what_is_written_in_chunks_is_read_as_the_same_body)
{
    std::string stream = "POST / HTTP/1.1\r\nHost: a\r\n";
    append_chunked(stream);
    end_head(stream);
    for (const std::string piece : {"hello", "", "\r\n0\r\n\r\n", "x"})
        append_chunk(stream, piece);
    append_last_chunk(stream);
    const auto got = hawser::test::read_http(stream);
    BOOST_TEST_REQUIRE(got.requests.size() == 1U);
    BOOST_TEST(got.requests[0].body == "hello\r\n0\r\n\r\nx");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(dates)

BOOST_AUTO_TEST_CASE(dates_are_written_as_http_has_them)
{
    const struct {
        std::int64_t seconds;
        const char* text;
    } cases[] = {
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},  {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},         {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"}, {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"}, {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    date_cache dates;
    for (const auto& [seconds, text] : cases) {
        BOOST_TEST(dates.at(seconds) == text);
        BOOST_TEST(dates.line(seconds) == "Date: "s + text + "\r\n");
        BOOST_TEST(parse_date(text).value() == seconds);
    }
}

BOOST_AUTO_TEST_CASE(times_beyond_the_calendar_are_its_ends)
{
    date_cache dates;
    BOOST_TEST(dates.at(253402300800) == "Fri, 31 Dec 9999 23:59:59 GMT");
    BOOST_TEST(dates.at(INT64_MAX) == "Fri, 31 Dec 9999 23:59:59 GMT");
    BOOST_TEST(dates.at(-62167219200) == "Sat, 01 Jan 0000 00:00:00 GMT");
    BOOST_TEST(dates.at(-62167219201) == "Sat, 01 Jan 0000 00:00:00 GMT");
    BOOST_TEST(date_cache{}.at(INT64_MIN) == "Sat, 01 Jan 0000 00:00:00 GMT");
}

BOOST_AUTO_TEST_CASE(a_date_is_made_anew_with_each_second_and_not_before)
{
    date_cache dates;
    const std::string_view first = dates.at(784111777);
    BOOST_TEST(dates.at(784111777).data() == first.data());
    BOOST_TEST(dates.at(784111778) == "Sun, 06 Nov 1994 08:49:38 GMT");
    BOOST_TEST(dates.at(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

BOOST_AUTO_TEST_CASE(the_obsolete_formats_are_read)
{
    BOOST_TEST(parse_date("Sunday, 06-Nov-94 08:49:37 GMT").value() == 784111777);
    BOOST_TEST(parse_date("Sun Nov  6 08:49:37 1994").value() == 784111777);
    BOOST_TEST(parse_date("Wed Nov 16 08:49:37 1994").value() == 784975777);
    BOOST_TEST(parse_date("Tuesday, 19-Jan-38 03:14:08 GMT").value() == 2147483648);
}

BOOST_AUTO_TEST_CASE(what_is_no_date_is_none)
{
    for (const std::string text :
         {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ",
          "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
          "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
          "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
          "Sun, -6 Nov 1994 08:49:37 GMT", "Tue, 29 Feb 1900 00:00:00 GMT", "Sun Nov 6 08:49:37 1994", "784111777"})
        BOOST_TEST(!parse_date(text).has_value(), text);
}

BOOST_AUTO_TEST_SUITE_END()
