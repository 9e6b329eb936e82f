// SPDX-License-Identifier: BSL-1.0

// The end of a connection by itself: what it does next in every state and for every combination of what the other parts
// say, and which failure is told.
#include "connection_parts.hpp"

#include "connection/ending.hpp"

#define BOOST_TEST_MODULE ending_part
#include <boost/test/unit_test.hpp>

#include <stdexcept>

using namespace hawser;
using namespace hawser::test;
using detail::ending;
using detail::written;

namespace {

using state = ending::state;
using step = ending::step;
using handler_end = ending::handler_end;

constexpr ending::facts all_sent{.reader_waits = false,
                                 .output_pending = false,
                                 .output_ended = false,
                                 .sending = false,
                                 .peer_ended = false,
                                 .over_tls = false};

ending::facts with(bool ending::facts::*what, ending::facts f = all_sent)
{
    f.*what = true;
    return f;
}

void bring_to(ending& e, state s)
{
    switch (s) {
    case state::open: break;
    case state::draining: e.begin_drain(); break;
    case state::flushing: e.begin_close(); break;
    case state::acknowledging:
        e.handler_ended(handler_end::failed, written::torn);
        e.begin_close();
        e.next(all_sent);
        break;
    case state::lingering:
        e.begin_close();
        e.next(with(&ending::facts::output_ended));
        break;
    case state::closed: e.close(); break;
    }
    BOOST_REQUIRE((e.now() == s));
}

constexpr state all_states[] = {state::open,          state::draining,  state::flushing,
                                state::acknowledging, state::lingering, state::closed};

} // namespace

BOOST_AUTO_TEST_CASE(a_clean_end_is_the_flush_the_end_of_the_stream_and_the_wait_for_the_peers)
{
    ending e;
    BOOST_TEST((e.next(all_sent) == step::nothing));
    BOOST_TEST(e.begin_close());
    BOOST_TEST(!e.begin_close());
    BOOST_TEST((e.next(with(&ending::facts::reader_waits)) == step::nothing));
    BOOST_TEST((e.next(with(&ending::facts::output_pending)) == step::nothing));
    BOOST_TEST((e.next(all_sent) == step::end_output));
    BOOST_TEST((e.now() == state::flushing));
    const ending::facts ended = with(&ending::facts::output_ended);
    BOOST_TEST(
        (e.next(with(&ending::facts::sending, ended)) == step::nothing)); // TLS's end, for which there is no room
    BOOST_TEST((e.next(ended) == step::linger));
    BOOST_TEST((e.now() == state::lingering));
    BOOST_TEST((e.next(ended) == step::nothing));
    BOOST_TEST((e.next(with(&ending::facts::peer_ended, ended)) == step::close));
}

// Each combination of the six facts, in each state, with each failure.
BOOST_AUTO_TEST_CASE(every_state_and_every_combination_of_facts_has_one_step)
{
    for (const state s : all_states)
        for (const bool broken : {false, true})
            for (unsigned bits = 0; bits < 64; ++bits) {
                const ending::facts f{.reader_waits = (bits & 1) != 0,
                                      .output_pending = (bits & 2) != 0,
                                      .output_ended = (bits & 4) != 0,
                                      .sending = (bits & 8) != 0,
                                      .peer_ended = (bits & 16) != 0,
                                      .over_tls = (bits & 32) != 0};
                ending e;
                bring_to(e, s);
                if (broken)
                    e.break_off(errc::write_timeout);
                const bool closing = s == state::flushing || s == state::acknowledging || s == state::lingering;
                step expected = step::nothing;
                if (!closing)
                    expected = step::nothing;
                else if (broken)
                    expected = step::reset;
                else if (f.reader_waits || f.output_pending)
                    expected = step::nothing;
                else if (s == state::acknowledging)
                    expected = step::acknowledge;
                else if (!f.output_ended && (f.over_tls || !f.peer_ended))
                    expected = step::end_output;
                else if (f.sending)
                    expected = step::nothing;
                else if (f.peer_ended)
                    expected = step::close;
                else if (s == state::flushing)
                    expected = step::linger;
                BOOST_TEST_CONTEXT("state " << static_cast<int>(s) << ", facts " << bits << ", broken " << broken)
                {
                    const bool may_drop = e.may_drop(f);
                    BOOST_TEST(may_drop == (closing && !f.peer_ended && !f.reader_waits));
                    BOOST_TEST((e.next(f) == expected));
                    BOOST_TEST((e.now() == (expected == step::linger ? state::lingering : s)));
                }
            }
}

