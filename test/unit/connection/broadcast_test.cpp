// SPDX-License-Identifier: BSL-1.0

// Writes of several pieces as one, and of one frame to many connections.
#include <hawser/broadcast.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE broadcast
#include <boost/test/unit_test.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

const detail::settings small_marks{.high_water = 1000, .low_water = 250};

// Sessions that wait for input, and one handle to each.
class members
{
public:
    peer join(server_scenario& run, const framing& format = framing::u32_be)
    {
        const auto wait = [this](connection& c) -> awaitable<void> {
            handles.push_back(c.handle());
            co_await c.read_frame();
        };
        return run.open(wait, format);
    }
    std::vector<connection_handle> handles;
};

void not_expected(connection&)
{
    BOOST_ERROR("a connection was behind");
}

} // namespace

// ---- Several pieces

BOOST_AUTO_TEST_CASE(a_frame_in_pieces_is_the_frame_of_them_all_in_every_format)
{
    const std::array<bytes_view, 4> pieces{"head ", "", "and ", "body"};
    for (const framing& format : {framing::u32_be, framing::varint, framing::netstring, framing::lines}) {
        scenario run;
        auto [whole, expected] = run.connect({.framing = format});
        auto [c, p] = run.connect({.framing = format});
        BOOST_TEST(run.start(whole.write_frame("head and body")).outcome() == "done");
        BOOST_TEST(run.start(c.write_frame(pieces)).outcome() == "done");
        BOOST_TEST(p.received() == expected.received());
        BOOST_TEST(p.writes() == 1u);
        BOOST_TEST(c.statistics().frames_out == 1u);
    }
}

BOOST_AUTO_TEST_CASE(a_frame_in_pieces_is_held_to_the_limit_of_the_format_and_one_byte_more_writes_nothing)
{
    scenario run;
    auto [c, p] = run.connect({.framing = framing::u32_be.with_max_payload(6)});
    const std::array<bytes_view, 2> most{"abc", "def"};
    const std::array<bytes_view, 2> too_much{"abc", "defg"};
    BOOST_TEST(run.start(c.write_frame(too_much)).outcome() == "frame_too_large");
    BOOST_TEST(run.start(c.write_frame(most)).outcome() == "done");
    BOOST_TEST(p.received() == frame("abcdef"));
}

