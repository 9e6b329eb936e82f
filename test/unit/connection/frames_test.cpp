// SPDX-License-Identifier: BSL-1.0

// A connection's reads of frames and bytes: their outcomes, their limits, their turns.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE frames
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

const std::string three = frame("one") + frame("") + frame("three");

// All that read_frame() yields until it ends: each frame in brackets, then how it ended.
std::string frames_of(scenario& run, connection& c)
{
    std::string all;
    for (;;) {
        const auto read = run.start(c.read_frame());
        if (read.outcome() != "done" || !read.value())
            return all + text(read);
        all += '[' + std::string{*read.value()} + ']';
    }
}

std::vector<std::string> batch(const task<std::optional<frames>>& read)
{
    std::vector<std::string> all;
    for (const bytes_view f : *read.value())
        all.emplace_back(f);
    return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_stream_cut_at_any_byte_ends_cleanly_only_between_two_frames)
{
    const std::string stream = frame("ab") + frame("cde");
    const char* expected[] = {
        "(nothing)", // cut at 0
        "truncated_head",
        "truncated_head",
        "truncated_head",
        "truncated_payload",
        "truncated_payload",
        "[ab](nothing)", // 6: between
        "[ab]truncated_head",
        "[ab]truncated_head",
        "[ab]truncated_head",
        "[ab]truncated_payload",
        "[ab]truncated_payload",
        "[ab]truncated_payload",
        "[ab][cde](nothing)",
    };
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        BOOST_TEST_CONTEXT("cut at byte " << cut)
        {
            scenario run;
            auto [c, p] = run.connect();
            p.send(stream.substr(0, cut));
            p.end();
            BOOST_TEST(frames_of(run, c) == expected[cut]);
            const auto again = run.start(c.read_frame());
            BOOST_TEST(text(again) == std::string{expected[cut]}.substr(std::string{expected[cut]}.rfind(']') + 1));
        }
    }
}

BOOST_AUTO_TEST_CASE(read_frames_has_the_same_three_outcomes)
{
    struct {
        const char* name;
        std::size_t cut;
        std::size_t frames;
        const char* end;
    } const table[] = {
        {"before the first byte", 0, 0, "done"},
        {"in the first head", 2, 0, "truncated_head"},
        {"in the first payload", 5, 0, "truncated_payload"},
        {"after one frame", 7, 1, "done"},
        {"in the second head", 9, 1, "truncated_head"},
        {"after two frames", 11, 2, "done"},
        {"in the third payload", 19, 2, "truncated_payload"},
        {"after three frames", 20, 3, "done"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto [c, p] = run.connect();
            p.send(three.substr(0, t.cut));
            p.end();
            if (t.frames != 0) {
                const auto read = run.start(c.read_frames());
                BOOST_TEST_REQUIRE(read.outcome() == "done");
                BOOST_TEST(batch(read).size() == t.frames);
                BOOST_TEST(read.value()->size() == t.frames);
            }
            const auto last = run.start(c.read_frames());
            BOOST_TEST(last.outcome() == t.end);
            if (last.outcome() == "done")
                BOOST_TEST(!last.value());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_byte_at_a_time_gives_the_same_frames_as_all_at_once)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_frame());
    std::string all;
    for (const char byte : three) {
        BOOST_TEST(!read.done());
        p.send({&byte, 1});
        while (read.done()) {
            all += '[' + text(read) + ']';
            read = run.start(c.read_frame());
        }
    }
    BOOST_TEST(all == "[one][][three]");
    p.end();
    BOOST_TEST(text(read) == "(nothing)");
    BOOST_TEST(c.statistics().frames_in == 3u);
    BOOST_TEST(c.statistics().bytes_in == three.size());
}

