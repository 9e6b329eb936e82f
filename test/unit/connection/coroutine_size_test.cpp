// SPDX-License-Identifier: BSL-1.0

// The coroutines on a message's path fit what Asio keeps for the next one: 255 chunks of 4 bytes. A larger frame would
// be allocated anew for each message.
//
// Asio takes frames from aligned_alloc where it has none to give again; it is replaced in this program.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE coroutine_size
#include <boost/test/unit_test.hpp>

#include <cstdlib>

extern "C" void* __libc_memalign(std::size_t, std::size_t);

namespace {

std::size_t last_size = 0;
constexpr std::size_t largest = 1024; // 1,020 and one byte for their number, in units of 16

} // namespace

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size)
{
    last_size = size;
    return __libc_memalign(alignment, size);
}

using namespace hawser;
using namespace hawser::test;

BOOST_AUTO_TEST_CASE(each_coroutine_of_a_message_is_small_enough_to_be_kept_for_the_next)
{
    scenario run;
    auto [c, p] = run.connect();
    p.send(frame("x"));
    const auto batch = run.start(c.read_frames());
    connection* const on = &c;
    const frames all = *batch.value();

    const auto measure = [](const char* name, auto&& make) {
        last_size = 0;
        {
            const auto not_started = make(); // outside of a loop's thread: nothing is kept
        }
        BOOST_TEST_MESSAGE(name << ": " << last_size);
        BOOST_TEST_CONTEXT(name)
        {
            BOOST_TEST(last_size > 0u);
            BOOST_TEST(last_size <= largest);
        }
    };
    measure("read_frame", [on] { return on->read_frame(); });
    measure("read_frame(framing)", [on] { return on->read_frame(framing::lines); });
    measure("read_frames", [on] { return on->read_frames(); });
    measure("read_some", [on] { return on->read_some(); });
    measure("read", [on] { return on->read_exactly(1); });
    measure("write_frame", [on] { return on->write_frame("x"); });
    measure("write_frame(framing)", [on] { return on->write_frame("x", framing::lines); });
    measure("write_frames", [on, all] { return on->write_frames(all); });
    measure("write", [on] { return on->write("x"); });
    measure("write_some", [on] { return on->write_some("x"); });
    measure("flush", [on] { return on->flush(); });
}
