// SPDX-License-Identifier: BSL-1.0

// Which URLs may be asked for, and where a redirection leads.
#include "http/client/redirects.hpp"
#include "http/syntax/url.hpp"
#include "thrown.hpp"

#define BOOST_TEST_MODULE http_redirects
#include <boost/test/unit_test.hpp>

#include <string>

using namespace hawser;
using namespace hawser::test;
using http::detail::parse_url;
using http::detail::redirects;
using http::detail::resolve_url;

namespace {

bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != text.npos;
}

std::string resolved(const http::detail::url& base, std::string_view reference)
{
    try {
        return resolve_url(base, reference).to_string();
    } catch (const system_error&) {
        return "refused";
    }
}

} // namespace

// ---- URLs

BOOST_AUTO_TEST_CASE(a_url_is_read_into_what_a_request_needs)
{
    struct expected {
        const char* url;
        const char* whole;
        const char* host;
        const char* authority;
        const char* target;
    };
    for (const expected& e : {
             expected{"http://example.org", "http://example.org/", "example.org", "example.org", "/"},
             expected{"HTTP://Example.ORG/A/b?C=d", "http://example.org/A/b?C=d", "example.org", "example.org",
                      "/A/b?C=d"},
             expected{"https://example.org:443/", "https://example.org/", "example.org", "example.org", "/"},
             expected{"https://example.org:80/", "https://example.org:80/", "example.org", "example.org:80", "/"},
             expected{"http://example.org:/x", "http://example.org/x", "example.org", "example.org", "/x"},
             expected{"http://h?q", "http://h/?q", "h", "h", "/?q"},
             expected{"http://h/a#fragment", "http://h/a", "h", "h", "/a"},
             expected{"http://h#fragment", "http://h/", "h", "h", "/"},
             expected{"http://[2001:DB8::1]:8080/%20", "http://[2001:db8::1]:8080/%20", "2001:db8::1",
                      "[2001:db8::1]:8080", "/%20"},
             expected{"http://10.0.0.1.example.org/a", "http://10.0.0.1.example.org/a", "10.0.0.1.example.org",
                      "10.0.0.1.example.org", "/a"},
             expected{"http://127.0.0.1:65535/", "http://127.0.0.1:65535/", "127.0.0.1", "127.0.0.1:65535", "/"},
         })
        BOOST_TEST_CONTEXT(e.url)
        {
            const auto u = parse_url(e.url);
            BOOST_TEST(u.to_string() == e.whole);
            BOOST_TEST(u.host == e.host);
            BOOST_TEST(u.authority() == e.authority);
            BOOST_TEST(u.target == e.target);
        }
}

BOOST_AUTO_TEST_CASE(a_url_that_cannot_be_asked_for_is_refused_with_what_was_expected)
{
    struct expected {
        std::string_view url;
        const char* words;
    };
    for (const expected& e : {
             expected{"", "http:// or https://"},
             expected{"example.org/", "http:// or https://"},
             expected{"ftp://example.org/", "got \"ftp:\""},
             expected{"file:///etc/passwd", "got \"file:\""},
             expected{"http:/path", "expected a host after http://"},
             expected{"http://", "expected a host"},
             expected{"http:///path", "expected a host"},
             expected{"http://:80/", "expected a host"},
             expected{"http://user@h/", "no user name or password"},
             expected{"http://user:secret@h/", "no user name or password"},
             expected{"http://@h/", "no user name or password"},
             expected{"http://h:0/", "port from 1 to 65535, got \"0\""},
             expected{"http://h:65536/", "got \"65536\""},
             expected{"http://h:99999999999999999999/", "got \"99999999999999999999\""},
             expected{"http://h:80x/", "got \"80x\""},
             expected{"http://h:80:80/", "got \"80:80\""},
             expected{"http://[::1]x/", "a port behind the brackets, got \"x\""},
             expected{"http://[::1]:x/", "got \"x\""},
             expected{"http://[]/", "IPv6 address in brackets"},
             expected{"http://b\xc3\xbc"
                      "cher.example/",
                      "xn--"},
             expected{"http://h/\xc3\xbc", "percent-encoding of \"\\xc3\""},
             expected{"http://h/a b", "percent-encoding of \" \""},
             expected{"http://h/a\r\nHost: x", "percent-encoding of \"\\r\""},
             expected{std::string_view{"http://h/\0", 10}, "percent-encoding of \"\\x00\""},
             expected{"http://h/?a[]=1", "percent-encoding of \"[\""},
             expected{"http://h/%zz", "RFC 3986"},
             expected{"http://ex%41mple/", "letters, digits"},
             expected{"http://a,b/", "letters, digits"},
             expected{"http://[v1.x]/", "IPv6 address in brackets"},
             expected{"http://[::1%25eth0]/", "IPv6 address in brackets"},
             expected{"http://[::1/", "IPv6 address in brackets"},
         })
        BOOST_TEST_CONTEXT(e.url)
        {
            const std::string thrown = thrown_by([&] { parse_url(e.url); });
            BOOST_TEST(thrown.starts_with("invalid_url: "), thrown);
            BOOST_TEST(has(thrown, e.words), thrown);
            BOOST_TEST(!has(thrown, "secret"), thrown);
        }
}

