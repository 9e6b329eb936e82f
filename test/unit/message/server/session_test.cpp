// SPDX-License-Identifier: BSL-1.0

// Messages over a connection: in order, however they arrive, until the peer closes, the server drains, a deadline
// passes or a message cannot be answered.
#include <hawser/message/session.hpp>

#include "scenario.hpp"

#include <hawser/message/binary.hpp>

#define BOOST_TEST_MODULE message_session
#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::messages;
using namespace hawser::test;
using namespace std::string_literals;

namespace {

std::string written(const std::string& content, const std::string& type = "text/json",
                    const std::string& encoding = "utf-8")
{
    return encode({.type = type, .encoding = encoding, .content = content});
}

std::string with_length(const std::string& json)
{
    return std::string{static_cast<char>(json.size() >> 8U), static_cast<char>(json.size() & 0xffU)} + json;
}

// A header that announces so much.
std::string announcing(const std::string& length)
{
    return with_length(R"({"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8", )"
                       R"("content-length": )" +
                       length + "}");
}

std::string error_reply(const std::string& words)
{
    return written(json_object({{"result", "Error: " + words + "."}}));
}

// Answers each message with its text, in brackets.
awaitable<void> echo(connection& peer, const message& request)
{
    const std::string text = '[' + request.text() + ']';
    const message reply{.content = text};
    co_await write_message(peer, reply);
}

const std::vector<std::string> unreadable{
    "\0\0"s,
    "\x40\x01"s,
    "GET / HTTP/1.1\r\n\r\n",
    with_length("[]"),
    with_length("{"),
    with_length("{\"a\": \"\xff\"}"),
    with_length("{\"a\": " + std::string(200, '[')),
};

} // namespace

BOOST_AUTO_TEST_CASE(messages_are_answered_in_order_in_one_piece_or_in_many)
{
    const std::string all = written("one") + written("") + written("three");
    const std::string answers = written("[one]") + written("[]") + written("[three]");
    {
        server_scenario run;
        peer p = run.open(serve(echo));
        p.send(all);
        BOOST_TEST(p.received() == answers);
        p.end();
        BOOST_TEST(run.last_end() == "completed");
        BOOST_TEST(p.has_ended());
        BOOST_TEST(!p.was_reset());
    }
    {
        server_scenario run;
        peer p = run.open(serve(echo));
        p.chunks(1);
        p.send(all);
        BOOST_TEST(p.received() == answers);
    }
    {
        server_scenario run;
        peer p = run.open(serve(echo), bytes_view{all});
        BOOST_TEST(p.received() == answers);
    }
}

BOOST_AUTO_TEST_CASE(a_message_of_the_limit_is_answered)
{
    server_scenario run;
    peer p = run.open(serve([](connection& c, const message& request) -> awaitable<void> {
        const std::string size = std::to_string(request.content.size());
        const message reply{.content = size};
        co_await write_message(c, reply);
    }));
    const std::string most(1024 * 1024, 'x');
    p.send(written(most));
    BOOST_TEST(p.received() == written("1048576"));
}