BOOST_AUTO_TEST_CASE(it_drops_what_comes_once_at_a_time)
{
    ending e;
    e.begin_close();
    BOOST_TEST((e.waiting_for(false) == wait_kind::nothing));
    BOOST_TEST((e.waiting_for(true) == wait_kind::output_flushed));
    BOOST_TEST(e.may_drop(all_sent));
    e.drop(true);
    BOOST_TEST(!e.may_drop(all_sent));
    BOOST_TEST((e.waiting_for(false) == wait_kind::output_flushed));
    e.drop(false);
    BOOST_TEST(e.may_drop(all_sent));
}

BOOST_AUTO_TEST_CASE(a_handler_that_fails_leaves_a_torn_answer_or_a_cut_one_or_a_clean_end)
{
    struct row {
        handler_end how;
        written last;
        bool torn, clean;
    };
    const row table[] = {
        {handler_end::returned, written::whole, false, true}, {handler_end::returned, written::unknown, false, true},
        {handler_end::returned, written::torn, false, true},  {handler_end::failed, written::whole, false, true},
        {handler_end::failed, written::unknown, false, true}, {handler_end::failed, written::torn, true, false},
        {handler_end::threw, written::whole, false, false},   {handler_end::threw, written::unknown, true, false},
        {handler_end::threw, written::torn, true, false},
    };
    for (const row& r : table)
        for (const state s : all_states) {
            ending e;
            bring_to(e, s);
            const bool was_torn = e.is_torn();
            e.handler_ended(r.how, r.last);
            const bool decides = s == state::open || s == state::draining;
            BOOST_TEST(e.is_torn() == (decides ? r.torn : was_torn));
            if (decides)
                BOOST_TEST(e.is_clean() == r.clean);
        }
}

BOOST_AUTO_TEST_CASE(the_first_failure_is_told)
{
    ending e;
    e.fail(errc::idle_timeout);
    e.fail(errc::frame_timeout);
    e.fail(std::make_exception_ptr(std::runtime_error{"later"}));
    BOOST_TEST((e.error() == errc::idle_timeout));
    BOOST_TEST((e.thrown() == nullptr));
    BOOST_TEST(!e.is_broken());
    e.break_off(errc::write_timeout);
    BOOST_TEST(e.is_broken());
    BOOST_TEST((e.error() == errc::idle_timeout));

    ending thrown;
    thrown.fail(std::make_exception_ptr(std::runtime_error{"first"}));
    thrown.break_off(errc::write_timeout);
    BOOST_TEST(!thrown.error());
    BOOST_TEST((thrown.thrown() != nullptr));
    BOOST_TEST(thrown.is_broken());

    ending with_words;
    with_words.set_words(std::make_exception_ptr(std::runtime_error{"words"}));
    BOOST_TEST(!with_words.has_failed());
    with_words.fail(errc::stream_truncated);
    BOOST_TEST((with_words.error() == errc::stream_truncated));
    BOOST_TEST((with_words.thrown() != nullptr));
}

BOOST_AUTO_TEST_CASE(a_drain_ends_an_open_connection_alone_and_is_remembered_by_all)
{
    for (const state s : all_states) {
        ending e;
        bring_to(e, s);
        BOOST_TEST(e.begin_drain() == (s == state::open));
        BOOST_TEST(e.is_draining());
        BOOST_TEST((e.now() == (s == state::open ? state::draining : s)));
    }
}

BOOST_AUTO_TEST_CASE(each_state_has_its_public_name)
{
    using enum connection_state;
    const connection_state names[] = {open, draining, closing, closing, closing, closed};
    for (std::size_t i = 0; i < std::size(all_states); ++i) {
        ending e;
        bring_to(e, all_states[i]);
        BOOST_TEST((e.public_state() == names[i]));
        BOOST_TEST(e.is_closing() == (names[i] == closing));
    }
}
