// SPDX-License-Identifier: BSL-1.0

// A stream over TLS: back-pressure, records, its end, its deadlines, and drain.
#include <hawser/tls.hpp>

#include "sealed_records.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE tls_stream
#include <boost/test/unit_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

tls_peer::options trusting()
{
    return {.ca = root().certificate()};
}

std::string pattern(std::size_t size)
{
    std::string bytes(size, '\0');
    std::uint32_t state = 1;
    for (char& b : bytes)
        b = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
}

} // namespace

// ---- The stream

BOOST_AUTO_TEST_CASE(large_data_arrives_whole_under_back_pressure_both_ways)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        BOOST_TEST_CONTEXT("version " << version)
        {
            tls_scenario run{echo, good()};
            tls_peer p{run, run.port(), {.version = version, .receive_buffer = 4096}};
            BOOST_TEST_REQUIRE(p.shake());
            const std::string sent = pattern(12'000'000);
            const std::size_t taken = p.write_some(sent); // until nothing moves any more: neither side reads
            BOOST_TEST(taken < sent.size());
            BOOST_TEST(taken > 100'000u);
            p.write(bytes_view{sent}.substr(taken));
            BOOST_CHECK(p.read(sent.size()) == sent);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_large_write_is_cut_into_full_records)
{
    const std::string big = pattern(100'000);
    tls_scenario run{[&big](connection& c) -> awaitable<void> { co_await c.write_frame(big); }, good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    BOOST_CHECK(p.read_to_end() == frame(big));
    BOOST_TEST(p.saw_end());
}

BOOST_AUTO_TEST_CASE(a_peer_that_sends_single_bytes_is_served_like_any_other)
{
    tls_scenario run{echo, good()};
    // What OpenSSL sends goes out byte by byte, over a pair of sockets.
    tls_peer p{run, run.port(), trusting()};
    const std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> dribble{
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dribble"), BIO_meth_free};
    BIO_meth_set_write(dribble.get(), [](BIO* b, const char* bytes, int size) {
        for (int i = 0; i < size; ++i)
            static_cast<plain_peer*>(BIO_get_data(b))->send({bytes + i, 1});
        return size;
    });
    BIO_meth_set_ctrl(dribble.get(), [](BIO*, int what, long, void*) -> long { return what == BIO_CTRL_FLUSH; });
    BIO_meth_set_create(dribble.get(), [](BIO* b) {
        BIO_set_init(b, 1);
        return 1;
    });
    BIO* const out = BIO_new(dribble.get());
    BIO_set_data(out, static_cast<plain_peer*>(&p));
    SSL_set0_wbio(p.ssl(), out);
    BOOST_TEST_REQUIRE(p.shake());
    for (const std::size_t size : {1U, 100U, 3000U}) {
        const std::string text = pattern(size);
        p.write(text);
        BOOST_CHECK(p.read(size) == text);
    }
}

BOOST_AUTO_TEST_CASE(every_size_of_message_around_a_record_comes_back)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    for (const std::size_t size : {1U, 4095U, 4096U, 4097U, 16383U, 16384U, 16385U, 20000U, 32768U, 65537U}) {
        const std::string text = pattern(size);
        p.write(text);
        BOOST_CHECK_MESSAGE(p.read(size) == text, size);
    }
}

BOOST_AUTO_TEST_CASE(keys_may_be_updated_now_and_then_and_a_flood_of_updates_is_cut)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), {.version = TLS1_3_VERSION}};
    BOOST_TEST_REQUIRE(p.shake());
    for (int i = 0; i < 32; ++i)
        BOOST_TEST_REQUIRE(p.update_keys(i % 2 == 0));
    p.write("still here");
    BOOST_TEST(p.read(10) == "still here");
    for (int i = 0; i < 10'000 && !p.has_ended(); ++i)
        p.update_keys(false);
    p.end();
    BOOST_TEST(run.end_of_session() == "failed: record_refused");
    BOOST_TEST(run.last_words().starts_with("more than 32 handshake messages (KeyUpdate)"), run.last_words());
}

BOOST_AUTO_TEST_CASE(a_parked_session_gives_back_the_buffer_that_a_key_update_took)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), {.version = TLS1_3_VERSION}};
    BOOST_TEST_REQUIRE(p.shake());
    p.write("x");
    BOOST_TEST(p.read(1) == "x");
    BOOST_TEST(run.loop().blocks().in_use() == 4096u);
    run.steps(2s, 500ms);
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    BOOST_TEST_REQUIRE(p.update_keys(false));
    BOOST_TEST(run.loop().blocks().in_use() == 0u);
    p.write("y");
    BOOST_TEST(p.read(1) == "y");
}

