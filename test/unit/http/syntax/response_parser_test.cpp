// SPDX-License-Identifier: BSL-1.0

// Heads of responses, and how their bodies end.
#include <hawser/http/parser.hpp>

#define BOOST_TEST_MODULE http_response_parser
#include <boost/test/unit_test.hpp>

#include "http_stream.hpp"

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
using hawser::bytes_view;
using hawser::test::exact_copy;

// Parses the head byte by byte, then at once, with the same outcome; gives the one that has seen it whole.
struct parsed {
    explicit parsed(const std::string& stream, method request = method::get) : bytes{stream}
    {
        response_parser slow;
        slow.answers(request);
        progress slow_state = progress::need_more;
        std::string slow_words;
        for (std::size_t size = 1; slow_state == progress::need_more && size <= bytes.size(); ++size) {
            const exact_copy part{bytes_view{bytes}.substr(0, size)};
            slow_state = slow.parse(part.view());
            if (slow_state == progress::refused)
                slow_words = describe(slow.refusal());
        }
        parser.answers(request);
        state = parser.parse(bytes);
        BOOST_TEST((slow_state == state));
        if (state == progress::refused)
            BOOST_TEST(slow_words == describe(parser.refusal()));
        if (state == progress::complete)
            BOOST_TEST(slow.head().size() == parser.head().size());
    }
    const response_head& head() const
    {
        BOOST_TEST_REQUIRE((state == progress::complete), describe(parser.refusal()));
        return parser.head();
    }

    std::string bytes;
    response_parser parser;
    progress state = progress::need_more;
};

body_framing framing_of(const std::string& status_line, const std::string& fields, method request = method::get)
{
    return parsed{status_line + "\r\n" + fields + "\r\n", request}.head().framing();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_response_is_its_status_its_reason_and_its_fields)
{
    const parsed got{"HTTP/1.1 404 Not \xc3\xa9 Found\r\nA: 1\r\nContent-Length: 3\r\n\r\nabc"};
    const response_head& head = got.head();
    BOOST_TEST((head.status() == status::not_found));
    BOOST_TEST(head.reason() == "Not \xc3\xa9 Found");
    BOOST_TEST(head.minor_version() == 1U);
    BOOST_TEST(head.fields().size() == 2U);
    BOOST_TEST(*head.fields().find("a") == "1");
    BOOST_TEST(head.content_length().value() == 3U);
    BOOST_TEST(head.framing() == body_framing::length);
    BOOST_TEST(head.keep_alive());
    BOOST_TEST(head.size() == got.bytes.size() - 3);
}

BOOST_AUTO_TEST_CASE(a_reason_may_be_empty)
{
    BOOST_TEST(parsed{"HTTP/1.1 200 \r\n\r\n"}.head().reason().empty());
}

BOOST_AUTO_TEST_CASE(the_framing_follows_from_request_status_and_fields)
{
    BOOST_TEST(framing_of("HTTP/1.1 200 OK", "Content-Length: 0\r\n") == body_framing::length);
    BOOST_TEST(framing_of("HTTP/1.1 200 OK", "Transfer-Encoding: Chunked\r\n") == body_framing::chunked);
    BOOST_TEST(framing_of("HTTP/1.1 200 OK", "") == body_framing::until_close);
    BOOST_TEST(framing_of("HTTP/1.0 200 OK", "") == body_framing::until_close);
    BOOST_TEST(framing_of("HTTP/1.1 200 OK", "Content-Length: 3\r\n", method::head) == body_framing::none);
    BOOST_TEST(framing_of("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", method::head) == body_framing::none);
    BOOST_TEST(framing_of("HTTP/1.1 204 No Content", "") == body_framing::none);
    BOOST_TEST(framing_of("HTTP/1.1 304 Not Modified", "Content-Length: 3\r\n") == body_framing::none);
    BOOST_TEST(framing_of("HTTP/1.1 304 Not Modified", "Transfer-Encoding: chunked\r\n") == body_framing::none);
    BOOST_TEST(framing_of("HTTP/1.1 100 Continue", "") == body_framing::none);
    BOOST_TEST(framing_of("HTTP/1.1 200 OK", "Content-Length: 99999999999\r\n") == body_framing::length);
}