BOOST_AUTO_TEST_CASE(chunks_of_every_size_give_the_same_frames)
{
    std::string stream;
    std::string expected;
    for (const std::size_t size : {0U, 1U, 3U, 4095U, 4096U, 4097U, 9000U, 70'000U, 0U, 5U}) {
        const std::string payload(size, static_cast<char>('a' + size % 26));
        stream += frame(payload);
        expected += '[' + payload + ']';
    }
    for (const std::size_t chunk :
         {1U, 2U, 3U, 4U, 5U, 7U, 63U, 64U, 4092U, 4095U, 4096U, 4097U, 8191U, 65'536U, 1'000'000U}) {
        BOOST_TEST_CONTEXT("chunks of " << chunk)
        {
            scenario run;
            auto [c, p] = run.connect();
            p.chunks(chunk);
            p.send(stream);
            p.end();
            BOOST_CHECK(frames_of(run, c) == expected + "(nothing)"); // not BOOST_TEST: it would print them
        }
    }
}

BOOST_AUTO_TEST_CASE(a_frame_of_exactly_the_limit_is_read_and_one_byte_more_is_refused_at_its_head)
{
    const auto small = framing::u32_be.with_max_payload(10);
    scenario run;
    auto [c, p] = run.connect({.framing = small});
    p.send(frame("0123456789"));
    BOOST_TEST(frames_of(run, c) == "[0123456789]suspended");

    auto [d, q] = run.connect({.framing = small});
    auto read = run.start(d.read_frame());
    q.send(frame("0123456789+").substr(0, 3));
    BOOST_TEST(!read.done());
    q.send("\x0b");
    BOOST_TEST(read.outcome() == "frame_too_large");
    read = run.start(d.read_frame());
    BOOST_TEST(read.outcome() == "frame_too_large");
}

BOOST_AUTO_TEST_CASE(a_frame_of_exactly_the_limit_is_written_and_of_one_byte_more_nothing_is)
{
    const auto small = framing::u32_be.with_max_payload(10);
    scenario run;
    auto [c, p] = run.connect({.framing = small});
    BOOST_TEST(run.start(c.write_frame("0123456789")).outcome() == "done");
    BOOST_TEST(p.received() == frame("0123456789"));
    const auto refused = run.start(c.write_frame("0123456789+"));
    BOOST_TEST(refused.outcome() == "frame_too_large");
    BOOST_TEST(p.received().empty());
    BOOST_TEST(run.start(c.write_frame("next")).outcome() == "done");
    BOOST_TEST(p.received() == frame("next"));
    BOOST_TEST(c.statistics().frames_out == 2u);
}

BOOST_AUTO_TEST_CASE(the_default_limit_is_one_mebibyte)
{
    scenario run;
    auto [a, b] = run.connect_pair();
    const std::string most(1024 * 1024, 'm');
    const auto write = run.start(a.write_frame(most));
    const auto read = run.start(b.read_frame());
    BOOST_CHECK(text(read) == most);
    BOOST_TEST(write.outcome() == "done");
    BOOST_TEST(run.start(a.write_frame(most + '+')).outcome() == "frame_too_large");
}

BOOST_AUTO_TEST_CASE(memory_follows_the_bytes_received_and_not_the_length_announced)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_frame());
    p.send(frame(std::string(1024 * 1024, 'x')).substr(0, 4));
    BOOST_TEST(run.loop().blocks().in_use() == 4096u);
    for (std::size_t sent = 4; sent < 1024 * 1024; sent += 1000) {
        p.send(std::string(1000, 'x'));
        BOOST_TEST_REQUIRE(run.loop().blocks().in_use() <= 2 * (sent + 1000) + 4096);
    }
}

BOOST_AUTO_TEST_CASE(read_frames_gives_at_most_64_frames)
{
    struct {
        const char* name;
        std::size_t sent;
        std::size_t first;
        std::size_t second;
    } const table[] = {{"63", 63, 63, 0}, {"64", 64, 64, 0}, {"65", 65, 64, 1}, {"128", 128, 64, 64}};
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            auto [c, p] = run.connect();
            for (std::size_t i = 0; i < t.sent; ++i)
                p.send_later(frame(std::to_string(i)));
            p.end();
            auto read = run.start(c.read_frames());
            BOOST_TEST_REQUIRE(read.outcome() == "done");
            BOOST_TEST(batch(read).size() == t.first);
            BOOST_TEST(batch(read).front() == "0");
            read = run.start(c.read_frames());
            if (t.second != 0) {
                BOOST_TEST_REQUIRE(read.outcome() == "done");
                BOOST_TEST(batch(read).size() == t.second);
                BOOST_TEST(batch(read).front() == "64");
                read = run.start(c.read_frames());
            }
            BOOST_TEST(read.outcome() == "done");
            BOOST_TEST(!read.value());
        }
    }
}

