// SPDX-License-Identifier: BSL-1.0

// The deadlines of a connection by themselves: each at its instant and one tick before, and what begins it anew.
#include "connection/deadlines.hpp"

#define BOOST_TEST_MODULE deadlines_part
#include <boost/test/unit_test.hpp>

using namespace hawser;
using namespace std::chrono_literals;
using detail::deadlines;

namespace {

using kind = deadlines::kind;

constexpr time_point start{std::chrono::hours{1000}};
constexpr duration tick{1};
const timeouts in_force{.handshake = 3s, .idle = 10s, .frame = 5s, .write = 4s};
const detail::settings configured{.timeouts = in_force};

void expires_at(const deadlines& d, time_point at, kind what, std::size_t needed = 0, bool in_unit = true)
{
    const deadlines::due before = d.check_input(at - tick, needed, in_unit);
    BOOST_TEST((before.expired == kind::none));
    BOOST_TEST((before.next == at));
    BOOST_TEST((d.check_input(at, needed, in_unit).expired == what));
}

} // namespace

BOOST_AUTO_TEST_CASE(each_is_told_by_its_own_error)
{
    BOOST_TEST((deadlines::error_of(kind::handshake) == errc::handshake_timeout));
    BOOST_TEST((deadlines::error_of(kind::idle) == errc::idle_timeout));
    BOOST_TEST((deadlines::error_of(kind::frame) == errc::frame_timeout));
    BOOST_TEST((deadlines::error_of(kind::write) == errc::write_timeout));
}

BOOST_AUTO_TEST_CASE(nothing_runs_while_nobody_waits)
{
    deadlines d{configured, start};
    BOOST_TEST((d.check_input(start + 1h, 0, true).expired == kind::none));
    BOOST_TEST((d.check_input(start + 1h, 0, true).next == time_point::max()));
    d.begin_wait(kind::idle, start);
    d.end_wait();
    BOOST_TEST((d.check_input(start + 1h, 0, true).next == time_point::max()));
}

BOOST_AUTO_TEST_CASE(idle_runs_from_the_beginning_of_the_wait_or_the_last_byte_sent)
{
    deadlines d{configured, start};
    BOOST_TEST((d.begin_wait(kind::idle, start + 1s) == start + 1s + 200ms));
    expires_at(d, start + 11s, kind::idle);
    d.output_moved(start + 4s);
    expires_at(d, start + 14s, kind::idle);
}

BOOST_AUTO_TEST_CASE(the_frame_clock_runs_in_the_waits_of_one_unit_alone)
{
    deadlines d{configured, start};
    d.begin_wait(kind::frame, start);
    expires_at(d, start + 5s, kind::frame);
    d.spend(start + 2s);
    d.end_wait();
    d.begin_wait(kind::frame, start + 60s); // the handler took its time
    expires_at(d, start + 63s, kind::frame);
    d.unit_done();
    expires_at(d, start + 65s, kind::frame);
}

