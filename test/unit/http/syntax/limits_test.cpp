// SPDX-License-Identifier: BSL-1.0

// The limits of a head, each at its edge and one past it; what a sender without an end costs; what is not allocated.
#include <hawser/http/parser.hpp>

#define BOOST_TEST_MODULE http_limits
#include <boost/test/unit_test.hpp>

#include "allocation_count.hpp"
#include "http_stream.hpp"

#include <stdexcept>
#include <string>

namespace {

using namespace hawser::http;
using hawser::bytes_view;
using hawser::test::allocations;
using hawser::test::http_reader;
using hawser::test::http_reading;

// The status of the refusal, 0 if it is accepted, -1 if it waits for more; the same in one piece and in many.
int outcome(const std::string& head, const head_limits& limits = {})
{
    const http_reading whole = http_reader{0, limits}.read(head, head.size(), 1);
    const std::size_t piece = head.size() < 2048 ? 1 : 61;
    BOOST_TEST(http_reader(0, limits).read(head, piece, piece) == whole);
    return whole.requests.size() == 1 ? 0 : whole.refused != 0 ? whole.refused : -1;
}

// A head of exactly this size.
std::string head_of(std::size_t size)
{
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
    return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
}

std::string head_with_target(std::size_t size)
{
    return "GET /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string head_with_fields(std::size_t count)
{
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < count; ++i)
        head += "A: 1\r\n";
    return head + "\r\n";
}

} // namespace

BOOST_AUTO_TEST_CASE(a_head_has_at_most_16_kib)
{
    BOOST_TEST(head_of(16384).size() == 16384U);
    BOOST_TEST(outcome(head_of(16384)) == 0);
    BOOST_TEST(outcome(head_of(16385)) == 431);
    BOOST_TEST(outcome(head_of(16386)) == 431);
    BOOST_TEST(outcome(head_of(100), {.head = 100, .target = 64}) == 0);
    BOOST_TEST(outcome(head_of(101), {.head = 100, .target = 64}) == 431);
    BOOST_TEST(outcome(head_of(65535), {.head = 65535}) == 0);
    BOOST_TEST(outcome(head_of(65536), {.head = 65535}) == 431);
}

BOOST_AUTO_TEST_CASE(a_head_has_at_most_100_fields)
{
    BOOST_TEST(outcome(head_with_fields(100)) == 0);
    BOOST_TEST(outcome(head_with_fields(101)) == 431);
    BOOST_TEST(outcome(head_with_fields(3), {.fields = 3}) == 0);
    BOOST_TEST(outcome(head_with_fields(4), {.fields = 3}) == 431);
    BOOST_TEST(outcome(head_with_fields(1000), {.fields = 1000}) == 0);
    BOOST_TEST(outcome(head_with_fields(1001), {.fields = 1000}) == 431);
}

BOOST_AUTO_TEST_CASE(a_target_has_at_most_8_kib)
{
    BOOST_TEST(outcome(head_with_target(8192)) == 0);
    BOOST_TEST(outcome(head_with_target(8193)) == 414);
    BOOST_TEST(outcome(head_with_target(16000)) == 414);
    BOOST_TEST(outcome(head_with_target(40), {.target = 40}) == 0);
    BOOST_TEST(outcome(head_with_target(41), {.target = 40}) == 414);
    BOOST_TEST(outcome(head_with_target(4096), {.head = 32768, .target = 4096}) == 0);
    BOOST_TEST(outcome(head_with_target(4097), {.head = 32768, .target = 4096}) == 414);
}

BOOST_AUTO_TEST_CASE(what_has_no_end_is_refused_at_the_limit_and_not_before)
{
    const std::string line = "GET / HTTP/1.1\r\nHost: a\r\n";
    BOOST_TEST(outcome(line + "A: " + std::string(16384 - line.size() - 4, 'x')) == -1);
    BOOST_TEST(outcome(line + "A: " + std::string(16384 - line.size() - 3, 'x')) == 431);
    BOOST_TEST(outcome(line + std::string(64 * 1024, 'x')) == 431);
    BOOST_TEST(outcome("GET /" + std::string(64 * 1024, 'x')) == 414);
    BOOST_TEST(outcome("GET " + std::string(8, 'x')) == -1);
    BOOST_TEST(outcome(std::string(64 * 1024, 'G')) == 501);
}

