// SPDX-License-Identifier: BSL-1.0

// The input of a connection by itself: what every event does in every state, as the table in connection/input.hpp says,
// whatever came before; the turn, the views and the buffer.
#include "connection_parts.hpp"

#include "connection/input.hpp"

#define BOOST_TEST_MODULE input_part
#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using detail::input;
using enum input::state;

namespace {

using step = input::step;
using outcome = input::outcome;
using purpose = input::purpose;
using interruption = input::interruption;

// An input, and the connection around it, which does what the steps say.
struct driven {
    surroundings around;
    input part{around.blocks};
    std::uint64_t came = 0;
    int resumed = 0;
    bool stream_waits = false;
    bool posted = false;
    bool drains = false;
    std::vector<step> steps;

    void begin(purpose what = purpose::next_unit, bool draining = false)
    {
        part.begin_read();
        part.set_reader(detail::resumption{[this] { ++resumed; }});
        const step turn = part.begin(what);
        follow(turn == step::nothing ? part.wait(false, false, draining) : turn);
    }
    void follow(step s)
    {
        steps.push_back(s);
        switch (s) {
        case step::wait:
            BOOST_REQUIRE(!stream_waits); // one at a time
            stream_waits = true;
            break;
        case step::cancel: BOOST_REQUIRE(stream_waits); break;
        case step::post:
            BOOST_REQUIRE(!posted);
            posted = true;
            break;
        case step::resume: resume(); break;
        case step::drain: drains = true; break;
        case step::nothing:
        case step::read: break;
        }
    }
    step woken(bool aborted, bool failed = false, bool closed = false)
    {
        stream_waits = false;
        return part.woken(aborted, failed, closed);
    }
    void resume()
    {
        posted = false;
        part.resume();
    }
    void put(std::string_view bytes, std::uint64_t limit = 1'000'000)
    {
        part.make_room();
        std::copy(bytes.begin(), bytes.end(), part.space());
        part.came(bytes.size(), came, limit);
    }
};

input::state state_of(const input& part)
{
    if (!part.has_reader())
        return none;
    if (part.waits())
        return waits;
    return part.output_flushed() == step::drain ? flushes : over;
}

// Each state, as it is reached in a connection.
void bring_to(driven& d, input::state s, purpose what = purpose::next_unit)
{
    switch (s) {
    case none: break;
    case waits: d.begin(what); break;
    case flushes:
        d.begin(what, true);
        d.drains = false;
        d.follow(d.part.drain(false, true));
        break;
    case over:
        d.begin(what);
        BOOST_REQUIRE((d.woken(false) == step::read));
        d.follow(d.part.post(outcome::more));
        break;
    }
    BOOST_REQUIRE((state_of(d.part) == s));
}

constexpr std::array all_states{none, waits, flushes, over};

} // namespace

BOOST_AUTO_TEST_CASE(every_event_does_in_every_state_what_the_table_says)
{
    struct row {
        const char* event;
        std::function<step(input&)> call;
        std::array<step, 4> steps; // in none, waits, flushes, over
        std::array<input::state, 4> after;
    };
    using enum step;
    const row table[] = {
        {"cancel", [](input& i) { return i.cancel(); }, {nothing, cancel, post, nothing}, {none, waits, over, over}},
        {"close", [](input& i) { return i.close(false); }, {nothing, cancel, post, nothing}, {none, waits, over, over}},
        {"fail", [](input& i) { return i.fail(); }, {nothing, cancel, nothing, nothing}, {none, waits, flushes, over}},
        {"give_up", [](input& i) { return i.give_up(); }, {nothing, nothing, post, nothing}, {none, waits, over, over}},
        {"begin_drain",
         [](input& i) { return i.begin_drain(false); },
         {nothing, cancel, nothing, nothing},
         {none, waits, flushes, over}},
        {"drop_wait",
         [](input& i) {
             i.drop_wait();
             return nothing;
         },
         {nothing, nothing, nothing, nothing},
         {none, over, flushes, over}},
        {"output_flushed",
         [](input& i) { return i.output_flushed(); },
         {nothing, nothing, drain, nothing},
         {none, waits, flushes, over}},
    };
    for (const row& r : table)
        for (std::size_t i = 0; i < all_states.size(); ++i) {
            driven d;
            bring_to(d, all_states[i]);
            BOOST_TEST_CONTEXT(r.event << " in state " << i)
            {
                BOOST_TEST((r.call(d.part) == r.steps[i]));
                BOOST_TEST((state_of(d.part) == r.after[i]));
                BOOST_TEST(d.resumed == 0); // never from the stack that calls
            }
        }
}