BOOST_AUTO_TEST_CASE(read_frames_ends_a_batch_with_the_frame_that_reaches_64_kib)
{
    scenario run;
    auto [c, p] = run.connect();
    const std::string quarter(16 * 1024 - 4, 'q');
    auto read = run.start(c.read_frames());
    p.send_later(frame("begin"));
    run.poll();
    BOOST_TEST(read.done());
    for (int i = 0; i < 9; ++i)
        p.send_later(frame(quarter));
    std::size_t most = 0;
    std::size_t count = 0;
    while (count < 9) {
        read = run.start(c.read_frames());
        BOOST_TEST_REQUIRE(read.outcome() == "done");
        most = std::max(most, batch(read).size());
        count += batch(read).size();
    }
    BOOST_TEST(count == 9u);
    BOOST_TEST(most <= 4u);
}

BOOST_AUTO_TEST_CASE(a_batch_of_frames_is_written_back_as_it_came)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send(three);
    const auto read = run.start(c.read_frames());
    BOOST_TEST_REQUIRE(read.outcome() == "done");
    BOOST_TEST(run.start(c.write_frames(*read.value())).outcome() == "done");
    BOOST_TEST(p.received() == three);
    BOOST_TEST(p.writes() == 1u);
}

BOOST_AUTO_TEST_CASE(good_frames_before_a_bad_one_are_delivered_first)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send(three + "\xff\xff\xff\xff");
    auto read = run.start(c.read_frames());
    BOOST_TEST_REQUIRE(read.outcome() == "done");
    BOOST_TEST(batch(read).size() == 3u);
    read = run.start(c.read_frames());
    BOOST_TEST(read.outcome() == "frame_too_large");
}

BOOST_AUTO_TEST_CASE(another_format_serves_for_one_frame)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send(frame("bin") + "a line\n" + frame("bin"));
    BOOST_TEST(text(run.start(c.read_frame())) == "bin");
    BOOST_TEST(text(run.start(c.read_frame(framing::lines))) == "a line");
    BOOST_TEST(text(run.start(c.read_frame())) == "bin");
    BOOST_TEST(run.start(c.write_frame("a line", framing::lines)).outcome() == "done");
    BOOST_TEST(run.start(c.write_frame("bin")).outcome() == "done");
    BOOST_TEST(p.received() == "a line\n" + frame("bin"));
}

// ---- Bytes

BOOST_AUTO_TEST_CASE(read_gives_exactly_as_many_bytes_as_were_asked_for)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_exactly(5));
    p.send("1234");
    BOOST_TEST(!read.done());
    p.send("5678");
    BOOST_TEST(text(read) == "12345");
    BOOST_TEST(text(run.start(c.read_exactly(3))) == "678");
    BOOST_TEST(run.start(c.read_exactly(0)).outcome() == "read_exactly(0): expected at least 1 byte");
    const std::string much(100'000, 'm');
    read = run.start(c.read_exactly(much.size()));
    p.send(much);
    BOOST_CHECK(text(read) == much);
}

BOOST_AUTO_TEST_CASE(read_ends_cleanly_before_its_first_byte_and_fails_after_it)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send("123");
    p.end();
    BOOST_TEST(text(run.start(c.read_exactly(3))) == "123");
    BOOST_TEST(text(run.start(c.read_exactly(3))) == "(nothing)");
    auto [d, q] = run.connect();
    q.send("12");
    q.end();
    const auto cut = run.start(d.read_exactly(3));
    BOOST_TEST(cut.outcome() == "unexpected_end");
    BOOST_TEST(cut.what() == "stream ended after 2 of 3 bytes");
}

