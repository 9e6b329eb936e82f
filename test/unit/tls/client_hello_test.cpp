// SPDX-License-Identifier: BSL-1.0

// The look at a ClientHello: what is whole, what is none, and what is too large, at each limit and one past it.
#include "tls/client_hello.hpp"

#define BOOST_TEST_MODULE client_hello
#include <boost/test/unit_test.hpp>

#include <ostream>
#include <string>

using hawser::bytes_view;
using hawser::detail::client_hello;
using state = client_hello::state;

namespace {

std::string record(bytes_view content, char type = '\x16', char version = '\x03')
{
    return std::string{type, version, '\x01', static_cast<char>(content.size() >> 8), static_cast<char>(content.size())}
        .append(content);
}

std::string announcing(std::size_t size)
{
    return {'\x01', static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
}

std::string hello(std::size_t size)
{
    return announcing(size) + std::string(size, 'h');
}

std::string in_records(bytes_view message, std::size_t size)
{
    std::string all;
    for (; !message.empty(); message.remove_prefix(std::min(size, message.size())))
        all += record(message.substr(0, size));
    return all;
}

std::string times(std::size_t n, const std::string& what)
{
    std::string all;
    for (; n > 0; --n)
        all += what;
    return all;
}

const std::string server_hello = std::string("\x02\x00\x00\x56\x03\x03", 6) + "random";
const std::string retry_request = std::string("\x02\x00\x00\x56\x03\x03", 6) + "\xcf\x21\xad\x74";

const char* name(state s)
{
    switch (s) {
    case state::begun: return "begun";
    case state::whole: return "whole";
    case state::malformed: return "malformed";
    case state::too_large: return "too large";
    }
    return "";
}

std::string judged(bytes_view stream, std::size_t piece)
{
    client_hello h;
    for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size())))
        h.pass(stream.substr(0, piece));
    return name(h.stands());
}

std::string kept_of(bytes_view stream, std::size_t piece)
{
    client_hello h;
    std::string kept;
    for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size())))
        h.pass(stream.substr(0, piece), &kept);
    return kept;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_hello_is_judged_the_same_in_whatever_pieces_it_comes)
{
    constexpr std::size_t limit = 16384;
    struct {
        const char* what;
        std::string stream;
        const char* verdict;
    } const table[] = {
        {"nothing", "", "begun"},
        {"a record's head", record(hello(100)).substr(0, 5), "begun"},
        {"all but the last byte", record(hello(100)).substr(0, 108), "begun"},
        {"all", record(hello(100)), "whole"},
        {"in records of one byte", in_records(hello(100), 1), "whole"},
        {"in records of one byte, but the last", in_records(hello(100), 1).substr(0, 103 * 6), "begun"},
        {"a record that is longer than the hello, but for its last byte", record(hello(100) + "x").substr(0, 109),
         "begun"},
        {"a hello without a body", record(announcing(0)), "whole"},
        {"the largest", in_records(hello(limit), limit), "whole"},
        {"the largest in records of one byte", in_records(hello(limit), 1), "whole"},
        {"one byte larger", record(announcing(limit + 1)), "too large"},
        {"one byte larger, but the last of its length", in_records(announcing(limit + 1), 1).substr(0, 18), "begun"},
        {"one byte larger, announced in records of one byte", in_records(announcing(limit + 1), 1), "too large"},
        {"the largest record", record(hello(limit - 4)), "whole"},
        {"the head of the largest record", record(hello(limit - 4)).substr(0, 5), "begun"},
        {"the head of a larger record", record(hello(limit - 3)).substr(0, 5), "malformed"},
        {"32 empty records before it", times(32, record("")) + record(hello(100)), "whole"},
        {"33 empty records before it", times(33, record("")) + record(hello(100)), "malformed"},
        {"33 empty records inside it",
         record(hello(100).substr(0, 9)) + times(20, record("")) + record(hello(100).substr(9, 9)) +
             times(13, record("")),
         "malformed"},
        {"empty records after it", record(hello(100)) + times(100, record("")), "whole"},
        {"another message", record("\x02"), "malformed"},
        {"another record", record("x", '\x15'), "malformed"},
        {"another record inside it", record(hello(100).substr(0, 50)) + record("x", '\x17'), "malformed"},
        {"another record after it", record(hello(100)) + record("x", '\x17'), "whole"},
        {"another version", record(hello(100), '\x16', '\x02'), "malformed"},
        {"another message that announces too much", record("\x02\x01\x01\x01"), "too large"},
        {"a second one behind it that announces too much", record(hello(100)) + record(announcing(limit + 1)),
         "too large"},
        {"a second one in the same record", record(hello(100) + announcing(limit + 1)), "too large"},
    };
    for (const auto& t : table)
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1} << 20})
            BOOST_TEST_CONTEXT(t.what << ", in pieces of " << piece)
    BOOST_TEST(judged(t.stream, piece) == t.verdict);
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_the_same_message_in_as_few_records_as_it_fits_in)
{
    constexpr std::size_t largest_record = 16384;
    const std::string largest = hello(16384);
    const std::string other = record("x", '\x17');
    struct {
        const char* what;
        std::string stream;
        std::string kept;
    } const table[] = {
        {"one record", record(hello(100)), record(hello(100))},
        {"records of one byte", in_records(hello(100), 1), record(hello(100))},
        {"records of 7 bytes, begun", in_records(hello(100), 7).substr(0, 40), record(hello(100).substr(0, 21))},
        {"a part of the second one's head", in_records(hello(100), 7).substr(0, 16), record(hello(100).substr(0, 7))},
        {"the largest in records of one byte", in_records(largest, 1), in_records(largest, largest_record)},
        {"as much as fits in one record", in_records(hello(largest_record - 4), 1), record(hello(largest_record - 4))},
        {"one byte more", in_records(hello(largest_record - 3), 1), in_records(hello(largest_record - 3), 16384)},
        {"empty records before it", times(32, record("")) + record(hello(100)), record(hello(100))},
        {"another record after it", in_records(hello(100), 1) + other, record(hello(100)) + other},
        {"another record inside it", in_records(hello(100).substr(0, 50), 1) + other + record(hello(100).substr(50)),
         record(hello(100).substr(0, 50)) + other + record(hello(100).substr(50))},
        {"another message", record("\x02") + record("x"), record("\x02") + record("x")},
        {"a record that is longer than the hello",
         in_records(hello(100).substr(0, 90), 1) + record(hello(100).substr(90) + "xy"), record(hello(100) + "xy")},
    };
    for (const auto& t : table)
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{1} << 20})
            BOOST_TEST_CONTEXT(t.what << ", in pieces of " << piece) BOOST_TEST((kept_of(t.stream, piece) == t.kept));
}