BOOST_AUTO_TEST_CASE(a_reader_that_is_about_to_go_on_finds_itself_cancelled)
{
    driven d;
    bring_to(d, over);
    d.part.cancel();
    BOOST_TEST((d.part.how() == outcome::cancelled));

    driven failed;
    bring_to(failed, flushes);
    failed.follow(failed.part.give_up());
    failed.part.cancel();
    BOOST_TEST((failed.part.how() == outcome::failed)); // as the connection has, for good
}

BOOST_AUTO_TEST_CASE(a_second_reader_is_refused_in_every_state_but_none)
{
    for (const input::state s : all_states) {
        driven d;
        bring_to(d, s);
        if (s == none)
            d.part.begin_read();
        else
            BOOST_CHECK_THROW(d.part.begin_read(), std::logic_error);
    }
}

BOOST_AUTO_TEST_CASE(of_several_interruptions_the_strongest_counts)
{
    const std::pair<interruption, outcome> in_order[] = {
        {interruption::drain, outcome::more}, // the socket is emptied first
        {interruption::closing, outcome::drained},
        {interruption::user, outcome::cancelled},
        {interruption::error, outcome::failed},
    };
    for (std::size_t first = 0; first < std::size(in_order); ++first)
        for (std::size_t second = 0; second < std::size(in_order); ++second) {
            driven d;
            bring_to(d, waits);
            BOOST_TEST((d.part.interrupt(in_order[first].first) == step::cancel));
            const bool stronger = second > first;
            BOOST_TEST((d.part.interrupt(in_order[second].first) == (stronger ? step::cancel : step::nothing)));
            const auto& [why, how] = in_order[stronger ? second : first];
            const step next = d.woken(true);
            BOOST_TEST((next == (why == interruption::drain ? step::drain : step::resume)));
            if (why != interruption::drain)
                BOOST_TEST((d.part.how() == how));
            BOOST_TEST((state_of(d.part) == over));
            BOOST_TEST(!d.part.is_interrupted());
        }
}

BOOST_AUTO_TEST_CASE(a_wait_that_its_stream_drops_goes_on_unless_the_connection_has_failed_or_closed)
{
    for (const bool failed : {false, true})
        for (const bool closed : {false, true}) {
            driven d;
            bring_to(d, waits);
            const step next = d.woken(true, failed, closed);
            BOOST_TEST((next == (failed || closed ? step::resume : step::wait)));
            BOOST_TEST((state_of(d.part) == (failed || closed ? over : waits)));
            if (failed || closed)
                BOOST_TEST((d.part.how() == outcome::failed));
        }
}

BOOST_AUTO_TEST_CASE(a_read_ends_where_there_is_nothing_to_wait_for)
{
    struct row {
        bool closing, failed, ended, draining;
        purpose what;
        step next;
        outcome how;
    };
    using enum outcome;
    constexpr auto unit = purpose::next_unit;
    constexpr auto rest = purpose::rest_of_unit;
    const row table[] = {
        {false, false, false, false, unit, step::wait, more},  {true, false, false, false, unit, step::post, drained},
        {true, false, false, false, rest, step::post, failed}, {true, true, false, false, unit, step::post, failed},
        {false, true, true, true, unit, step::post, failed},   {false, false, true, false, unit, step::post, ended},
        {false, false, true, true, rest, step::post, ended},   {false, false, false, true, unit, step::drain, more},
        {false, false, false, true, rest, step::wait, more},
    };
    for (const row& r : table) {
        driven d;
        if (r.ended)
            d.part.see_end(input::peer_end::read);
        d.part.begin_read();
        BOOST_TEST((d.part.begin(r.what) == step::nothing));
        BOOST_TEST((d.part.wait(r.closing, r.failed, r.draining) == r.next));
        if (r.next == step::post)
            BOOST_TEST((d.part.how() == r.how));
    }
}