BOOST_AUTO_TEST_CASE(a_damaged_record_ends_the_session_with_an_alert)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    p.send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    p.read_to_end();
    BOOST_TEST(p.failure().find("bad record mac") != std::string::npos, p.failure());
    BOOST_TEST(!p.was_reset());
    p.end();
    BOOST_TEST(run.end_of_session() == "failed: record_refused");
    BOOST_TEST(run.last_words().starts_with("TLS record refused: "), run.last_words());
}

// ---- The end

BOOST_AUTO_TEST_CASE(an_end_without_close_notify_is_a_truncation_and_never_a_clean_end)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        BOOST_TEST_CONTEXT("version " << version)
        {
            bool clean = false;
            tls_scenario run{[&clean](connection& c) -> awaitable<void> {
                                 co_await echo(c);
                                 clean = true;
                             },
                             good()};
            tls_peer p{run, run.port(), {.version = version}};
            BOOST_TEST_REQUIRE(p.shake());
            p.write("a part");
            p.end();
            BOOST_TEST(run.end_of_session() == "failed: stream_truncated");
            BOOST_TEST(!clean);
            tls_peer whole{run, run.port(), {.version = version}};
            BOOST_TEST_REQUIRE(whole.shake());
            whole.write("all");
            whole.close_notify();
            whole.end();
            BOOST_TEST(run.end_of_session(2) == "completed");
            BOOST_TEST(clean);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_has_ended_its_stream_still_gets_the_whole_answer)
{
    const std::string big = pattern(3'000'000);
    tls_scenario run{[&big](connection& c) -> awaitable<void> {
                         while (const auto dropped = co_await c.read_some()) {
                         }
                         co_await c.write(big);
                     },
                     good()};
    tls_peer p{run, run.port(), {.version = TLS1_3_VERSION, .receive_buffer = 4096}};
    BOOST_TEST_REQUIRE(p.shake());
    p.write("question");
    p.close_notify();
    p.end();
    BOOST_CHECK(p.read_to_end() == big);
    BOOST_TEST(p.saw_end());
    BOOST_TEST(run.end_of_session() == "completed");
}

BOOST_AUTO_TEST_CASE(a_session_may_end_its_output_and_read_on)
{
    std::string got;
    tls_scenario run{[&got](connection& c) -> awaitable<void> {
                         co_await c.write("bye");
                         co_await c.half_close();
                         while (const auto bytes = co_await c.read_some())
                             got += *bytes;
                     },
                     good()};
    tls_peer p{run, run.port(), {.version = TLS1_3_VERSION}};
    BOOST_TEST_REQUIRE(p.shake());
    BOOST_TEST(p.read_to_end() == "bye");
    BOOST_TEST(p.saw_end());
    p.write("one");
    p.write("two");
    p.close_notify();
    p.end();
    BOOST_TEST(run.end_of_session() == "completed");
    BOOST_TEST(got == "onetwo");
}