BOOST_AUTO_TEST_CASE(a_url_has_at_most_8192_bytes)
{
    const std::string longest = "http://h/" + std::string(8192 - 9, 'x');
    BOOST_TEST(parse_url(longest).target.size() == 8192u - 8);
    BOOST_TEST(has(thrown_by([&] { parse_url(longest + 'x'); }), "at most 8192 bytes, got 8193"));
}

BOOST_AUTO_TEST_CASE(a_host_has_at_most_253_bytes)
{
    const std::string longest(253, 'x');
    BOOST_TEST(parse_url("http://" + longest + "/").host == longest);
    BOOST_TEST(has(thrown_by([&] { parse_url("http://x" + longest + "/"); }), "at most 253 bytes, got 254"));
}

// The examples of RFC 3986, section 5.4, with a base whose host and path are theirs.
BOOST_AUTO_TEST_CASE(a_reference_is_resolved_as_rfc_3986_says)
{
    const auto base = parse_url("http://a/b/c/d;p?q");
    struct expected {
        const char* reference;
        const char* whole;
    };
    for (const expected& e : {
             expected{"g", "http://a/b/c/g"},
             expected{"./g", "http://a/b/c/g"},
             expected{"g/", "http://a/b/c/g/"},
             expected{"/g", "http://a/g"},
             expected{"//g", "http://g/"},
             expected{"?y", "http://a/b/c/d;p?y"},
             expected{"g?y", "http://a/b/c/g?y"},
             expected{"#s", "http://a/b/c/d;p?q"},
             expected{"g#s", "http://a/b/c/g"},
             expected{"g?y#s", "http://a/b/c/g?y"},
             expected{";x", "http://a/b/c/;x"},
             expected{"", "http://a/b/c/d;p?q"},
             expected{".", "http://a/b/c/"},
             expected{"..", "http://a/b/"},
             expected{"../g", "http://a/b/g"},
             expected{"../..", "http://a/"},
             expected{"../../g", "http://a/g"},
             expected{"../../../g", "http://a/g"},
             expected{"../../../../g", "http://a/g"},
             expected{"../../../..", "http://a/"},
             expected{"/./g", "http://a/g"},
             expected{"/../g", "http://a/g"},
             expected{"g.", "http://a/b/c/g."},
             expected{"..g", "http://a/b/c/..g"},
             expected{"/..g", "http://a/..g"},
             expected{"./../g", "http://a/b/g"},
             expected{"g/../h", "http://a/b/c/h"},
             expected{"g;x=1/../y", "http://a/b/c/y"},
             expected{"https://H.example:8443/x", "https://h.example:8443/x"},
             expected{"//10.0.0.1.example.org/x", "http://10.0.0.1.example.org/x"},
             expected{"http:///b//c", "refused"},
             expected{"http:g", "refused"},
             expected{"a:b", "refused"},
         })
        BOOST_TEST(resolved(base, e.reference) == e.whole, e.reference);
}

