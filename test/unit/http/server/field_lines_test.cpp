// SPDX-License-Identifier: BSL-1.0

// The fields of one response after another, most of them found again, against those of an object that has seen none.
#include <hawser/http/writer.hpp>

#include "http/server/field_lines.hpp"

#define BOOST_TEST_MODULE http_field_lines
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using hawser::http::field_error;
using hawser::http::detail::field_lines;

BOOST_AUTO_TEST_CASE(fields_that_are_found_again_are_the_same)
{
    field_lines lines;
    lines.set("A", "1");
    lines.add("B", "22");
    const std::string first{lines.text()};
    const auto version = lines.version();
    lines.clear();
    BOOST_TEST(lines.text() == "");
    lines.set("A", "1");
    lines.add("B", "22");
    BOOST_TEST(lines.text() == first);
    BOOST_TEST(lines.version() == version);
}

BOOST_AUTO_TEST_CASE(a_name_that_spans_two_lines_of_the_last_response_is_no_name)
{
    field_lines lines;
    lines.add("A", "b");
    lines.add("C", "d");
    lines.clear();
    BOOST_CHECK_THROW(lines.add("A: b\r\nC", "d"), field_error);
    BOOST_CHECK_THROW(lines.add("A", "b\r\nC: d"), field_error);
    BOOST_TEST(lines.text() == "");
}

BOOST_AUTO_TEST_CASE(whatever_was_there_before_a_response_has_its_own_fields)
{
    std::mt19937 random{11};
    const std::string names[] = {"A", "a", "Set-Cookie", "S", "Content-Type", "Date", "X\r\nY", "Content-Length",
                                 "B", "c", "D"};
    const std::string values[] = {"", "1", "-", "Co", "text/plain", "x\r\ny", "t-Cookie: x", "2"};
    field_lines used;
    std::size_t refused = 0;
    for (int response = 0; response < 20'000; ++response) {
        field_lines fresh;
        used.clear();
        const auto seed = random() % 40; // few scripts, so that they repeat
        std::mt19937 script{static_cast<unsigned>(seed)};
        for (auto fields = script() % 14; fields > 0; --fields) {
            const std::string& name = names[script() % std::size(names)];
            const std::string& value = values[script() % std::size(values)];
            const bool sets = script() % 2 == 0;
            const auto put = [&](field_lines& into) {
                try {
                    sets ? into.set(name, value) : into.add(name, value);
                    return true;
                } catch (const field_error&) {
                    return false;
                }
            };
            const bool taken = put(fresh);
            BOOST_REQUIRE(put(used) == taken);
            refused += !taken;
        }
        BOOST_REQUIRE(used.text() == fresh.text());
    }
    BOOST_TEST(refused > 0u);
}
