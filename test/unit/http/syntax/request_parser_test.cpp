// SPDX-License-Identifier: BSL-1.0

// Heads of requests: what is accepted and as what, what is refused and with which status, each limit at its edge, each
// cut of the stream.
#include <hawser/http/parser.hpp>

#define BOOST_TEST_MODULE http_parser
#include <boost/test/unit_test.hpp>

#include "http_stream.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::string_literals;
using namespace hawser::http;
using hawser::bytes_view;
using hawser::test::http_reader;
using hawser::test::http_reading;
using hawser::test::http_request;
using hawser::test::read_http;

const std::string canary = "GET /canary HTTP/1.1\r\nHost: canary\r\n\r\n";

// However the stream is cut, the same comes of it.
void check_cuts(bytes_view stream, const http_reading& whole)
{
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
        const http_reading two = http_reader{}.read(stream, cut, stream.size());
        BOOST_TEST_REQUIRE(two == whole, "cut at " << cut << ": " << two << "; whole: " << whole);
    }
    const http_reading bytes = http_reader{}.read(stream, 1, 1);
    BOOST_TEST(bytes == whole, "byte by byte: " << bytes << "; whole: " << whole);
}

http_request accepted(bytes_view stream)
{
    const http_reading got = read_http(stream);
    BOOST_TEST_REQUIRE(got.requests.size() == 1U, got);
    check_cuts(stream, got);
    return got.requests.front();
}

// Refused with this status, and nothing of it or behind it is interpreted.
void check_refused(const std::string& stream, int status)
{
    const http_reading got = read_http(stream + canary);
    BOOST_TEST(got.refused == status, got);
    BOOST_TEST(got.heads == 0, got);
    BOOST_TEST(!got.words.empty());
    check_cuts(stream + canary, got);
}

struct refusal_case {
    const char* name;
    std::string stream;
    int status;
};

void check_refused(const std::vector<refusal_case>& cases)
{
    for (const refusal_case& each : cases)
        BOOST_TEST_CONTEXT(each.name)
    check_refused(each.stream, each.status);
}

std::string with_line(const std::string& line)
{
    return line + "\r\nHost: example.org\r\n\r\n";
}

std::string with_field(const std::string& field)
{
    return "GET / HTTP/1.1\r\nHost: example.org\r\n" + field + "\r\n\r\n";
}

std::string with_host(const std::string& host)
{
    return "GET / HTTP/1.1\r\nHost:" + host + "\r\n\r\n";
}

} // namespace

BOOST_AUTO_TEST_SUITE(accepted_requests)

BOOST_AUTO_TEST_CASE(a_request_is_its_line_and_its_fields_in_order)
{
    const http_request got =
        accepted("GET /a/b?c=d&e HTTP/1.1\r\nHost: example.org:8080\r\nA: 1\r\nb:\t2 \r\nA: \r\n\r\n");
    BOOST_TEST(got.method == "GET");
    BOOST_TEST(got.target == "/a/b?c=d&e");
    BOOST_TEST(got.path == "/a/b");
    BOOST_TEST(got.query == "c=d&e");
    BOOST_TEST(got.host == "example.org:8080");
    BOOST_TEST(got.minor_version == 1U);
    BOOST_TEST(got.keep_alive);
    BOOST_TEST(!got.expects_continue);
    const std::vector<std::pair<std::string, std::string>> expected{
        {"Host", "example.org:8080"}, {"A", "1"}, {"b", "2"}, {"A", ""}};
    BOOST_TEST((got.fields == expected));
}

