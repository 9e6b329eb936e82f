// SPDX-License-Identifier: BSL-1.0

// A handshake that is shed by the clock when there is no memory: a session that is destroyed for it must not take the
// connection with it that the wheel is looking at.
#include "loop/handshakes.hpp"

#include "failing_allocation.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE shed_without_memory
#include <boost/test/unit_test.hpp>

using namespace hawser;
using namespace hawser::test;

BOOST_AUTO_TEST_CASE(the_wheel_asks_for_no_memory_when_a_handshake_is_shed)
{
    allocation::exempt = true;
    tls_scenario run{echo, good(), {.limits = {.handshakes = 1}}};
    tls_peer stalls{run, run.port(), {}};
    tls_peer waits{run, run.port(), {}};
    for (tls_peer* const p : {&stalls, &waits}) {
        SSL_do_handshake(p->ssl()); // says hello
        p->arrived();
        run.poll();
    }
    run.time.advance(1s + 5ms);
    allocation::exempt = false;
    allocation::fail(1);
    run.loop().timers().advance(run.time.now());
    allocation::exempt = true;
    BOOST_TEST(allocation::failed().empty());
    BOOST_TEST(stalls.ends());
    BOOST_TEST(run.end_of_session() == "shed: shed");
    BOOST_TEST(waits.shake());
    waits.write("hello");
    BOOST_TEST(waits.read(5) == "hello");
}