BOOST_AUTO_TEST_CASE(ten_thousand_messages_at_once_are_answered_and_counted)
{
    server_scenario run;
    transfer_statistics counts;
    peer p = run.open(serve([&](connection& c, const message& request) -> awaitable<void> {
        co_await write_message(c, request);
        counts = c.statistics();
    }));
    std::string all;
    for (int i = 0; i < 10'000; ++i)
        all += written(std::to_string(i), "n", "binary");
    p.send_later(all);
    std::string got;
    for (std::string more = "x"; !more.empty(); got += more) {
        run.poll();
        more = p.received();
    }
    BOOST_TEST((got == all));
    BOOST_TEST(counts.frames_in == 10'000u);
    BOOST_TEST(counts.frames_out == 10'000u);
}

BOOST_AUTO_TEST_CASE(two_writers_do_not_interleave)
{
    scenario run;
    auto [c, p] = run.connect({.high_water = 1000, .low_water = 100});
    const std::string a(5000, 'a');
    const std::string b(5000, 'b');
    const message first{.content = a};
    const message second{.content = b};
    p.capacity(300);
    const auto one = run.start(write_message(c, first));
    const auto two = run.start(write_message(c, second));
    std::string got;
    for (std::string more = p.received(); !more.empty(); more = p.received())
        got += more;
    BOOST_TEST(one.outcome() == "done");
    BOOST_TEST(two.outcome() == "done");
    BOOST_TEST((got == written(a) + written(b)));
}

BOOST_AUTO_TEST_CASE(once_ends_after_the_first_answer)
{
    server_scenario run;
    peer p = run.open(serve(echo, {.once = true}));
    p.send(written("one") + written("two") + "rest");
    BOOST_TEST(p.received() == written("[one]"));
    BOOST_TEST(p.has_ended());
    BOOST_TEST(!p.was_reset());
    p.end();
    BOOST_TEST(run.last_end() == "completed");
}

// ---- What cannot be answered as it wants

BOOST_AUTO_TEST_CASE(a_readable_header_that_is_wrong_is_told_so_and_the_connection_ended)
{
    const struct {
        std::string sent;
        std::string words;
        const char* symbol;
    } cases[] = {
        {announcing("-2"), "content-length: expected 0 to 1048576, got -2", "invalid_message_field"},
        {announcing("1048577") + "xx", "content-length: expected 0 to 1048576, got 1048577", "message_too_large"},
        {announcing("41.5"), "content-length: expected 0 to 1048576, got 41.5", "invalid_message_field"},
        {announcing("\"x\""), "content-length: expected 0 to 1048576, got \"x\"", "invalid_message_field"},
        {announcing("0, \"content-length\": 0"), "content-length: expected it once, got 2 of it",
         "invalid_message_field"},
        {with_length("{}"), "byteorder: expected \"little\" or \"big\", got nothing", "invalid_message_field"},
        {written("\xff"), "content: expected utf-8, got 0xff at byte 0", "invalid_message_content"},
        {written("x", "text/json", "koi8-r"),
         "content-encoding: expected utf-8, ascii, latin-1, utf-16, utf-16-le or utf-16-be, got \"koi8-r\"",
         "invalid_message_field"},
    };
    for (const auto& c : cases) {
        server_scenario run;
        peer p = run.open(serve(echo));
        p.send(written("first") + c.sent + written("never looked at"));
        BOOST_TEST(p.received() == written("[first]") + error_reply(c.words));
        BOOST_TEST(p.has_ended());
        p.send("still talking");
        BOOST_TEST(!p.was_reset());
        BOOST_TEST(run.last_end() == "");
        p.end();
        BOOST_TEST(run.last_end() == "failed: "s + c.symbol);
        BOOST_REQUIRE(run.seen().ends.size() == 1u);
        BOOST_TEST(run.seen().ends[0].what == c.words);
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_goes_on_after_its_error_reply_is_left_after_2_s_of_silence)
{
    server_scenario run;
    peer p = run.open(serve(echo));
    p.send(announcing("-2"));
    run.steps(1900ms, 100ms);
    BOOST_TEST(!p.is_gone());
    p.send("more");
    run.steps(1900ms, 100ms);
    BOOST_TEST(!p.is_gone());
    run.steps(200ms, 100ms);
    BOOST_TEST(p.is_gone());
    BOOST_TEST(run.last_end() == "failed: invalid_message_field");
}

BOOST_AUTO_TEST_CASE(a_header_that_cannot_be_read_ends_the_connection_without_a_word)
{
    for (const std::string& bytes : unreadable) {
        server_scenario run;
        peer p = run.open(serve(echo));
        p.send(bytes);
        BOOST_TEST(p.received() == "");
        BOOST_TEST(p.has_ended());
        BOOST_TEST(!p.was_reset());
        p.end();
        BOOST_TEST(run.last_end() == "failed: invalid_message_header");
    }
}

BOOST_AUTO_TEST_CASE(a_stream_that_ends_inside_a_message_is_told_to_the_observer)
{
    const std::string whole = written("content");
    for (std::size_t size = 1; size < whole.size(); ++size) {
        server_scenario run;
        peer p = run.open(serve(echo));
        p.send(whole.substr(0, size));
        p.end();
        BOOST_TEST(p.received() == "");
        BOOST_TEST(run.last_end() ==
                   (size < whole.size() - 7 ? "failed: truncated_head" : "failed: truncated_payload"));
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_does_not_read_its_error_reply_is_cut)
{
    server_scenario run;
    peer p = run.open(serve(echo));
    p.capacity(10);
    p.send(announcing("-2"));
    BOOST_TEST(p.waiting() == 10u);
    run.steps(40s, 500ms);
    BOOST_TEST(p.is_gone());
    BOOST_TEST(run.last_end() == "failed: invalid_message_field");
}

BOOST_AUTO_TEST_CASE(what_was_refused_ends_the_session_also_when_nobody_is_left_to_be_told)
{
    server_scenario run;
    peer p = run.open(serve([](connection& c, const message& request) -> awaitable<void> {
        c.reset();
        binary_reader{request}.read<std::uint64_t>();
        co_return;
    }));
    p.send(written("x", "n", "binary"));
    BOOST_TEST(run.last_end() == "failed: invalid_message_content");
}

BOOST_AUTO_TEST_CASE(a_handler_that_fails_otherwise_ends_the_connection)
{
    server_scenario run;
    peer p = run.open(serve([](connection&, const message&) -> awaitable<void> {
        throw std::runtime_error{"no table"};
        co_return;
    }));
    p.send(written("x"));
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.last_end() == "threw: no table");
}

BOOST_AUTO_TEST_CASE(numbers_that_are_missing_are_told_to_the_sender)
{
    server_scenario run;
    peer p = run.open(serve([](connection& c, const message& request) -> awaitable<void> {
        binary_reader in{request};
        const std::string sum = std::to_string(in.read<std::uint32_t>() + in.read<std::uint32_t>());
        const message reply{.content = sum};
        co_await write_message(c, reply);
    }));
    const std::string two = binary_writer{std::endian::big}.write(1U).write(41U).bytes();
    p.send(encode({.type = "n", .encoding = "binary", .order = std::endian::big, .content = two}));
    BOOST_TEST(p.received() == written("42"));
    p.send(written("12345", "n", "binary"));
    BOOST_TEST(p.received() == error_reply("content: expected 4 bytes more, got 1"));
}

// ---- Deadlines

BOOST_AUTO_TEST_CASE(an_idle_peer_is_closed_and_not_reset)
{
    server_scenario run;
    peer p = run.open(serve(echo));
    p.send(written("one"));
    run.steps(74s, 1s);
    BOOST_TEST(!p.has_ended());
    run.steps(3s, 500ms);
    BOOST_TEST(p.has_ended());
    BOOST_TEST(!p.was_reset());
    BOOST_TEST(run.last_end() == "failed: idle_timeout");
}

BOOST_AUTO_TEST_CASE(a_message_has_10_s_from_its_first_byte_however_its_bytes_come)
{
    const std::string whole = written("content");
    for (const std::size_t begun : {std::size_t{1}, std::size_t{2}, std::size_t{50}, whole.size() - 1}) {
        server_scenario run;
        peer p = run.open(serve(echo));
        run.advance(30s); // idle time does not count
        p.send(whole.substr(0, begun));
        for (std::size_t i = 0; i < 9; ++i) {
            run.steps(1s, 100ms);
            if (begun + i + 2 < whole.size())
                p.send(whole.substr(begun + i, 1));
        }
        BOOST_TEST(!p.has_ended());
        run.steps(1500ms, 100ms);
        BOOST_TEST(p.has_ended());
        p.end();
        BOOST_TEST(run.last_end() == "failed: frame_timeout");
    }
}

BOOST_AUTO_TEST_CASE(a_long_message_has_1_s_more_for_each_64_KiB)
{
    server_scenario run;
    peer p = run.open(serve(echo));
    p.send(announcing("1048576")); // 16 times 64 KiB
    run.steps(25500ms, 100ms);
    p.send("x");
    BOOST_TEST(!p.has_ended());
    run.steps(1500ms, 100ms);
    BOOST_TEST(p.has_ended());
    p.end();
    BOOST_TEST(run.last_end() == "failed: frame_timeout");
}

BOOST_AUTO_TEST_CASE(each_message_has_its_own_time)
{
    server_scenario run;
    peer p = run.open(serve(echo));
    const std::string whole = written("x");
    for (int i = 0; i < 3; ++i) {
        p.send(whole.substr(0, 9));
        run.steps(8s, 500ms);
        p.send(whole.substr(9));
        BOOST_TEST(p.received() == written("[x]"));
    }
}

BOOST_AUTO_TEST_CASE(without_a_deadline_a_message_is_waited_for)
{
    server_scenario run{{.timeouts = {.frame = never}}};
    peer p = run.open(serve(echo));
    const std::string whole = written("x");
    p.send(whole.substr(0, 9));
    run.steps(10min, 10s);
    p.send(whole.substr(9));
    BOOST_TEST(p.received() == written("[x]"));
}

// ---- Drain

BOOST_AUTO_TEST_CASE(a_drain_answers_what_has_come_and_what_has_begun)
{
    server_scenario run;
    peer idle = run.open(serve(echo));
    peer begun = run.open(serve(echo));
    peer full = run.open(serve(echo));
    const std::string whole = written("x");
    begun.send(whole.substr(0, 9));
    full.send_later(whole + whole);
    run.server().drain();
    run.poll();
    BOOST_TEST(idle.has_ended());
    BOOST_TEST(full.received() == written("[x]") + written("[x]"));
    BOOST_TEST(full.has_ended());
    BOOST_TEST(!begun.has_ended());
    run.steps(5s, 500ms);
    begun.send(whole.substr(9));
    BOOST_TEST(begun.received() == written("[x]"));
    BOOST_TEST(begun.has_ended());
}

// ---- Reading and writing one

BOOST_AUTO_TEST_CASE(a_message_is_read_as_its_fields_and_its_content)
{
    scenario run;
    auto [c, p] = run.connect();
    std::optional<message> got;
    std::string content;
    const auto read = run.start([](connection& from, std::optional<message>& to, std::string& kept) -> awaitable<void> {
        to = co_await read_message(from);
        if (to)
            kept = to->content;
    }(c, got, content));
    BOOST_TEST(!read.done());
    p.send(encode({.type = "t", .encoding = "e", .order = std::endian::big, .content = "c"}));
    read.rethrow();
    BOOST_REQUIRE(got.has_value());
    BOOST_TEST(got->type == "t");
    BOOST_TEST(got->encoding == "e");
    BOOST_TEST((got->order == std::endian::big));
    BOOST_TEST(content == "c");
}

BOOST_AUTO_TEST_CASE(a_cancelled_read_loses_no_byte)
{
    scenario run;
    auto [c, p] = run.connect();
    std::string got;
    const auto keep = [](connection& from, std::string& to) -> awaitable<void> {
        const auto m = co_await read_message(from);
        to = m ? std::string{m->content} : "(nothing)";
    };
    const std::string whole = written("content");
    auto first = run.start(keep(c, got));
    p.send(whole.substr(0, 110));
    first.cancel();
    BOOST_TEST(first.done());
    BOOST_TEST(got == "");
    const auto second = run.start(keep(c, got));
    p.send(whole.substr(110));
    second.rethrow();
    BOOST_TEST(got == "content");
}

BOOST_AUTO_TEST_CASE(a_read_between_two_messages_ends_with_nothing_and_so_does_each_that_follows)
{
    const struct {
        const char* name;
        void (*act)(scenario&, connection&, peer&);
    } table[] = {
        {"the peer's end", [](scenario&, connection&, peer& p) { p.end(); }},
        {"closed", [](scenario& run, connection& c, peer&) { run.start(c.close()); }},
    };
    for (const auto& t : table)
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto [c, p] = run.connect();
            p.send(written("one"));
            BOOST_TEST(run.start(read_message(c)).value()->type == "text/json");
            const auto read = run.start(read_message(c));
            BOOST_TEST(read.outcome() == "suspended");
            t.act(run, c, p);
            BOOST_TEST_REQUIRE(read.outcome() == "done");
            BOOST_TEST(!read.value().has_value());
            for (int i = 0; i < 2; ++i) {
                const auto again = run.start(read_message(c));
                BOOST_TEST_REQUIRE(again.outcome() == "done");
                BOOST_TEST(!again.value().has_value());
            }
        }
}

BOOST_AUTO_TEST_CASE(close_inside_a_message_ends_the_read_with_an_error)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(read_message(c));
    p.send("\0"s);
    run.start(c.close());
    BOOST_TEST(read.outcome() == "connection_closed");
}

BOOST_AUTO_TEST_CASE(a_message_is_read_up_to_the_limit_that_its_read_is_given)
{
    for (const std::size_t content : {5U, 4U})
        BOOST_TEST_CONTEXT("content " << content)
        {
            scenario run;
            auto [c, p] = run.connect();
            p.send(written("12345"));
            const auto read = run.start(read_message(c, messages::limits{.content = content}));
            BOOST_TEST(read.outcome() == (content == 5 ? "done" : "message_too_large"));
            BOOST_TEST(read.what() == (content == 5 ? "" : "content-length: expected 0 to 4, got 5"));
        }
}

BOOST_AUTO_TEST_CASE(a_message_over_the_limit_is_not_written)
{
    scenario run;
    auto [c, p] = run.connect();
    const message over{.content = "12345"};
    const auto write = run.start(write_message(c, over, messages::limits{.content = 4}));
    BOOST_TEST(write.outcome() == "message_too_large");
    BOOST_TEST(write.what() == "content to send: expected 0 to 4 bytes, got 5");
    BOOST_TEST(p.received() == "");
}

BOOST_AUTO_TEST_CASE(limits_out_of_range_are_refused_by_a_read_and_by_a_write)
{
    scenario run;
    auto [c, p] = run.connect();
    const message m;
    BOOST_CHECK_THROW(run.run(read_message(c, messages::limits{.header = 0})), std::invalid_argument);
    BOOST_CHECK_THROW(run.run(write_message(c, m, messages::limits{.header = 0})), std::invalid_argument);
    BOOST_TEST(p.received() == "");
}

BOOST_AUTO_TEST_CASE(a_session_needs_a_handler_and_limits_in_range)
{
    BOOST_CHECK_THROW(serve(nullptr), std::invalid_argument);
    BOOST_CHECK_THROW(serve(echo, {.limits = {.header = 0}}), std::invalid_argument);
}