BOOST_AUTO_TEST_CASE(the_connection_lives_on_where_the_end_of_the_body_is_known)
{
    const auto keep_alive = [](const std::string& head) { return parsed{head + "\r\n"}.head().keep_alive(); };
    BOOST_TEST(keep_alive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"));
    BOOST_TEST(!keep_alive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n"));
    BOOST_TEST(!keep_alive("HTTP/1.1 200 OK\r\n"));
    BOOST_TEST(!keep_alive("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n"));
    BOOST_TEST(keep_alive("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n"));
    BOOST_TEST(keep_alive("HTTP/1.1 204 No Content\r\n"));
}

BOOST_AUTO_TEST_CASE(an_interim_response_is_followed_by_the_one_it_announces)
{
    const std::string stream = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    response_parser parser;
    BOOST_TEST_REQUIRE((parser.parse(stream) == progress::complete));
    BOOST_TEST((parser.head().status() == status::continue_));
    const bytes_view rest = bytes_view{stream}.substr(parser.head().size());
    parser.reset();
    BOOST_TEST_REQUIRE((parser.parse(rest) == progress::complete));
    BOOST_TEST((parser.head().status() == status::ok));
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_with_the_stream_is_whole_wherever_that_ends_and_has_its_limit)
{
    const parsed got{"HTTP/1.1 200 OK\r\n\r\n"};
    body_decoder body;
    body.start(got.head(), 6);
    BOOST_TEST(body.ends_here());
    BOOST_TEST(body.next("abc").data == "abc");
    BOOST_TEST((body.next("").state == body_state::need_more));
    BOOST_TEST(body.next("def").data == "def");
    BOOST_TEST(body.ends_here());
    BOOST_TEST((body.next("g").state == body_state::refused));
    BOOST_TEST((body.refusal().status == status::content_too_large));
    BOOST_TEST(!body.ends_here());
}

BOOST_AUTO_TEST_CASE(a_body_of_a_length_or_of_chunks_that_the_stream_cuts_is_not_whole)
{
    for (const std::string head : {"Content-Length: 3\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"}) {
        const parsed got{"HTTP/1.1 200 OK\r\n" + head};
        body_decoder body;
        body.start(got.head(), 100);
        const std::string stream = got.head().framing() == body_framing::length ? "abc" : "3\r\nabc\r\n0\r\n\r\n";
        for (const char& byte : stream) {
            BOOST_TEST(!body.ends_here());
            (void)body.next({&byte, 1});
        }
        BOOST_TEST(body.ends_here());
        BOOST_TEST(body.done());
    }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_refused_with_words)
{
    const struct {
        const char* name;
        std::string stream;
    } cases[] = {
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n"},
        {"2.0", "HTTP/2.0 200 OK\r\n"},
        {"0.9", "HTTP/0.9 200 OK\r\n"},
        {"lower case", "http/1.1 200 OK\r\n"},
        {"two digits", "HTTP/1.1 20 OK\r\n"},
        {"four digits", "HTTP/1.1 2000 OK\r\n"},
        {"letters", "HTTP/1.1 2x0 OK\r\n"},
        {"below 100", "HTTP/1.1 099 OK\r\n"},
        {"above 599", "HTTP/1.1 600 OK\r\n"},
        {"no space behind the status", "HTTP/1.1 200\r\n"},
        {"two spaces", "HTTP/1.1  200 OK\r\n"},
        {"bare LF", "HTTP/1.1 200 OK\n\n"},
        {"NUL", "HTTP/1.1 200 O\0K\r\n"s},
        {"TLS", "\x15\x03\x01\x00\x02"s},
        {"leading CRLF", "\r\nHTTP/1.1 200 OK\r\n\r\n"},
        {"obs-fold", "HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\n\r\n"},
        {"space before the colon", "HTTP/1.1 200 OK\r\nA : 1\r\n\r\n"},
        {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"},
        {"two equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"},
        {"signed length", "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n"},
        {"empty length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"},
        {"length of 19 digits", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000000\r\n\r\n"},
        {"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        {"coding without chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n"},
        {"chunked twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"},
        {"chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"chunked with 204", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {"head without an end", "HTTP/1.1 200 OK\r\nA: " + std::string(16384, 'x')},
        {"status line without an end", "HTTP/1.1 200 " + std::string(16384, 'x')},
    };
    for (const auto& [name, stream] : cases)
        BOOST_TEST_CONTEXT(name)
        {
            const parsed got{stream};
            BOOST_TEST((got.state == progress::refused));
            BOOST_TEST((got.parser.refusal().status == status::bad_gateway));
            BOOST_TEST(!got.parser.refusal().words.empty());
        }
}

BOOST_AUTO_TEST_CASE(a_long_head_is_accepted_at_the_limits_and_refused_one_past)
{
    const auto with_fields = [](int count) {
        std::string head = "HTTP/1.1 204 No Content\r\n";
        for (int i = 0; i < count; ++i)
            head += "A: 1\r\n";
        return parsed{head + "\r\n"}.state;
    };
    BOOST_TEST((with_fields(100) == progress::complete));
    BOOST_TEST((with_fields(101) == progress::refused));
    const auto of_size = [](std::size_t size) {
        const std::string begin = "HTTP/1.1 204 No Content\r\nA: ";
        return parsed{begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n"}.state;
    };
    BOOST_TEST((of_size(16384) == progress::complete));
    BOOST_TEST((of_size(16385) == progress::refused));
}
