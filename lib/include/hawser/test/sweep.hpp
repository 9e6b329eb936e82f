// SPDX-License-Identifier: BSL-1.0

// Sweeps: one line reruns a scenario with every step failing, and with every suspension cancelled.
//
//     void talk(world& run)
//     {
//         auto client = run.start(say_hello(run));
//         if (!run.disturbed())
//             assert(client.outcome() == "done");
//     }
//     fail_each_step("hello", talk);           // prints: hello: 14 steps, each failed in turn, nothing left
//     cancel_each_suspension("hello", talk);
//
// A scenario is a function that begins in a new world and expects of an undisturbed one what it always does, and of a
// disturbed one only that it ends. The same scenario takes the same steps each time: everything in it runs by the
// world.
#ifndef HAWSER_TEST_SWEEP_HPP
#define HAWSER_TEST_SWEEP_HPP

#include <hawser/test/world.hpp>

#include <functional>
#include <stdexcept>
#include <string>

namespace hawser::inline v0_1::test {

/// What a sweep runs, again and again, each time in a world of its own.
using scenario_function = std::function<void(world&)>;

/// How a sweep goes.
struct sweep_options {
    /// Of each run's world.
    server_options server = {};

    /// How a suspension is cancelled.
    boost::asio::cancellation_type cancellation = boost::asio::cancellation_type::terminal;

    /// Write how many steps there were to standard output, in one line.
    bool print = true;

    /// Give up when there are more steps than this, with sweep_error: 1 or more.
    std::size_t max_steps = 100'000;
};

/// What a sweep found: something that is left after a run, or that a run threw. Its words name the sweep, the step's
/// number and what happened at it.
class sweep_error : public std::runtime_error
{
public:
    /// What was found at step `at`.
    sweep_error(std::size_t at, const std::string& words) : runtime_error{words}, step{at} {}

    const std::size_t step; ///< counted from 1; 0: the undisturbed run
};

/// Runs the scenario with the network breaking at the first operation of a connection's, then at the second, and so on,
/// until a run comes to its end undisturbed. An operation is a read, a write, a wait for either, or the end of output,
/// at either end of a connection in memory (over TLS: each piece of ciphertext that passes), and each world::step().
/// From there on, both ends get connection_reset.
///
/// After each run the clock is moved 5 s on, and nothing may be left (world::settle()). Throws sweep_error otherwise,
/// and if a disturbed run throws anything but a system_error; what the undisturbed run throws passes. Returns the
/// number of steps, for a test to compare with what it knows.
std::size_t fail_each_step(const std::string& name, const scenario_function& scenario,
                           const sweep_options& options = {});

/// The same with a cancellation in the place of a failure: after each handler that the loop ran, each coroutine that is
/// suspended then, a task's or a session's, is cancelled in one run. That reaches every await, both before what it
/// waits for has happened and when its completion is queued already.
std::size_t cancel_each_suspension(const std::string& name, const scenario_function& scenario,
                                   const sweep_options& options = {});

} // namespace hawser::inline v0_1::test

#endif
