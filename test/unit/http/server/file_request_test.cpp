// SPDX-License-Identifier: BSL-1.0

// What a static file's request says: which name its path is, which range of bytes it asks for, and of which type a name
// is.
#include "http/server/file_request.hpp"

#define BOOST_TEST_MODULE http_static
#include <boost/test/unit_test.hpp>

#include <limits>
#include <string>
#include <utility>
#include <variant>

using namespace hawser;
using http::status;
using http::detail::byte_range;

namespace {

std::string shown(const std::variant<std::string, status>& v)
{
    return v.index() == 0 ? std::get<0>(v) : std::to_string(static_cast<int>(std::get<1>(v)));
}

std::string shown(const std::variant<std::monostate, byte_range, status>& v)
{
    if (const auto* range = std::get_if<byte_range>(&v))
        return std::to_string(range->first) + '+' + std::to_string(range->size);
    return v.index() == 0 ? "all" : std::to_string(static_cast<int>(std::get<2>(v)));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_path_is_decoded_once_into_a_name)
{
    const std::pair<const char*, const char*> cases[] = {
        {"/", "./"},
        {"/a", "a"},
        {"/a/b", "a/b"},
        {"/a/", "a/"},
        {"/%61%2Etxt", "a.txt"},
        {"/a%20b", "a b"},
        {"/%c3%a9", "\xc3\xa9"},
        {"/a%", "400"},
        {"/a%2", "400"},
        {"/a%zz", "400"},
        {"/%2561", "%61"},
        {"/...", "404"},
        {"/..a", "404"},
        {"/.a", "404"},
        {"/%2ea", "404"},
        {"/a/.b", "404"},
        {"/a/.b/", "404"},
        {"/a/.b/c", "404"},
        {"/a.b/c.", "a.b/c."},
        {"//", "404"},
        {"//a", "404"},
        {"/a//b", "404"},
        {"/.", "404"},
        {"/..", "404"},
        {"/../a", "404"},
        {"/a/../b", "404"},
        {"/a/..", "404"},
        {"/a/./b", "404"},
        {"/%2e%2e/a", "404"},
        {"/%2E./a", "404"},
        {"/a%2fb", "400"},
        {"/a%5cb", "400"},
        {"/a\\b", "400"},
        {"/a%00", "400"},
        {"/a%0d%0a", "400"},
        {"/%7f", "400"},
        {"*", "400"},
        {"", "400"},
        {"/a/../", "404"},
        {"/a//", "404"},
    };
    for (const auto& [path, expected] : cases)
        BOOST_TEST_CONTEXT(path)
    BOOST_TEST(shown(http::detail::file_name(path)) == expected);
}

BOOST_AUTO_TEST_CASE(names_that_begin_with_a_dot_are_taken_where_they_are_named)
{
    const std::string named[] = {".well-known", "..."};
    const std::pair<const char*, const char*> cases[] = {
        {"/.well-known/a", ".well-known/a"},
        {"/%2ewell-known", ".well-known"},
        {"/a/.well-known/b", "a/.well-known/b"},
        {"/...", "..."},
        {"/.well-known/.b", "404"},
        {"/.well-know", "404"},
        {"/.well-known2", "404"},
        {"/.Well-known", "404"},
        {"/.", "404"},
        {"/..", "404"},
        {"/.../../a", "404"},
    };
    for (const auto& [path, name] : cases)
        BOOST_TEST(shown(http::detail::file_name(path, named)) == name, path);
}

BOOST_AUTO_TEST_CASE(one_range_is_taken_and_every_other_request_for_parts_refused)
{
    const std::pair<const char*, const char*> cases[] = {
        {"bytes=0-0", "0+1"},
        {"bytes=0-9", "0+10"},
        {"bytes=0-10", "0+10"},
        {"bytes=9-9", "9+1"},
        {"bytes=10-10", "416"},
        {"bytes=5-", "5+5"},
        {"bytes=10-", "416"},
        {"bytes=-1", "9+1"},
        {"bytes=-10", "0+10"},
        {"bytes=-11", "0+10"},
        {"bytes=-0", "416"},
        {"bytes=5-4", "416"},
        {"bytes=-", "416"},
        {"bytes=", "416"},
        {"bytes=a-b", "416"},
        {"bytes=0-1,3-4", "416"},
        {"bytes=0-,0-,0-", "416"},
        {"bytes=0 - 1", "416"},
        {"bytes=+0-1", "416"},
        {"bytes=--1", "416"},
        {"Bytes=0-0", "0+1"},
        {"lines=0-1", "all"},
        {"0-1", "all"},
        {"bytes=0-18446744073709551615", "0+10"},
        {"bytes=0-99999999999999999999999", "0+10"},
        {"bytes=-99999999999999999999999", "0+10"},
        {"bytes=99999999999999999999999-", "416"},
        {"bytes=18446744073709551615-18446744073709551615", "416"},
    };
    for (const auto& [text, expected] : cases)
        BOOST_TEST_CONTEXT(text)
    BOOST_TEST(shown(http::detail::read_range(text, 10)) == expected);
    for (const char* text : {"bytes=0-", "bytes=-1", "bytes=0-0"})
        BOOST_TEST(shown(http::detail::read_range(text, 0)) == "416");
    constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
    BOOST_TEST(shown(http::detail::read_range("bytes=0-", largest)) == "0+18446744073709551615");
}

BOOST_AUTO_TEST_CASE(the_type_follows_from_the_last_suffix)
{
    BOOST_TEST(http::detail::media_type("a.html") == "text/html; charset=utf-8");
    BOOST_TEST(http::detail::media_type("a.HTML") == "text/html; charset=utf-8");
    BOOST_TEST(http::detail::media_type("a.tar.gz") == "application/gzip");
    BOOST_TEST(http::detail::media_type("a.html/b") == "application/octet-stream");
    BOOST_TEST(http::detail::media_type("html") == "application/octet-stream");
    BOOST_TEST(http::detail::media_type("a.") == "application/octet-stream");
}