BOOST_AUTO_TEST_CASE(a_drain_ends_reads_for_good_once_nothing_has_come)
{
    driven d;
    bring_to(d, waits);
    d.follow(d.part.begin_drain(false));
    BOOST_TEST((d.woken(true) == step::drain));
    BOOST_TEST((d.part.drain(false, false) == step::read));
    BOOST_TEST((d.part.drain_read(outcome::more, false) == step::post)); // bytes are read and answered first
    BOOST_TEST((d.part.how() == outcome::more));
    d.resume();
    d.begin(purpose::next_unit, true);
    BOOST_TEST((d.part.drain(false, false) == step::read));
    BOOST_TEST((d.part.drain_read(std::nullopt, false) == step::post));
    BOOST_TEST((d.part.how() == outcome::drained));
    d.resume();
    d.begin(purpose::next_unit, true);
    BOOST_TEST((d.part.drain(false, false) == step::post)); // without a read
    BOOST_TEST((d.part.how() == outcome::drained));
}

BOOST_AUTO_TEST_CASE(a_drain_waits_for_the_rest_of_a_record_which_may_turn_out_to_be_no_unit)
{
    driven d;
    bring_to(d, waits);
    d.follow(d.part.begin_drain(false));
    BOOST_TEST((d.woken(true) == step::drain));
    BOOST_TEST((d.part.drain(false, false) == step::read));
    BOOST_TEST((d.part.drain_read(std::nullopt, true) == step::wait));
    BOOST_TEST((d.part.what() == purpose::rest_of_unit));
    BOOST_TEST((d.woken(false) == step::read));
    BOOST_TEST((d.part.nothing_came(true, true) == step::wait)); // a part of it
    BOOST_TEST((d.woken(false) == step::read));
    BOOST_TEST((d.part.nothing_came(true, false) == step::drain)); // whole, and without a byte of the user's
    BOOST_TEST((d.part.what() == purpose::next_unit));
}

BOOST_AUTO_TEST_CASE(a_drain_ends_a_handshake_of_a_peer_that_has_sent_nothing)
{
    for (const bool greeted : {false, true}) {
        driven d;
        d.part.begin_read();
        d.part.begin(purpose::handshake);
        d.part.begin_handshake();
        d.stream_waits = true;
        BOOST_TEST((d.part.waiting_for() == wait_kind::handshake));
        BOOST_TEST((d.part.begin_drain(greeted) == (greeted ? step::nothing : step::cancel)));
    }
}