BOOST_AUTO_TEST_CASE(a_unit_has_a_second_more_for_each_64_KiB_announced)
{
    deadlines d{configured, start};
    d.begin_wait(kind::frame, start);
    expires_at(d, start + 5s, kind::frame, 0);
    expires_at(d, start + 6s, kind::frame, 65'536);
    expires_at(d, start + 5s + 500ms, kind::frame, 32'768);
    BOOST_TEST((d.check_input(start + 1h, ~std::size_t{0}, true).expired == kind::none)); // and nothing overflows
}

BOOST_AUTO_TEST_CASE(a_protocol_may_allow_its_unit_another_time)
{
    deadlines d{configured, start};
    d.begin_wait(kind::frame, start);
    d.spend(start + 2s);
    d.allow_unit(8s); // from here
    d.begin_wait(kind::frame, start + 2s);
    expires_at(d, start + 10s, kind::frame, 1 << 20);
    d.spend(start + 3s);
    d.allow_unit(9s); // what is spent stays spent
    d.begin_wait(kind::frame, start + 3s);
    expires_at(d, start + 11s, kind::frame);
    d.end_unit();
    expires_at(d, start + 8s, kind::frame);
    d.begin_unit();
    d.allow_unit(never);
    expires_at(d, start + 8s, kind::frame, 0, false); // it holds for the unit that is open
    BOOST_TEST((d.check_input(start + 1000h, 0, true).next == time_point::max()));
}

BOOST_AUTO_TEST_CASE(a_unit_goes_on_with_the_time_of_one_that_was_left_in_its_middle)
{
    deadlines d{configured, start};
    d.begin_unit();
    d.allow_unit(8s);
    d.begin_wait(kind::frame, start);
    d.spend(start + 2s);
    d.end_wait();
    d.begin_unit();
    d.begin_wait(kind::frame, start + 2s);
    expires_at(d, start + 8s, kind::frame);
    d.unit_done(); // others were read whole
    d.begin_unit();
    expires_at(d, start + 7s, kind::frame);
}

BOOST_AUTO_TEST_CASE(a_time_allowed_after_never_counts_from_then)
{
    deadlines d{configured, start};
    d.begin_unit();
    d.allow_unit(never);
    d.begin_wait(kind::frame, start);
    d.spend(start + 2s);
    d.allow_unit(3s);
    d.begin_wait(kind::frame, start + 2s);
    expires_at(d, start + 5s, kind::frame);
}

BOOST_AUTO_TEST_CASE(a_handshake_has_its_time_from_the_beginning_but_for_the_wait_for_a_place)
{
    deadlines d{configured, start + 1s};
    BOOST_TEST((d.begin_wait(kind::handshake, start + 1s) == start + 4s));
    const auto at = [&](time_point now, duration waited) { return d.check_handshake(now, waited, time_point::max()); };
    BOOST_TEST((at(start + 4s - tick, 0s).next == start + 4s));
    BOOST_TEST((at(start + 4s, 0s).expired == kind::handshake));
    BOOST_TEST((at(start + 6s - tick, 2s).expired == kind::none));
    BOOST_TEST((at(start + 6s, 2s).expired == kind::handshake));
    BOOST_TEST((at(start + 14s - tick, 10s).expired == kind::none)); // 10 s of waiting at most
    BOOST_TEST((at(start + 14s, 11s).expired == kind::handshake));
    BOOST_TEST((d.check_handshake(start + 2s, 0s, start + 3s).next == start + 3s)); // others wait for its place
    BOOST_TEST((d.check_handshake(start + 3s, 0s, start + 3s).next == start + 4s));
}

BOOST_AUTO_TEST_CASE(a_window_of_output_ends_after_the_write_timeout)
{
    deadlines d{configured, start};
    BOOST_TEST((d.begin_window(start + 1s) == start + 1s + 200ms));
    BOOST_TEST((d.check_window(start + 5s - tick).next == start + 5s));
    BOOST_TEST((d.check_window(start + 5s).expired == kind::write));
    d.begin_window(start + 5s);
    BOOST_TEST((d.check_window(start + 5s).next == start + 9s));
    d.set_timeouts({.handshake = 3s, .idle = 10s, .frame = 5s, .write = never});
    BOOST_TEST((d.check_window(start + 1000h).next == time_point::max()));
}

BOOST_AUTO_TEST_CASE(a_linger_ends_after_2_s_of_silence_and_30_s_in_all_or_2_s_at_drain)
{
    deadlines d{configured, start};
    BOOST_TEST(!d.ends());
    BOOST_TEST((d.check_end(start + 1000h).expired == kind::none));
    BOOST_TEST((d.begin_linger(start, false) == start + 2s));
    BOOST_TEST(d.ends());
    BOOST_TEST((d.check_end(start + 2s - tick).next == start + 2s));
    BOOST_TEST((d.check_end(start + 2s).expired == kind::linger));
    BOOST_TEST((d.linger_on(start + 1s, false) == start + 3s));
    BOOST_TEST((d.linger_on(start + 28s, false) == start + 30s));
    BOOST_TEST((d.linger_on(start + 29s, false) == start + 30s));
    BOOST_TEST((d.linger_on(start + 1s, true) == start + 2s));
}

BOOST_AUTO_TEST_CASE(an_acknowledgement_is_waited_for_for_2_s)
{
    deadlines d{configured, start};
    d.begin_acknowledgement(start + 1s);
    BOOST_TEST((d.next_look_for_acknowledgement(start + 1s) == start + 1s + 5ms));
    BOOST_TEST(d.ends());
    BOOST_TEST((d.check_end(start + 3s - tick).next == start + 3s));
    BOOST_TEST((d.check_end(start + 3s).expired == kind::acknowledgement));
}

BOOST_AUTO_TEST_CASE(a_connection_looks_in_each_twentieth_of_its_shortest_timeout)
{
    deadlines d{configured, start};
    BOOST_TEST((d.next_look(start) == start + 200ms)); // of 4 s
    d.set_timeouts({.handshake = 1s, .idle = 10ms, .frame = 5s, .write = 4s});
    BOOST_TEST((d.next_look(start) == start + 1ms));
    d.set_timeouts({.handshake = 1s, .idle = never, .frame = never, .write = never});
    BOOST_TEST((d.next_look(start) == start + 500ms));
    BOOST_CHECK_THROW(d.set_timeouts({.idle = -1s}), std::invalid_argument);
    BOOST_TEST((d.timeouts().idle == never)); // those before stay
}