BOOST_AUTO_TEST_CASE(a_session_waits_two_seconds_at_most_for_the_peers_end)
{
    tls_scenario run{[](connection& c) -> awaitable<void> { co_await c.write("bye"); }, good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    BOOST_TEST(p.read_to_end() == "bye");
    BOOST_TEST(p.saw_end());
    run.steps(1990ms, 10ms);
    BOOST_TEST(run.last_end().empty());
    run.steps(20ms, 5ms);
    BOOST_TEST(run.last_end() == "completed");
}

BOOST_AUTO_TEST_CASE(a_peer_sees_no_clean_end_when_the_handler_throws)
{
    tls_scenario run{[](connection& c) -> awaitable<void> {
                         co_await c.read_some();
                         throw std::runtime_error{"words"};
                     },
                     good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    p.write("x");
    p.read_to_end();
    BOOST_TEST(!p.saw_end());
    BOOST_TEST(!p.failure().empty());
    BOOST_TEST(!p.was_reset());
    p.end();
    BOOST_TEST(run.end_of_session() == "threw: words");
}

BOOST_AUTO_TEST_CASE(a_half_close_that_waits_is_told_when_another_coroutine_closes_meanwhile)
{
    for (const bool reads : {true, false}) {
        connection* other = nullptr;
        tls_scenario run{[&other](connection& c) -> awaitable<void> {
                             other = &c;
                             co_await c.read_some();
                             c.try_write(pattern(12'000'000));
                             co_await c.half_close();
                         },
                         good()};
        tls_peer::options how = trusting();
        how.receive_buffer = 4096;
        tls_peer p{run, run.port(), how};
        BOOST_TEST_REQUIRE(p.shake());
        p.write_some("x");
        BOOST_TEST_REQUIRE(other->queued() > 0u);
        const auto closed = run.start(other->close());
        p.end();
        run.poll();
        if (reads)
            BOOST_TEST(p.read_to_end().size() == 12'000'000u);
        else
            run.steps(61s, 500ms);
        BOOST_TEST(p.saw_end() == reads);
        BOOST_TEST(run.end_of_session() == (reads ? "failed: connection_closed" : "failed: write_timeout"));
        BOOST_TEST(closed.outcome() == "done");
    }
}

// ---- Deadlines and drain

BOOST_AUTO_TEST_CASE(an_idle_session_and_a_slow_reader_are_cut_as_without_tls)
{
    tls_scenario run{echo, good(), {.timeouts = {.idle = 75s, .write = 30s}}};
    tls_peer idle{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(idle.shake());
    run.steps(76s, 500ms);
    BOOST_TEST(idle.ends());
    idle.end();
    BOOST_TEST(run.end_of_session() == "failed: idle_timeout");
    tls_peer slow{run, run.port(), {.receive_buffer = 4096}};
    BOOST_TEST_REQUIRE(slow.shake());
    slow.write_some(pattern(12'000'000));
    run.steps(61s, 500ms);
    BOOST_TEST(run.last_end() == "failed: write_timeout");
}

BOOST_AUTO_TEST_CASE(at_drain_whoever_has_begun_is_served_and_whoever_is_silent_is_let_go)
{
    tls_scenario run{echo, good()};
    plain_peer silent{run, run.port()};
    tls_peer established{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(established.shake());
    tls_peer begun{run, run.port(), trusting()};
    SSL_do_handshake(begun.ssl()); // sends the hello
    begun.arrived();
    run.server().drain();
    run.poll();
    BOOST_TEST(silent.ends());
    established.read_to_end();
    BOOST_TEST(established.saw_end());
    BOOST_TEST(begun.shake());
    begun.read_to_end();
    BOOST_TEST(begun.saw_end());
    established.close_notify();
    established.end();
    begun.close_notify();
    begun.end();
    silent.end();
    BOOST_TEST(until(run, [&] { return run.server().report().has_value(); }));
    BOOST_TEST(run.server().report()->clean());
    BOOST_TEST(run.seen().ends.size() == 3u);
    for (const session_end& end : run.seen().ends)
        BOOST_TEST((end.reason == end_reason::completed));
}

BOOST_AUTO_TEST_CASE(a_record_that_has_begun_before_the_drain_is_answered_wherever_it_is_cut)
{
    const std::string whole(100, 'x');
    constexpr std::size_t cuts[]{1, 3, 4, 5, 6, 50, 121}; // its head is 5 bytes; it ends with a type and a tag of 16
    for (const std::size_t cut : cuts)
        for (const bool read_before : {true, false})
            BOOST_TEST_CONTEXT("after " << cut << " bytes, read " << (read_before ? "before" : "at the drain"))
            {
                tls_scenario run{echo, good()};
                tls_peer p{run, run.port(), trusting()};
                BOOST_TEST_REQUIRE(p.shake());
                const std::string record = sealed_records{p.ssl(), p.secret()}.data(whole);
                BOOST_TEST_REQUIRE(record.size() == 122u);
                p.put(bytes_view{record}.substr(0, cut));
                if (read_before)
                    run.poll();
                run.server().drain();
                run.poll();
                p.send(bytes_view{record}.substr(cut));
                BOOST_TEST(p.read_to_end() == whole);
                BOOST_TEST(p.saw_end());
                p.end();
                BOOST_TEST(run.end_of_session() == "completed");
                BOOST_TEST(run.server().report()->clean());
            }
}

BOOST_AUTO_TEST_CASE(a_record_that_comes_behind_others_and_has_begun_before_the_drain_is_answered)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    sealed_records client{p.ssl(), p.secret()};
    std::string records = client.data("one");
    records += client.data("two");
    p.send(bytes_view{records}.substr(0, records.size() - 1));
    BOOST_TEST(p.read(3) == "one");
    run.server().drain();
    run.poll();
    p.send(bytes_view{records}.substr(records.size() - 1));
    BOOST_TEST(p.read_to_end() == "two");
    p.end();
    BOOST_TEST(run.end_of_session() == "completed");
}

BOOST_AUTO_TEST_CASE(a_record_that_drips_at_drain_has_the_time_of_a_frame)
{
    tls_scenario run{echo, good(), {.timeouts = {.idle = never, .frame = 3s, .drain = 60s}}};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    const std::string record = sealed_records{p.ssl(), p.secret()}.data(std::string(100, 'x'));
    p.put(bytes_view{record}.substr(0, 1));
    run.server().drain();
    run.poll();
    for (std::size_t i = 1; i <= 3; ++i) {
        p.put(bytes_view{record}.substr(i, 1));
        run.steps(i == 3 ? 1s - 5ms : 1s, 5ms);
        BOOST_TEST(!p.has_ended());
    }
    run.steps(500ms, 5ms); // the wheel's look
    p.end();
    BOOST_TEST(run.end_of_session() == "failed: frame_timeout");
}

BOOST_AUTO_TEST_CASE(a_record_that_stalls_without_a_drain_is_under_the_idle_deadline_whatever_a_frame_may_take)
{
    for (const duration frame : {duration{1s}, never}) {
        tls_scenario run{echo, good(), {.timeouts = {.idle = 5s, .frame = frame}}};
        tls_peer p{run, run.port(), trusting()};
        BOOST_TEST_REQUIRE(p.shake());
        const std::string record = sealed_records{p.ssl(), p.secret()}.data(std::string(100, 'x'));
        p.put(bytes_view{record}.substr(0, 50));
        run.poll();
        run.steps(5s - 5ms, 5ms);
        BOOST_TEST(!p.has_ended());
        run.steps(500ms, 5ms);
        p.end();
        BOOST_TEST(run.end_of_session() == "failed: idle_timeout");
    }
}

BOOST_AUTO_TEST_CASE(at_drain_a_record_without_data_that_has_begun_ends_the_session_when_it_is_whole)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    const std::string record = sealed_records{p.ssl(), p.secret()}.data("");
    p.send(bytes_view{record}.substr(0, 7));
    run.server().drain();
    run.poll();
    BOOST_TEST(!p.has_ended());
    p.send(bytes_view{record}.substr(7));
    BOOST_TEST(p.read_to_end() == "");
    p.end();
    BOOST_TEST(run.end_of_session() == "completed");
}

BOOST_AUTO_TEST_CASE(a_handshake_that_outlives_the_drain_is_cut_and_named)
{
    tls_scenario run{echo, good(), {.timeouts = {.handshake = 60s, .drain = 5s}}};
    plain_peer p{run, run.port()};
    p.send("\x16\x03\x01");
    p.arrived();
    run.server().drain();
    run.steps(6s, 50ms);
    BOOST_TEST_REQUIRE(run.server().report().has_value());
    BOOST_TEST_REQUIRE(run.server().report()->cut.size() == 1u);
    BOOST_TEST((run.server().report()->cut.front().waiting_for == wait_kind::handshake));
    BOOST_TEST(run.last_end() == "cut: drain_timeout");
}

BOOST_AUTO_TEST_CASE(a_runtime_may_end_at_any_point_of_a_connections_life)
{
    for (int stage = 0; stage < 5; ++stage) {
        BOOST_TEST_CONTEXT("stage " << stage)
        {
            tls_scenario run{echo, good()};
            tls_peer p{run, run.port(), {.receive_buffer = 4096}};
            if (stage == 1)
                p.send("\x16");
            if (stage == 2)
                SSL_do_handshake(p.ssl());
            if (stage >= 3)
                BOOST_TEST_REQUIRE(p.shake());
            if (stage == 4)
                p.write_some(pattern(12'000'000));
            run.end();
            BOOST_TEST(run.last_end().empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_read_may_be_cancelled_once_its_connection_was_reset)
{
    connection* open = nullptr;
    const session_handler keep = [&open](connection& c) -> awaitable<void> {
        open = &c;
        co_await c.closed();
    };
    tls_scenario run{keep, good()};
    tls_peer p{run, run.port(), trusting()};
    BOOST_TEST_REQUIRE(p.shake());
    BOOST_TEST_REQUIRE(until(run, [&] { return open != nullptr; }));
    auto read = run.start(open->read_some());
    run.loop().post([&] { // where a cancellation reaches the read at once
        open->reset();
        read.cancel();
    });
    run.poll();
    BOOST_TEST(text(read) == "ECANCELED");
    BOOST_TEST(p.ends());
    BOOST_TEST(p.was_reset());
}