// ---- Redirections

BOOST_AUTO_TEST_CASE(five_statuses_redirect_and_only_with_a_location)
{
    for (const int code : {301, 302, 303, 307, 308}) {
        redirects way{parse_url("http://h/a"), 10};
        BOOST_TEST(!way.follow(http::status{static_cast<std::uint16_t>(code)}, std::nullopt));
        BOOST_TEST(way.follow(http::status{static_cast<std::uint16_t>(code)}, "b"));
        BOOST_TEST(way.current().to_string() == "http://h/b");
        BOOST_TEST(way.followed() == 1u);
    }
    for (const int code : {200, 201, 204, 300, 304, 305, 306, 400, 404, 500}) {
        redirects way{parse_url("http://h/a"), 10};
        BOOST_TEST(!way.follow(http::status{static_cast<std::uint16_t>(code)}, "b"), code);
        BOOST_TEST(way.current().to_string() == "http://h/a");
    }
}

BOOST_AUTO_TEST_CASE(as_many_redirections_are_followed_as_the_limit_says_and_not_one_more)
{
    redirects way{parse_url("http://h/0"), 3};
    BOOST_TEST(way.follow(http::status::found, "/1"));
    BOOST_TEST(way.follow(http::status::found, "/2"));
    BOOST_TEST(way.follow(http::status::found, "/3"));
    const std::string thrown = thrown_by([&] { way.follow(http::status::found, "/4"); });
    BOOST_TEST(thrown ==
               "too_many_redirects: too_many_redirects: expected at most 3, and the next is to \"http://h/4\"");
}

BOOST_AUTO_TEST_CASE(with_a_limit_of_zero_a_redirection_is_the_result)
{
    redirects way{parse_url("https://h/0"), 0};
    BOOST_TEST(!way.follow(http::status::found, "http://elsewhere/"));
}

BOOST_AUTO_TEST_CASE(a_loop_is_named_from_where_it_begins)
{
    redirects way{parse_url("http://h/start"), 10};
    way.follow(http::status::found, "/a");
    way.follow(http::status::found, "/b");
    BOOST_TEST(has(thrown_by([&] { way.follow(http::status::found, "/a#again"); }),
                   "redirect_loop: http://h/a -> http://h/b -> http://h/a"));
    redirects itself{parse_url("http://h"), 10};
    BOOST_TEST(has(thrown_by([&] { itself.follow(http::status::found, "http://H:80/"); }), "http://h/ -> http://h/"));
}

BOOST_AUTO_TEST_CASE(https_never_becomes_http_and_http_may_become_https)
{
    redirects way{parse_url("http://h/"), 10};
    BOOST_TEST(way.follow(http::status::found, "https://h/"));
    BOOST_TEST(has(thrown_by([&] { way.follow(http::status::found, "http://h/x"); }),
                   "redirect_refused: from https to \"http://h/x\""));
    BOOST_TEST(way.follow(http::status::found, "//other/"));
    BOOST_TEST(way.current().to_string() == "https://other/");
}

BOOST_AUTO_TEST_CASE(a_location_that_cannot_be_asked_for_is_refused)
{
    for (const std::string_view location : {"ftp://h/", "http://user:secret@h/", "javascript:alert(1)", "http://h:0/",
                                            "/\xc3\xbc", "http://", "/a b", "mailto:a@b"}) {
        redirects way{parse_url("http://h/"), 10};
        const std::string thrown = thrown_by([&] { way.follow(http::status::found, location); });
        BOOST_TEST(thrown.starts_with("redirect_refused: redirect_refused: Location: "), thrown);
        BOOST_TEST(!has(thrown, "secret"), thrown);
    }
}