// Whatever happens in whatever order: a reader is resumed once for each begin, and the stream has one wait at most.
BOOST_AUTO_TEST_CASE(every_sequence_of_five_events_resumes_each_reader_once)
{
    const std::vector<std::function<void(driven&)>> events = {
        [](driven& d) {
            if (!d.part.has_reader())
                d.begin();
        },
        [](driven& d) { // bytes, or a false alarm
            if (d.stream_waits && d.woken(false) == step::read)
                d.follow(d.part.finish(outcome::more));
        },
        [](driven& d) {
            if (d.stream_waits && d.woken(false) == step::read)
                d.follow(d.part.nothing_came(false, false));
        },
        [](driven& d) {
            if (d.stream_waits && d.part.is_interrupted())
                d.follow(d.woken(true));
        },
        [](driven& d) { d.follow(d.part.cancel()); },
        [](driven& d) { d.follow(d.part.close(false)); },
        [](driven& d) { d.follow(d.part.begin_drain(false)); },
        [](driven& d) {
            if (std::exchange(d.drains, false))
                d.follow(d.part.drain(false, true));
        },
        [](driven& d) { d.follow(d.part.output_flushed()); },
        [](driven& d) {
            if (d.posted)
                d.resume();
        },
    };
    constexpr int length = 5;
    std::size_t sequences = 0;
    std::array<std::size_t, length> at{};
    for (;;) {
        driven d;
        int begun = 0;
        for (const std::size_t e : at) {
            const bool idle = !d.part.has_reader();
            events[e](d);
            begun += idle && e == 0 ? 1 : 0;
            const bool has_reader = d.part.has_reader();
            BOOST_REQUIRE(d.resumed == begun - (has_reader ? 1 : 0));
            BOOST_REQUIRE(d.stream_waits == d.part.waits());
            BOOST_REQUIRE((!d.posted || state_of(d.part) == over));
        }
        ++sequences;
        std::size_t i = 0;
        while (i < at.size() && ++at[i] == events.size())
            at[i++] = 0;
        if (i == at.size())
            break;
    }
    BOOST_TEST(sequences == 100'000U);
}

BOOST_AUTO_TEST_CASE(a_turn_is_over_after_64_frames_or_64_KiB)
{
    driven d;
    d.put("x");
    for (int i = 1; i < input::turn_frames; ++i)
        d.part.take(0, 1);
    BOOST_TEST(d.part.has_turn());
    d.part.take(0, 1);
    BOOST_TEST(!d.part.has_turn());
    d.part.begin_read();
    BOOST_TEST((d.part.begin(purpose::next_unit) == step::post));
    BOOST_TEST((d.part.waiting_for() == wait_kind::turn));
    BOOST_TEST((d.part.how() == outcome::more));
    BOOST_TEST(d.part.has_turn());

    driven large;
    large.put("x");
    large.part.take(input::turn_bytes - 1, 0);
    BOOST_TEST(large.part.has_turn());
    large.part.take(1, 0);
    BOOST_TEST(!large.part.has_turn());
}

BOOST_AUTO_TEST_CASE(what_comes_behind_the_limit_is_dropped)
{
    for (const std::size_t n : {9U, 10U, 11U}) {
        driven d;
        d.put(std::string(n, 'x'), 10);
        BOOST_TEST(d.part.size() == std::min<std::size_t>(n, 10));
        BOOST_TEST(d.part.is_past_limit() == (n > 10));
        BOOST_TEST(d.came == std::min<std::size_t>(n, 10));
    }
}

BOOST_AUTO_TEST_CASE(a_buffer_that_lies_idle_for_two_looks_is_given_back)
{
    driven d;
    d.put("x");
    d.part.begin_read();
    d.part.hand_out(1);
    d.begin();
    BOOST_TEST(d.around.blocks.in_use() != 0U);
    BOOST_TEST(!d.part.park());
    BOOST_TEST((d.part.waiting_for() == wait_kind::input));
    BOOST_TEST(d.part.park());
    BOOST_TEST(d.around.blocks.in_use() == 0U);
    BOOST_TEST((d.part.waiting_for() == wait_kind::readability));
}

BOOST_AUTO_TEST_CASE(a_batch_has_the_whole_frames_at_the_front)
{
    driven d;
    const framing format = framing::lines;
    d.put("a\nbc\nd");
    decoded left;
    const auto [bytes, count] = d.part.decode_batch(format, left);
    BOOST_TEST(bytes == "a\nbc\n");
    BOOST_TEST(count == 2U);
    d.part.take(bytes.size(), count);
    BOOST_TEST(d.part.unread() == "d");
    d.part.begin_read();
    BOOST_TEST(d.part.data() == "d");
    BOOST_TEST(d.part.decode_batch(format, left).second == 0U);
    BOOST_TEST((left.state == decoded::status::incomplete));
}