BOOST_AUTO_TEST_CASE(every_method_that_is_implemented_is_accepted)
{
    for (const std::string method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
        BOOST_TEST(accepted(with_line(method + " / HTTP/1.1")).method == method);
}

BOOST_AUTO_TEST_CASE(an_absolute_target_has_a_path_and_names_the_host)
{
    const http_request got = accepted("GET http://Example.org:80/a?b HTTP/1.1\r\nHost: example.ORG:80\r\n\r\n");
    BOOST_TEST(got.target == "http://Example.org:80/a?b");
    BOOST_TEST(got.path == "/a");
    BOOST_TEST(got.query == "b");
    BOOST_TEST(got.host == "example.ORG:80");

    const http_request bare = accepted("GET HTTPS://example.org?b HTTP/1.0\r\n\r\n");
    BOOST_TEST(bare.path == "/");
    BOOST_TEST(bare.query == "b");
    BOOST_TEST(bare.host == "example.org");
}

BOOST_AUTO_TEST_CASE(options_may_ask_about_the_server_as_a_whole)
{
    BOOST_TEST(accepted(with_line("OPTIONS * HTTP/1.1")).path == "*");
}

BOOST_AUTO_TEST_CASE(targets_are_what_clients_send_in_practice)
{
    for (const std::string target : {"/", "//", "/%00?", "/a;b=c,d", "/?a[]={1|2}^`", "/-._~!$&'()*+,;=:@", "/?/?"})
        BOOST_TEST(accepted(with_line("GET " + target + " HTTP/1.1")).target == target);
}

BOOST_AUTO_TEST_CASE(hosts_are_names_and_addresses_with_or_without_a_port)
{
    for (const std::string host : {"a", "a.b-c_d~e", "127.0.0.1:65535", "[::1]", "[2001:db8::1]:0", "a:", "A:00080"})
        BOOST_TEST(accepted(with_host(" " + host)).host == host);
    BOOST_TEST(accepted(with_host(std::string(255, 'a'))).host.size() == 255U);
}

BOOST_AUTO_TEST_CASE(http_1_0_needs_no_host)
{
    BOOST_TEST(accepted("GET / HTTP/1.0\r\n\r\n").host.empty());
}

BOOST_AUTO_TEST_CASE(values_may_hold_bytes_above_127_and_tabs)
{
    const http_request got = accepted(with_field("A: \xc3\xa9\t\xff"));
    BOOST_TEST(got.fields.back().second == "\xc3\xa9\t\xff");
}

BOOST_AUTO_TEST_CASE(names_are_tokens_of_any_kind)
{
    BOOST_TEST(accepted(with_field("!#$%&'*+-.^_`|~09azAZ: 1")).fields.back().first == "!#$%&'*+-.^_`|~09azAZ");
}

BOOST_AUTO_TEST_CASE(the_connection_lives_on_as_version_and_fields_say)
{
    const auto keep_alive = [](const std::string& version, const std::string& fields) {
        return accepted("GET / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n").keep_alive;
    };
    BOOST_TEST(keep_alive("1.1", ""));
    BOOST_TEST(keep_alive("1.1", "Connection: upgrade\r\n"));
    BOOST_TEST(!keep_alive("1.1", "Connection: close\r\n"));
    BOOST_TEST(!keep_alive("1.1", "Connection: Keep-Alive, , CLOSE\r\n"));
    BOOST_TEST(!keep_alive("1.1", "Connection: close\r\nConnection: keep-alive\r\n"));
    BOOST_TEST(!keep_alive("1.0", ""));
    BOOST_TEST(keep_alive("1.0", "Connection: Keep-Alive\r\n"));
    BOOST_TEST(!keep_alive("1.0", "Connection: keep-alive, close\r\n"));
    BOOST_TEST(keep_alive("1.1", "Proxy-Connection: close\r\n"));
}

BOOST_AUTO_TEST_CASE(a_client_may_wait_for_100_in_1_1_alone)
{
    const std::string rest = "Host: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx";
    BOOST_TEST(accepted("POST / HTTP/1.1\r\n" + rest).expects_continue);
    BOOST_TEST(!accepted("POST / HTTP/1.0\r\n" + rest).expects_continue);
}

BOOST_AUTO_TEST_CASE(an_upgrade_is_not_taken_up)
{
    const std::string upgrade =
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA";
    const http_reading got = read_http(with_field(upgrade) + canary);
    BOOST_TEST(got.requests.size() == 2U);
    BOOST_TEST(got.requests.back().target == "/canary");
}

BOOST_AUTO_TEST_CASE(the_body_of_any_method_is_never_the_next_request)
{
    for (const std::string method : {"GET", "HEAD", "DELETE", "OPTIONS", "POST"}) {
        const std::string body = "GET /body HTTP/1.1\r\n\r\n";
        const http_reading by_length =
            read_http(method + " / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                      body + canary);
        BOOST_TEST_REQUIRE(by_length.requests.size() == 2U);
        BOOST_TEST(by_length.requests[0].body == body);
        BOOST_TEST(by_length.requests[1].target == "/canary");
        const http_reading chunked =
            read_http(method + " / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n" + body +
                      "\r\n0\r\n\r\n" + canary);
        BOOST_TEST_REQUIRE(chunked.requests.size() == 2U);
        BOOST_TEST(chunked.requests[0].body == body);
        BOOST_TEST(chunked.requests[1].target == "/canary");
    }
}

BOOST_AUTO_TEST_CASE(nothing_behind_a_request_that_ends_the_connection_is_read)
{
    const http_reading got = read_http(with_field("Connection: close") + canary);
    BOOST_TEST(got.requests.size() == 1U);
    BOOST_TEST(got.rest == canary.size());
}

BOOST_AUTO_TEST_CASE(a_hundred_pipelined_requests_are_a_hundred_requests_however_they_are_cut)
{
    std::string stream;
    for (int i = 0; i < 100; ++i)
        stream += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    const http_reading whole = read_http(stream);
    BOOST_TEST(whole.requests.size() == 100U);
    BOOST_TEST(whole.requests.back().target == "/99");
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 61U, 1000U})
        BOOST_TEST(http_reader{}.read(stream, piece, piece) == whole);
}