BOOST_AUTO_TEST_CASE(no_more_is_kept_than_has_come_and_a_head)
{
    for (const std::size_t size : {1U, 2U, 5U, 100U})
        for (const std::size_t piece : {1U, 3U, 6U, 64U}) {
            client_hello h;
            std::string kept;
            const std::string stream = in_records(hello(300), size) + record("x", '\x17');
            for (bytes_view rest{stream}; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
                const std::size_t before = kept.size();
                h.pass(rest.substr(0, piece), &kept);
                BOOST_TEST_REQUIRE(kept.size() <= before + std::min(piece, rest.size()) + client_hello::head_size);
            }
            BOOST_TEST(kept.size() <= stream.size());
        }
}

BOOST_AUTO_TEST_CASE(after_a_request_for_another_hello_the_second_one_is_bounded_too)
{
    client_hello h;
    BOOST_TEST(name(h.pass(record(hello(100)))) == "whole");
    h.answered(retry_request);
    BOOST_TEST(name(h.pass(record("\x01", '\x14'))) == "whole"); // as clients send it in between
    BOOST_TEST(name(h.pass(record(hello(16384).substr(0, 5)))) == "whole");
    client_hello other;
    other.pass(record(hello(100)));
    other.answered(retry_request);
    BOOST_TEST(name(other.pass(record(announcing(16385)))) == "too large");
    BOOST_TEST(other.size() == 16385u);
}

BOOST_AUTO_TEST_CASE(a_second_hello_that_is_sent_before_it_was_asked_for_is_bounded_too)
{
    client_hello h;
    BOOST_TEST(name(h.pass(record(hello(100)) + record(announcing(16385)).substr(0, 8))) == "whole");
    h.answered(retry_request);
    BOOST_TEST(name(h.pass(record(announcing(16385)).substr(8))) == "too large");
}

BOOST_AUTO_TEST_CASE(nothing_is_looked_at_once_the_peer_may_encrypt)
{
    client_hello h;
    h.pass(record(hello(100)));
    h.answered(server_hello);
    BOOST_TEST(name(h.pass(record(announcing(0xffffff)))) == "whole");
    h.answered(retry_request);
    BOOST_TEST(name(h.pass(record(announcing(0xffffff)))) == "whole");
}
