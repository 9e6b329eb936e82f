// SPDX-License-Identifier: BSL-1.0

// The errors of each part: an enum and a category of its own, and symbols that one function gives for all of them.
#include <hawser/error.hpp>

#include <hawser/datagram.hpp>
#include <hawser/http/error.hpp>
#include <hawser/message/error.hpp>
#include <hawser/names.hpp>

#define BOOST_TEST_MODULE errors
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

namespace {

using hawser::error_code;

struct part {
    std::string name;
    error_code first; // the enumerator with the value 1
    error_code last;  // and that with the highest
    std::string symbol_of_last;
};

std::vector<part> parts()
{
    return {
        {"hawser", hawser::errc::connect_timeout, hawser::errc::lookup_timeout, "lookup_timeout"},
        {"hawser.http", hawser::http::errc::request_refused, hawser::http::errc::unsuccessful, "unsuccessful"},
        {"hawser.message", hawser::messages::errc::invalid_message_header, hawser::messages::errc::message_too_large,
         "message_too_large"},
        {"hawser.datagram", hawser::datagram_errc::receive_timeout, hawser::datagram_errc::answer_too_large,
         "answer_too_large"},
        {"hawser.names", hawser::name_errc::invalid_name, hawser::name_errc::invalid_name, "invalid_name"},
        {"host", hawser::host_errc::host_not_found, hawser::host_errc::no_data, "NO_DATA"},
    };
}

} // namespace

BOOST_AUTO_TEST_CASE(each_error_of_each_part_has_a_symbol_and_words_of_its_own)
{
    std::set<std::string> symbols, words;
    for (const part& p : parts()) {
        BOOST_TEST(p.first.category().name() == p.name);
        BOOST_TEST(p.first.value() == 1);
        BOOST_TEST((p.first.category() == p.last.category()));
        BOOST_TEST(hawser::symbol(p.last) == p.symbol_of_last);
        for (int value = 1; value <= p.last.value(); ++value) {
            const error_code e{value, p.first.category()};
            BOOST_TEST(symbols.insert(hawser::symbol(e)).second, hawser::symbol(e));
            BOOST_TEST(words.insert(e.message()).second, e.message());
        }
        const error_code beyond{p.last.value() + 1, p.first.category()};
        BOOST_TEST(hawser::symbol(beyond) == "unknown");
        BOOST_TEST(beyond.message() == "unknown error");
    }
    BOOST_TEST(symbols.count("unknown") == 0U);
}

BOOST_AUTO_TEST_CASE(errors_of_one_value_in_two_parts_are_not_equal)
{
    const std::vector<part> all = parts();
    for (const part& one : all)
        for (const part& other : all)
            BOOST_TEST((one.first == other.first) == (one.name == other.name), one.name << " and " << other.name);
}

BOOST_AUTO_TEST_CASE(an_error_is_compared_with_an_enumerator)
{
    const error_code e = hawser::http::errc::invalid_url;
    BOOST_TEST((e == hawser::http::errc::invalid_url));
    BOOST_TEST((e != hawser::http::errc::invalid_response));
    BOOST_TEST((e != hawser::errc::handshake_timeout)); // the value is the same
    BOOST_TEST((hawser::system_error{hawser::messages::errc::message_too_large}.code() ==
                hawser::messages::errc::message_too_large));
}

BOOST_AUTO_TEST_CASE(a_category_of_somebody_else_has_no_symbols)
{
    struct others final : boost::system::error_category {
        const char* name() const noexcept override { return "hawser.http"; }
        std::string message(int) const override { return "words"; }
    };
    const others category;
    BOOST_TEST(hawser::symbol(error_code{1, category}) == "hawser.http:1");
}