BOOST_AUTO_TEST_CASE(header_bombs_are_431_with_no_more_than_16_kib_looked_at)
{
    const std::string line = "GET / HTTP/1.1\r\nHost: a\r\n";
    std::string tiny = line;
    for (int i = 0; i < 100'000; ++i)
        tiny += "a:\r\n";
    for (const std::string& bomb :
         {line + "A: " + std::string(1024 * 1024, 'x'), tiny, line + std::string(65536, 'n')}) {
        request_parser parser;
        const bytes_view all = bomb;
        std::size_t seen = 0;
        progress state = progress::need_more;
        while (state == progress::need_more && seen < all.size())
            state = parser.parse(all.substr(0, ++seen));
        BOOST_TEST((state == progress::refused));
        BOOST_TEST((parser.refusal().status == status::request_header_fields_too_large));
        BOOST_TEST(seen <= 16384U);
    }
}

BOOST_AUTO_TEST_CASE(limits_that_cannot_be_kept_are_refused_by_name)
{
    const auto words = [](const head_limits& limits) -> std::string {
        try {
            request_parser parser{limits};
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return {};
    };
    BOOST_TEST(words({.head = 63, .target = 1}) == "head_limits::head: expected 64 to 65535, got 63");
    BOOST_TEST(words({.head = 64, .target = 64}).empty());
    BOOST_TEST(words({.head = 65535}).empty());
    BOOST_TEST(words({.head = 65536}) == "head_limits::head: expected 64 to 65535, got 65536");
    BOOST_TEST(words({.fields = 0}) == "head_limits::fields: expected 1 to 1000, got 0");
    BOOST_TEST(words({.fields = 1}).empty());
    BOOST_TEST(words({.fields = 1000}).empty());
    BOOST_TEST(words({.fields = 1001}) == "head_limits::fields: expected 1 to 1000, got 1001");
    BOOST_TEST(words({.target = 0}) == "head_limits::target: expected 1 to 16384, got 0");
    BOOST_TEST(words({.target = 16385}) == "head_limits::target: expected 1 to 16384, got 16385");
    BOOST_CHECK_THROW(response_parser({.fields = 0}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(requests_allocate_nothing_and_long_ones_once)
{
    request_parser parser;
    body_decoder body;
    const std::string usual = head_with_fields(20);
    const std::string chunked =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: 1\r\n\r\n";
    const auto count = [&](const std::string& stream) {
        const std::size_t before = allocations;
        for (int i = 0; i < 3; ++i) {
            parser.reset();
            const bool complete = parser.parse(stream) == progress::complete;
            body.start(parser.head(), 1024);
            bytes_view rest = bytes_view{stream}.substr(complete ? parser.head().size() : 0);
            body_step step;
            do {
                step = body.next(rest);
                rest.remove_prefix(step.consumed);
            } while (step.state == body_state::data);
            BOOST_TEST_REQUIRE((step.state == body_state::done));
        }
        return allocations - before;
    };
    (void)count(usual); // what Boost.Test has to allocate, it has allocated
    const std::size_t of_the_test = count(usual);
    BOOST_TEST(count(chunked) == of_the_test);
    BOOST_TEST(count(head_with_fields(21)) == of_the_test + 1);
    BOOST_TEST(count(head_with_fields(100)) == of_the_test);
}

// A byte at a time costs as much for each byte of a long head as of a short one: no byte is looked at anew. The bytes
// that were looked at before are changed, and nothing notices.
BOOST_AUTO_TEST_CASE(what_was_looked_at_is_not_looked_at_again)
{
    std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(10'000, 'x');
    request_parser parser;
    BOOST_TEST_REQUIRE((parser.parse(bytes) == progress::need_more));
    bytes[100] = '\0';
    bytes += "\r\n";
    BOOST_TEST((parser.parse(bytes) == progress::need_more));
    bytes[0] = '\n';
    bytes += "\x01";
    BOOST_TEST((parser.parse(bytes) == progress::refused));
    BOOST_TEST(parser.refusal().value == "\x01");
}