BOOST_AUTO_TEST_CASE(read_some_gives_whatever_has_arrived)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_some());
    BOOST_TEST(!read.done());
    p.send("12");
    BOOST_TEST(text(read) == "12");
    p.send("345");
    BOOST_TEST(text(run.start(c.read_some())) == "345");
    p.end();
    BOOST_TEST(text(run.start(c.read_some())) == "(nothing)");
}

BOOST_AUTO_TEST_CASE(bytes_and_frames_may_alternate)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send("HELLO" + frame("one") + "rest");
    BOOST_TEST(text(run.start(c.read_exactly(5))) == "HELLO");
    BOOST_TEST(text(run.start(c.read_frame())) == "one");
    BOOST_TEST(text(run.start(c.read_some())) == "rest");
}

BOOST_AUTO_TEST_CASE(a_second_read_beside_the_first_is_refused)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto first = run.start(c.read_frame());
    BOOST_TEST(run.start(c.read_frame()).outcome() == "two reads of one connection at once");
    p.send(frame("x"));
    BOOST_TEST(text(first) == "x");
}

// ---- The data limit

BOOST_AUTO_TEST_CASE(the_data_limit_admits_its_last_byte_and_not_the_next)
{
    for (const std::size_t chunk : {1U, 7U, 4096U}) {
        BOOST_TEST_CONTEXT("chunks of " << chunk)
        {
            scenario run;
            auto [c, p] = run.connect({.data_limit = 14});
            p.chunks(chunk);
            p.send(frame("abc") + frame("def"));
            BOOST_TEST(frames_of(run, c) == "[abc][def]suspended");
            auto [d, q] = run.connect({.data_limit = 13});
            q.chunks(chunk);
            q.send(frame("abc") + frame("def"));
            BOOST_TEST(frames_of(run, d) == "[abc]data_limit");
            BOOST_TEST(d.statistics().bytes_in == 13u);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_data_limit_ends_reads_of_bytes_too)
{
    scenario run;
    auto [c, p] = run.connect({.data_limit = 4});
    p.send("12345");
    BOOST_TEST(text(run.start(c.read_some())) == "1234");
    BOOST_TEST(text(run.start(c.read_some())) == "data_limit");
}

// ---- Cancellation

BOOST_AUTO_TEST_CASE(cancelling_a_read_loses_no_byte)
{
    for (std::size_t cut = 0; cut <= three.size(); ++cut) {
        BOOST_TEST_CONTEXT("cancelled after byte " << cut)
        {
            scenario run;
            auto [c, p] = run.connect();
            p.send(three.substr(0, cut));
            std::string got;
            auto read = run.start(c.read_frame());
            while (read.done()) {
                got += '[' + text(read) + ']';
                read = run.start(c.read_frame());
            }
            read.cancel();
            BOOST_TEST(text(read) == "ECANCELED");
            p.send(three.substr(cut));
            p.end();
            BOOST_TEST(got + frames_of(run, c) == "[one][][three](nothing)");
        }
    }
}

BOOST_AUTO_TEST_CASE(bytes_that_arrive_with_the_cancellation_are_read_by_the_next_read)
{
    scenario run;
    auto [c, p] = run.connect();
    auto read = run.start(c.read_frame());
    p.send(frame("warm-up")); // so that the read that follows holds a buffer
    read = run.start(c.read_frame());
    p.send_later(frame("late"));
    read.cancel();
    if (read.outcome() == "ECANCELED")
        read = run.start(c.read_frame());
    BOOST_TEST(text(read) == "late");
}

BOOST_AUTO_TEST_CASE(a_reset_ends_the_read_with_the_kernels_error)
{
    scenario run;
    auto [c, p] = run.connect();
    const auto read = run.start(c.read_frame());
    p.reset();
    BOOST_TEST(read.outcome() == "ECONNRESET");
    BOOST_TEST(run.start(c.read_frame()).outcome() == "ECONNRESET");
    BOOST_TEST(run.start(c.write_frame("x")).outcome() == "ECONNRESET");
}