BOOST_AUTO_TEST_CASE(the_head_follows_its_bytes_when_they_move)
{
    const std::string bytes = "GET /a?b HTTP/1.1\r\nHost: example.org\r\nA: 1\r\n\r\n";
    std::string elsewhere = bytes;
    request_parser parser;
    BOOST_TEST_REQUIRE((parser.parse(bytes) == progress::complete));
    parser.rebase(elsewhere.data());
    const request_head& head = parser.head();
    for (const std::string_view view : {head.method_text(), head.target(), head.path(), head.query(), head.host(),
                                        head.fields()[1].name, *head.fields().find("a")})
        BOOST_TEST(
            (view.data() >= elsewhere.data() && view.data() + view.size() <= elsewhere.data() + elsewhere.size()));
    BOOST_TEST(head.host() == "example.org");
    BOOST_TEST(*head.fields().find("A") == "1");
}

BOOST_AUTO_TEST_CASE(fields_are_found_in_any_case_first_first_and_all_in_order)
{
    request_parser parser;
    const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\n\r\n";
    BOOST_TEST_REQUIRE((parser.parse(bytes) == progress::complete));
    const fields& of = parser.head().fields();
    BOOST_TEST(of.find("X-a").value() == "1");
    BOOST_TEST(!of.find("X-B").has_value());
    std::string all;
    of.find_all("x-A", [&](std::string_view value) { all += value; });
    BOOST_TEST(all == "12");
    BOOST_TEST(of.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_parser_is_used_again_without_a_trace_of_the_last_request)
{
    request_parser parser;
    std::string many = "POST http://b/x?y HTTP/1.0\r\nHost: b\r\nContent-Length: 3\r\nConnection: keep-alive\r\n";
    for (int i = 0; i < 90; ++i)
        many += "A: 1\r\n";
    BOOST_TEST_REQUIRE((parser.parse(many + "\r\n") == progress::complete));
    BOOST_TEST(parser.head().fields().size() == 93U);
    parser.reset();
    BOOST_TEST_REQUIRE((parser.parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == progress::complete));
    BOOST_TEST(parser.head().fields().size() == 1U);
    BOOST_TEST(!parser.head().content_length().has_value());
    BOOST_TEST(parser.head().host() == "a");
    BOOST_TEST(parser.head().query().empty());
    BOOST_TEST((parser.head().method() == method::get));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(refused_requests)

BOOST_AUTO_TEST_CASE(lines_end_with_crlf_and_hold_no_control_character)
{
    check_refused({
        {"obs-fold", with_field("A: 1\r\n 2"), 400},
        {"obs-fold of nothing", with_field("A:\r\n\t"), 400},
        {"white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
        {"bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
        {"bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nA: 1\r\n\r\n", 400},
        {"bare LF as the blank line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"bare LFs alone", "GET / HTTP/1.0\n\n", 400},
        {"bare CR in a value", with_field("A: 1\r2"), 400},
        {"bare CR in the request line", with_line("GET /\r HTTP/1.1"), 400},
        {"two CRs", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400},
        {"NUL in a value", with_field("A: 1\0002"s), 400},
        {"NUL in a name", with_field("A\0: 1"s), 400},
        {"NUL in the target", with_line("GET /\0 HTTP/1.1"s), 400},
        {"escape in a value", with_field("A: \x1b[0m"), 400},
        {"delete in a value", with_field("A: \x7f"), 400},
        {"vertical tab in a value", with_field("A: \v"), 400},
        {"byte above 127 in a name", with_field("\xc3\xa9: 1"), 400},
        {"space before the colon", with_field("A : 1"), 400},
        {"tab before the colon", with_field("A\t: 1"), 400},
        {"empty name", with_field(": 1"), 400},
        {"no colon", with_field("A"), 400},
        {"space in a name", with_field("A B: 1"), 400},
        {"parenthesis in a name", with_field("A(: 1"), 400},
        {"leading space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"leading CRLF", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"TLS", "\x16\x03\x01\x02", 400},
        {"zeros", "\0\0\0\0"s, 400},
    });
}

BOOST_AUTO_TEST_CASE(the_host_is_there_once_and_is_one)
{
    check_refused({
        {"none in 1.1", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two", with_field("Host: example.org"), 400},
        {"two in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"empty", with_host(""), 400},
        {"blank", with_host("  "), 400},
        {"slash and at and space", with_host(" a/b@c d"), 400},
        {"slash", with_host(" a/b"), 400},
        {"userinfo", with_host(" u@a"), 400},
        {"comma", with_host(" a,b"), 400},
        {"question mark", with_host(" a?b"), 400},
        {"percent", with_host(" a%20b"), 400},
        {"byte above 127", with_host(" \xc3\xa9"), 400},
        {"name of 256", with_host(std::string(256, 'a')), 400},
        {"port alone", with_host(" :80"), 400},
        {"port 65536", with_host(" a:65536"), 400},
        {"port of six digits", with_host(" a:000080"), 400},
        {"port with a sign", with_host(" a:+80"), 400},
        {"two ports", with_host(" a:80:80"), 400},
        {"IPv6 without brackets", with_host(" ::1"), 400},
        {"IPv6 unclosed", with_host(" [::1"), 400},
        {"IPv6 that is none", with_host(" [g::1]"), 400},
        {"IPv6 too long", with_host(" [" + std::string(60, '0') + "]"), 400},
        {"IPv6 and more", with_host(" [::1]a"), 400},
        {"IPv6 empty", with_host(" []"), 400},
        {"absolute target disagrees", with_line("GET http://example.com/ HTTP/1.1"), 400},
        {"absolute target has a port", with_line("GET http://example.org:80/ HTTP/1.1"), 400},
        {"absolute target without Host", "GET http://a/ HTTP/1.1\r\n\r\n", 400},
        {"absolute target with userinfo", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute target without a host", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute target of another scheme", "GET ftp://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", 400},
        {"absolute target's port", "GET http://a:99999/ HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400},
    });
}

BOOST_AUTO_TEST_CASE(methods_that_are_not_implemented_are_501)
{
    check_refused({
        {"unknown", with_line("BREW / HTTP/1.1"), 501},
        {"lower case", with_line("get / HTTP/1.1"), 501},
        {"mixed case", with_line("Get / HTTP/1.1"), 501},
        {"longer than any", with_line(std::string(64, 'G') + " / HTTP/1.1"), 501},
        {"longer than a head", with_line(std::string(20'000, 'G') + " / HTTP/1.1"), 501},
        {"CONNECT", with_line("CONNECT example.org:443 HTTP/1.1"), 501},
        {"TRACE", with_line("TRACE / HTTP/1.1"), 501},
        {"empty", with_line(" / HTTP/1.1"), 400},
        {"not a token", with_line("G(T / HTTP/1.1"), 400},
        {"byte above 127", with_line("G\xc3\xa9T / HTTP/1.1"), 400},
    });
}

BOOST_AUTO_TEST_CASE(targets_are_paths_or_urls)
{
    check_refused({
        {"no slash", with_line("GET !x HTTP/1.1"), 400},
        {"byte above 127", with_line("GET /\x80 HTTP/1.1"), 400},
        {"fragment", with_line("GET /#a HTTP/1.1"), 400},
        {"quotation mark", with_line("GET /\" HTTP/1.1"), 400},
        {"angle bracket", with_line("GET /< HTTP/1.1"), 400},
        {"backslash", with_line("GET /..\\ HTTP/1.1"), 400},
        {"tab", with_line("GET /\t HTTP/1.1"), 400},
        {"authority", with_line("GET example.org:80 HTTP/1.1"), 400},
        {"asterisk of GET", with_line("GET * HTTP/1.1"), 400},
        {"asterisk and more", with_line("OPTIONS *a HTTP/1.1"), 400},
        {"missing", with_line("GET HTTP/1.1"), 400},
        {"two spaces before it", with_line("GET  / HTTP/1.1"), 400},
        {"two spaces behind it", with_line("GET /  HTTP/1.1"), 400},
        {"tab before it", with_line("GET\t/ HTTP/1.1"), 400},
        {"space in it", with_line("GET /a b HTTP/1.1"), 400},
    });
}

BOOST_AUTO_TEST_CASE(versions_are_1_0_and_1_1)
{
    check_refused({
        {"0.9, without one", "GET /\r\n", 400},
        {"0.9, said", with_line("GET / HTTP/0.9"), 505},
        {"1.2", with_line("GET / HTTP/1.2"), 505},
        {"2.0", with_line("GET / HTTP/2.0"), 505},
        {"preface of 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"leading zero", with_line("GET / HTTP/01.1"), 400},
        {"trailing space", with_line("GET / HTTP/1.1 "), 400},
        {"lower case", with_line("GET / http/1.1"), 400},
        {"two digits", with_line("GET / HTTP/1.10"), 400},
        {"comma", with_line("GET / HTTP/1,1"), 400},
        {"missing minor", with_line("GET / HTTP/1."), 400},
        {"another protocol", with_line("GET / ICAP/1.0"), 400},
        {"letter", with_line("GET / HTTP/1.x"), 400},
    });
}

BOOST_AUTO_TEST_CASE(connection_names_no_field_that_every_recipient_needs)
{
    check_refused({
        {"Content-Length", with_field("Connection: keep-alive, Content-Length"), 400},
        {"Transfer-Encoding", with_field("Connection: transfer-encoding"), 400},
        {"Host", with_field("Connection: close, host"), 400},
        {"not a token", with_field("Connection: a b"), 400},
        {"quoted", with_field("Connection: \"close\""), 400},
    });
}

BOOST_AUTO_TEST_CASE(an_expectation_of_anything_but_100_is_417)
{
    check_refused({
        {"another", with_field("Expect: 200-ok"), 417},
        {"empty", with_field("Expect:"), 417},
        {"a list", with_field("Expect: 100-continue, x"), 417},
        {"two, one of them another", with_field("Expect: 100-continue\r\nExpect: x"), 417},
    });
}

BOOST_AUTO_TEST_CASE(what_needs_no_more_bytes_is_refused_without_them)
{
    for (const std::string start : {"\x16", "GET /\n", "GET / HTTP/1.1\rX", "BREW / HTTP/1.1\r\n", "GET /\r\n",
                                    "GET / HTTP/1.1\r\nHost: a\n", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n"}) {
        BOOST_TEST(read_http(start).refused != 0, start);
        const http_reading shorter = read_http(start.substr(0, start.size() - 1));
        BOOST_TEST(shorter.refused == 0, start);
    }
}

BOOST_AUTO_TEST_CASE(a_refusal_names_what_came_escaped_and_cut)
{
    BOOST_TEST(read_http(with_field("Content-Length: +3")).words ==
               "Content-Length: expected 1 to 18 digits, got \"+3\"");
    BOOST_TEST(read_http(with_line("GET / HTTP/1.1\x1b")).words ==
               "head: expected visible characters, and lines that end with CRLF, got \"GET / HTTP/1.1\\x1b\"");
    const std::string words = read_http(with_line("G(" + std::string(300, 'x') + " / HTTP/1.1")).words;
    BOOST_TEST(words.ends_with("\"... (313 bytes)"));
    BOOST_TEST(describe({status::bad_request, "a", "\"\\\r\n\t\xff"}) == R"(a, got "\"\\\r\n\t\xff")");
}

BOOST_AUTO_TEST_SUITE_END()
