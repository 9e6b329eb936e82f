// SPDX-License-Identifier: BSL-1.0

// Endpoint strings: what is read, what is refused, and in which words.
#include <hawser/endpoint.hpp>

#define BOOST_TEST_MODULE endpoint
#include <boost/test/unit_test.hpp>

#include <string>

using namespace hawser;

BOOST_AUTO_TEST_CASE(good_endpoints_are_read_and_written_canonically)
{
    struct {
        const char* text;
        endpoint::scheme_type scheme;
        const char* host;
        unsigned port;
        const char* canonical;
        const char* shown;
    } const table[] = {
        {"tcp://127.0.0.1:7000", endpoint::scheme_type::tcp, "127.0.0.1", 7000, "tcp://127.0.0.1:7000",
         "127.0.0.1:7000"},
        {"127.0.0.1:7000", endpoint::scheme_type::tcp, "127.0.0.1", 7000, "tcp://127.0.0.1:7000", "127.0.0.1:7000"},
        {"tls://example.org:7443", endpoint::scheme_type::tls, "example.org", 7443, "tls://example.org:7443",
         "tls://example.org:7443"},
        {"udp://127.0.0.1:17", endpoint::scheme_type::udp, "127.0.0.1", 17, "udp://127.0.0.1:17", "udp://127.0.0.1:17"},
        {"udp://[::1]:17", endpoint::scheme_type::udp, "::1", 17, "udp://[::1]:17", "udp://[::1]:17"},
        {"udp://:0", endpoint::scheme_type::udp, "", 0, "udp://:0", "udp://:0"},
        {"tcp://[::1]:0", endpoint::scheme_type::tcp, "::1", 0, "tcp://[::1]:0", "[::1]:0"},
        {"[fe80::1%eth0]:65535", endpoint::scheme_type::tcp, "fe80::1%eth0", 65535, "tcp://[fe80::1%eth0]:65535",
         "[fe80::1%eth0]:65535"},
        {"tcp://:7000", endpoint::scheme_type::tcp, "", 7000, "tcp://:7000", ":7000"},
        {"localhost:80", endpoint::scheme_type::tcp, "localhost", 80, "tcp://localhost:80", "localhost:80"},
        {"host:00080", endpoint::scheme_type::tcp, "host", 80, "tcp://host:80", "host:80"},
        {"unix:/run/echo.sock", endpoint::scheme_type::unix_socket, "/run/echo.sock", 0, "unix:/run/echo.sock",
         "unix:/run/echo.sock"},
        {"unix:a:b//c d", endpoint::scheme_type::unix_socket, "a:b//c d", 0, "unix:a:b//c d", "unix:a:b//c d"},
        {"fd:3", endpoint::scheme_type::descriptor, "", 0, "fd:3", "fd:3"},
        {"fd:007", endpoint::scheme_type::descriptor, "", 0, "fd:7", "fd:7"},
        {"systemd:echo.socket", endpoint::scheme_type::systemd, "echo.socket", 0, "systemd:echo.socket",
         "systemd:echo.socket"},
        {"systemd:a b//c", endpoint::scheme_type::systemd, "a b//c", 0, "systemd:a b//c", "systemd:a b//c"},
        {"tcp://fd:3", endpoint::scheme_type::tcp, "fd", 3, "tcp://fd:3", "fd:3"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.text)
        {
            const endpoint e{t.text};
            BOOST_TEST((e.scheme() == t.scheme));
            BOOST_TEST(e.host() == t.host);
            BOOST_TEST(e.port() == t.port);
            BOOST_TEST(e.to_string() == t.canonical);
            BOOST_TEST(e.short_string() == t.shown);
            BOOST_TEST((endpoint{e.to_string()} == e));
        }
    }
}