BOOST_AUTO_TEST_CASE(a_large_frame_in_pieces_arrives_whole_beside_the_pieces_of_another_connection)
{
    scenario run;
    auto [c, p] = run.connect();
    auto [other, q] = run.connect();
    p.capacity(0);
    q.capacity(0);
    const std::string a(300'000, 'a');
    const std::string b(400'000, 'b');
    const std::array<bytes_view, 2> one{a, b};
    const std::array<bytes_view, 2> two{b, a};
    run.start(c.write(std::string(256 * 1024, 'x')));
    const auto waits = run.start(c.write_frame(one)); // and what it has gathered is gathered over
    BOOST_TEST(run.start(other.write_frame(two)).outcome() == "done");
    BOOST_TEST(!waits.done());
    p.capacity(2'000'000);
    q.capacity(2'000'000);
    BOOST_TEST(waits.outcome() == "done");
    BOOST_TEST((p.received().substr(256 * 1024) == frame(a + b)));
    BOOST_TEST((q.received() == frame(b + a)));
}

BOOST_AUTO_TEST_CASE(bytes_in_pieces_are_written_without_another_writers_between_them)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    p.capacity(0);
    run.start(c.write(std::string(1000, 'x')));
    const std::string half(500, 'p');
    const std::array<bytes_view, 2> pieces{half, half};
    const auto first = run.start(c.write(pieces));
    const auto second = run.start(c.write("then"));
    BOOST_TEST(!first.done());
    p.capacity(10'000);
    BOOST_TEST(first.outcome() == "done");
    BOOST_TEST(second.outcome() == "done");
    BOOST_TEST(p.received() == std::string(1000, 'x') + half + half + "then");
}

BOOST_AUTO_TEST_CASE(bytes_in_pieces_are_at_most_the_high_water_mark)
{
    scenario run;
    auto [c, p] = run.connect(small_marks);
    const std::string half(500, 'p');
    const std::array<bytes_view, 2> most{half, half};
    const std::array<bytes_view, 3> too_much{half, half, "+"};
    BOOST_TEST(run.start(c.write(most)).outcome() == "done");
    const auto refused = run.start(c.write(too_much));
    BOOST_TEST(refused.what() ==
               "write of several pieces: expected at most the high-water mark of 1000 bytes, got 1001");
    BOOST_TEST(p.received() == half + half);
}

BOOST_AUTO_TEST_CASE(pieces_that_wait_for_room_are_given_up_whole_when_cancelled_or_reset)
{
    for (const bool cancelled : {true, false}) {
        scenario run;
        auto [c, p] = run.connect(small_marks);
        p.capacity(0);
        run.start(c.write(std::string(1000, 'x')));
        const std::array<bytes_view, 2> pieces{"a", "b"};
        auto frame_waits = run.start(c.write_frame(pieces));
        auto bytes_wait = run.start(c.write(pieces));
        if (cancelled) {
            frame_waits.cancel();
            bytes_wait.cancel();
        } else {
            c.reset();
        }
        run.poll();
        const char* const outcome = cancelled ? "ECANCELED" : "connection_closed";
        BOOST_TEST(frame_waits.outcome() == outcome);
        BOOST_TEST(bytes_wait.outcome() == outcome);
        p.capacity(10'000);
        BOOST_TEST(p.received().size() <= 1000u);
    }
}

// ---- Many connections

BOOST_AUTO_TEST_CASE(each_member_gets_each_frame_once_and_in_order_however_many_there_are)
{
    server_scenario run;
    members all;
    std::list<peer> peers;
    for (int i = 0; i < 600; ++i) // more than a loop serves at once
        peers.push_back(all.join(run));
    send_to_all(all.handles, encoded_frame{framing::u32_be, "one"}, not_expected);
    send_to_all(all.handles, encoded_frame{framing::u32_be, "two"}, not_expected);
    run.poll();
    const auto got =
        std::count_if(peers.begin(), peers.end(), [](peer& p) { return p.received() == frame("one") + frame("two"); });
    BOOST_TEST(got == 600);
}

BOOST_AUTO_TEST_CASE(what_one_member_is_sent_and_what_is_posted_to_it_keeps_its_order_whoever_else_gets_a_part_of_it)
{
    server_scenario run;
    members all;
    std::list<peer> peers;
    for (int i = 0; i < 257; ++i) // one more than a loop serves at once
        peers.push_back(all.join(run));
    const std::span<const connection_handle> last{&all.handles.back(), 1};
    send_to_all(all.handles, encoded_frame{framing::u32_be, "one"}, not_expected);
    send_to_all(last, encoded_frame{framing::u32_be, "two"}, not_expected);
    last.front().post([](connection& c) { c.try_write_frame("three"); });
    send_to_all(all.handles, encoded_frame{framing::u32_be, "four"}, not_expected);
    run.poll();
    BOOST_TEST(peers.front().received() == frame("one") + frame("four"));
    BOOST_TEST(peers.back().received() == frame("one") + frame("two") + frame("three") + frame("four"));
}

BOOST_AUTO_TEST_CASE(a_drain_begins_behind_what_was_sent_before_it)
{
    server_scenario run;
    members all;
    const connection* last = nullptr;
    const auto wait = [&](connection& c) -> awaitable<void> {
        last = &c;
        all.handles.push_back(c.handle());
        co_await c.read_frame();
    };
    std::list<peer> peers;
    for (int i = 0; i < 257; ++i)
        peers.push_back(run.open(wait));
    BOOST_TEST(send_to_all(all.handles, encoded_frame{framing::u32_be, "goodbye"}, not_expected) == 257u);
    run.server().drain();
    detail::runtime_access::get(run.runtime()).control().poll();
    run.loop().context().restart();
    while (!last->draining())
        BOOST_TEST_REQUIRE(run.loop().context().poll_one() == 1u);
    BOOST_TEST(last->statistics().frames_out == 1u);
    run.poll();
    const auto got =
        std::count_if(peers.begin(), peers.end(), [](peer& p) { return p.received() == frame("goodbye"); });
    BOOST_TEST(got == 257);
}

BOOST_AUTO_TEST_CASE(what_else_waits_on_a_loop_gets_its_turn_after_256_members)
{
    server_scenario run;
    members all;
    std::vector<const connection*> connections;
    const auto wait = [&](connection& c) -> awaitable<void> {
        connections.push_back(&c);
        all.handles.push_back(c.handle());
        co_await c.read_frame();
    };
    std::list<peer> peers;
    for (int i = 0; i < 257; ++i)
        peers.push_back(run.open(wait));
    send_to_all(all.handles, encoded_frame{framing::u32_be, "one"}, not_expected);
    const auto served = [&] {
        std::uint64_t n = 0;
        for (const connection* each : connections)
            n += each->statistics().frames_out;
        return n;
    };
    struct probe final : detail::call {
        explicit probe(std::function<std::uint64_t()> f) : look{std::move(f)} {}
        void called() override { seen = look(); }
        std::function<std::uint64_t()> look;
        std::uint64_t seen = 0;
    } asked{served};
    run.loop().ask(asked); // as ends, admissions and a drain are
    std::uint64_t posted = 0;
    boost::asio::post(run.runtime().executor(), [&] { posted = served(); });
    run.poll();
    BOOST_TEST(asked.seen == 256u);
    BOOST_TEST(posted == 256u);
    BOOST_TEST(peers.back().received() == frame("one"));
}

BOOST_AUTO_TEST_CASE(a_member_at_its_high_water_mark_is_named_and_delays_no_other)
{
    server_scenario run{{.limits = {.output_high_water = 100, .output_low_water = 10}}};
    members all;
    peer slow = all.join(run);
    peer quick = all.join(run);
    slow.capacity(0);
    const std::string most = frame(std::string(95, '1'));
    send_to_all(all.handles, encoded_frame{framing::u32_be, std::string(95, '1')},
                not_expected);                                                  // 99 bytes: one is left
    send_to_all(all.handles, encoded_frame{framing::u32_be, ""}, not_expected); // which is room
    run.poll();
    BOOST_TEST(quick.received() == most + frame(""));
    unsigned behind = 0;
    send_to_all(all.handles, encoded_frame{framing::u32_be, "2"}, [&](connection& c) {
        ++behind;
        BOOST_TEST(c.queued() == 103u);
        BOOST_TEST(c.peer_endpoint().to_string() == "tcp://127.0.0.1:50001");
    });
    run.poll();
    BOOST_TEST(behind == 1u);
    BOOST_TEST(quick.received() == frame("2"));
    slow.capacity(10'000);
    BOOST_TEST(slow.received() == most + frame(""));
}

BOOST_AUTO_TEST_CASE(a_session_that_has_ended_is_passed_over)
{
    server_scenario run;
    members all;
    peer gone = all.join(run);
    peer stays = all.join(run);
    all.handles.emplace_back(); // a handle of nothing
    gone.end();
    gone.received();
    send_to_all(all.handles, encoded_frame{framing::u32_be, "x"}, not_expected);
    run.poll();
    BOOST_TEST(gone.received() == "");
    BOOST_TEST(stays.received() == frame("x"));
}

BOOST_AUTO_TEST_CASE(a_session_that_has_ended_its_output_is_passed_over_and_goes_on)
{
    server_scenario run;
    std::vector<connection_handle> members;
    peer p = run.open([&members](connection& c) -> awaitable<void> {
        members.push_back(c.handle());
        co_await c.half_close();
        co_await c.read_frame();
    });
    send_to_all(members, encoded_frame{framing::u32_be, "x"}, not_expected);
    run.poll();
    BOOST_TEST(p.received() == "");
    p.send(frame("last"));
    p.end();
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(what_is_called_for_a_member_that_is_behind_ends_that_session_alone_when_it_throws)
{
    server_scenario run{{.limits = {.output_high_water = 5, .output_low_water = 1}}};
    members all;
    peer slow = all.join(run);
    peer quick = all.join(run);
    slow.capacity(0);
    const encoded_frame one{framing::u32_be, "1"};
    const auto refuse = [](connection&) { throw std::runtime_error{"too slow"}; };
    send_to_all(all.handles, one, refuse);
    run.poll();
    BOOST_TEST(quick.received() == frame("1"));
    send_to_all(all.handles, one, refuse);
    run.poll();
    slow.capacity(1'000);
    BOOST_TEST(slow.received() == frame("1")); // what was accepted before
    slow.end();
    BOOST_TEST(run.last_end() == "threw: too slow");
    BOOST_TEST(!slow.was_reset());
    BOOST_TEST(quick.received() == frame("1"));
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_framing_ends_the_session_that_cannot_carry_it)
{
    server_scenario run;
    members all;
    peer lines = all.join(run, framing::lines);
    peer frames = all.join(run);
    send_to_all(all.handles, encoded_frame{framing::u32_be, "x"}, not_expected);
    run.poll();
    lines.end();
    BOOST_TEST(run.last_end() == "threw: send_to_all: expected a frame of the connection's own framing");
    BOOST_TEST(lines.received() == "");
    BOOST_TEST(frames.received() == frame("x"));
}

BOOST_AUTO_TEST_CASE(it_says_for_how_many_sessions_the_frame_was_queued)
{
    server_scenario run;
    members all;
    peer gone = all.join(run);
    peer a = all.join(run);
    peer b = all.join(run);
    all.handles.emplace_back(); // a handle of nothing
    const encoded_frame one{framing::u32_be, "1"};
    BOOST_TEST(send_to_all({}, one, not_expected) == 0u);
    BOOST_TEST(send_to_all(all.handles, one, not_expected) == 3u);
    run.poll();
    gone.end();
    gone.received();
    BOOST_TEST(send_to_all(all.handles, one, not_expected) == 2u);
    run.poll();
    BOOST_TEST(a.received() == frame("1") + frame("1"));
    run.end_runtime();
    BOOST_TEST(send_to_all(all.handles, one, not_expected) == 0u);
}

BOOST_AUTO_TEST_CASE(what_a_loop_has_not_taken_over_counts_towards_the_high_water_mark)
{
    server_scenario run{{.limits = {.output_high_water = 100, .output_low_water = 10}}};
    members all;
    peer p = all.join(run);
    unsigned behind = 0;
    const auto note = [&behind](connection&) { ++behind; };
    const encoded_frame large{framing::u32_be, std::string(95, 'x')};
    const encoded_frame empty{framing::u32_be, ""};
    BOOST_TEST(send_to_all(all.handles, large, note) == 1u); // 99 bytes: one is left
    BOOST_TEST(send_to_all(all.handles, empty, note) == 1u); // which is room
    BOOST_TEST(send_to_all(all.handles, empty, note) == 0u);
    BOOST_TEST(send_to_all(all.handles, large, note) == 0u);
    BOOST_TEST(behind == 0u); // as the loop has not turned
    run.poll();
    BOOST_TEST(p.received() == std::string{large.bytes()} + std::string{empty.bytes()});
    BOOST_TEST(behind == 1u); // once for both
    BOOST_TEST(send_to_all(all.handles, large, note) == 1u);
    run.poll();
    BOOST_TEST(p.received() == large.bytes());
    BOOST_TEST(behind == 1u);
}

BOOST_AUTO_TEST_CASE(a_loop_that_stands_still_is_sent_no_more_than_that_however_often)
{
    server_scenario run{{.limits = {.output_high_water = 100, .output_low_water = 10}}};
    members all;
    peer p = all.join(run);
    unsigned behind = 0;
    const auto shared = std::make_shared<int>(0);
    const auto note = [&behind, shared](connection&) { ++behind; };
    const encoded_frame one{framing::u32_be, "x"};
    std::size_t queued = 0;
    for (int i = 0; i < 10'000; ++i)
        queued += send_to_all(all.handles, one, note);
    BOOST_TEST(queued == 20u); // of 5 bytes each
    BOOST_TEST(shared.use_count() < 30);
    run.poll();
    BOOST_TEST(behind == 1u);
    BOOST_TEST(p.received().size() == 100u);
    BOOST_TEST(shared.use_count() == 2);
}

BOOST_AUTO_TEST_CASE(who_is_behind_again_while_it_is_told_is_told_again)
{
    server_scenario run{{.limits = {.output_high_water = 5, .output_low_water = 1}}};
    members all;
    peer p = all.join(run);
    const encoded_frame one{framing::u32_be, "1"};
    std::function<void(connection&)> note;
    unsigned behind = 0;
    note = [&](connection&) {
        if (++behind == 1) {
            BOOST_TEST(send_to_all(all.handles, one, note) == 1u);
            BOOST_TEST(send_to_all(all.handles, one, note) == 0u);
        }
    };
    BOOST_TEST(send_to_all(all.handles, one, note) == 1u);
    BOOST_TEST(send_to_all(all.handles, one, note) == 0u);
    run.poll();
    BOOST_TEST(behind == 2u);
    BOOST_TEST(p.received() == frame("1") + frame("1"));
}

BOOST_AUTO_TEST_CASE(what_no_connection_could_be_sent_is_refused_at_once)
{
    BOOST_CHECK_THROW(encoded_frame(framing::u32_be.with_max_payload(2), "abc"), frame_error);
    BOOST_TEST(encoded_frame(framing::u32_be.with_max_payload(2), "ab").bytes() == frame("ab"));
    BOOST_CHECK_THROW(send_to_all({}, encoded_frame(framing::u32_be, ""), nullptr), std::invalid_argument);
}