BOOST_AUTO_TEST_CASE(bad_endpoints_are_refused_with_the_part_that_is_wrong)
{
    using namespace std::string_literals;
    struct {
        const char* name;
        std::string text;
        std::string words;
    } const table[] = {
        {"nothing", "", R"("": expected HOST:PORT or unix:PATH)"},
        {"no port", "localhost", R"("localhost": expected HOST:PORT or unix:PATH)"},
        {"empty port", "tcp://h:", R"("tcp://h:": expected a port from 0 to 65535, got "")"},
        {"port too large", "tcp://h:70000", R"("tcp://h:70000": expected a port from 0 to 65535, got 70000)"},
        {"one too large", "h:65536", R"("h:65536": expected a port from 0 to 65535, got 65536)"},
        {"port far too large", "h:99999999999", R"("h:99999999999": expected a port from 0 to 65535, got 99999999999)"},
        {"signed port", "h:-1", R"("h:-1": expected a port from 0 to 65535, got "-1")"},
        {"plus", "h:+1", R"("h:+1": expected a port from 0 to 65535, got "+1")"},
        {"letters", "h:80x", R"("h:80x": expected a port from 0 to 65535, got "80x")"},
        {"unknown scheme", "http://h:80",
         R"("http://h:80": expected the scheme tcp://, tls://, udp:// or unix:, got "http")"},
        {"no brackets", "::1:80", R"("::1:80": expected brackets around an IPv6 address: [::1]:PORT)"},
        {"no IPv6 in brackets", "[127.0.0.1]:80",
         R"("[127.0.0.1]:80": expected an IPv6 address in the brackets, got "127.0.0.1")"},
        {"open bracket", "[::1:80", R"("[::1:80": expected [IPV6]:PORT)"},
        {"brackets without port", "[::1]", R"("[::1]": expected [IPV6]:PORT)"},
        {"something after the brackets", "[::1]80", R"("[::1]80": expected [IPV6]:PORT)"},
        {"path in host", "tcp://h/x:80", R"("tcp://h/x:80": expected a host name or address, got "h/x")"},
        {"user in host", "u@h:80", R"("u@h:80": expected a host name or address, got "u@h")"},
        {"space in host", "h h:80", R"("h h:80": expected a host name or address, got "h h")"},
        {"empty path", "unix:", R"("unix:": expected a path after unix:)"},
        {"no descriptor", "fd:", R"("fd:": expected the number of a descriptor after fd:, got "")"},
        {"negative descriptor", "fd:-1", R"("fd:-1": expected the number of a descriptor after fd:, got "-1")"},
        {"descriptor too large", "fd:2147483648",
         R"("fd:2147483648": expected the number of a descriptor after fd:, got "2147483648")"},
        {"descriptor and more", "fd:3x", R"("fd:3x": expected the number of a descriptor after fd:, got "3x")"},
        {"no name", "systemd:",
         R"("systemd:": expected a name of 1 to 255 printable ASCII characters without a colon after systemd:)"},
        {"colon in a name", "systemd:a:b",
         R"("systemd:a:b": expected a name of 1 to 255 printable ASCII characters without a colon after systemd:)"},
        {"control character in a name", "systemd:a\tb",
         "\"systemd:a\\tb\": expected a name of 1 to 255 printable ASCII characters without a colon after systemd:"},
        {"NUL", "h\0:80"s, R"("h": expected no NUL byte)"},
        {"NUL in path", "unix:/a\0b"s, R"("unix:/a": expected no NUL byte)"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            try {
                const endpoint e{t.text};
                BOOST_ERROR("taken as " + e.to_string());
            } catch (const endpoint_error& e) {
                BOOST_TEST(e.what() == t.words);
                BOOST_TEST((e.code() == errc::invalid_endpoint));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_inherited_says_so)
{
    BOOST_TEST(endpoint{"fd:2147483647"}.descriptor() == 2147483647);
    BOOST_TEST(endpoint{"fd:0"}.descriptor() == 0);
    BOOST_TEST(endpoint{"h:1"}.descriptor() == -1);
    BOOST_TEST(endpoint{"systemd:web"}.name() == "web");
    BOOST_TEST(endpoint{"fd:0"}.is_inherited());
    BOOST_TEST(endpoint{"systemd:web"}.is_inherited());
    BOOST_TEST(!endpoint{"unix:/a"}.is_inherited());
    BOOST_TEST((endpoint{"fd:3"} != endpoint{"fd:4"}));
}

BOOST_AUTO_TEST_CASE(a_host_has_at_most_253_bytes_a_path_at_most_107_and_a_name_255)
{
    BOOST_TEST(endpoint{"systemd:" + std::string(255, 'n')}.name().size() == 255u);
    BOOST_CHECK_THROW((endpoint{"systemd:" + std::string(256, 'n')}), endpoint_error);
    BOOST_TEST(endpoint{std::string(253, 'h') + ":1"}.host().size() == 253u);
    BOOST_CHECK_THROW((endpoint{std::string(254, 'h') + ":1"}), endpoint_error);
    BOOST_TEST((endpoint{"unix:" + std::string(107, 'p')}.path().size() == 107u));
    BOOST_CHECK_THROW((endpoint{"unix:" + std::string(108, 'p')}), endpoint_error);
}
