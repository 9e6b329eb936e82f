// SPDX-License-Identifier: BSL-1.0

// A test's world: one loop, a clock that the test moves, and connections in memory. No port, no thread, no sleep.
//
// Start here. A handler is tested as it is, unmodified:
//
//     world run;
//     peer p = run.open(handler);            // a session of a server, and the other end of its connection
//     p.send(frame("hello"));                // everything runs until nothing more can happen, and send returns
//     p.received() == frame("hello");
//     run.advance(75s);                      // what is due by then happens, and no real time passes
//     p.end();                               // the peer has seen the end, and answers it
//     run.last_end() == "failed: idle_timeout";
//
// or against a client's coroutine, over TLS too:
//
//     awaitable<void> client(world& run)
//     {
//         connection c = co_await run.dial(handler);
//         co_await c.write_frame("hello");
//     }
//     auto done = run.start(client(run));
//
// It needs no test framework: it returns, and throws. sweep.hpp runs a scenario again and again in worlds that fail.
#ifndef HAWSER_TEST_WORLD_HPP
#define HAWSER_TEST_WORLD_HPP

#include <hawser/connect.hpp>
#include <hawser/runtime.hpp>
#include <hawser/server.hpp>
#include <hawser/test/manual_clock.hpp>
#include <hawser/test/peer.hpp>
#include <hawser/test/recorder.hpp>
#include <hawser/test/task.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace hawser::inline v0_1::detail {
class disturbance;
struct world_access;
struct world_inside;
} // namespace hawser::inline v0_1::detail

namespace hawser::inline v0_1::test {

/// What is alive in a world, of that which ends with its connections and coroutines.
struct remains {
    std::size_t connections = 0; ///< open, or held by something
    std::size_t timers = 0;      ///< deadlines that are armed
    std::size_t coroutines = 0;  ///< suspended: tasks, sessions, and whatever else was spawned (counted as one)
    std::size_t buffers = 0;     ///< bytes of input and output buffers
    std::size_t queued = 0;      ///< bytes of output that no peer has got

    /// Whether there is nothing of it.
    bool none() const noexcept { return connections + timers + coroutines + buffers + queued == 0; }
    /// "nothing", or what there is: "1 connection, 4096 bytes of buffers".
    std::string to_string() const;
};

/// A runtime of one loop that runs only when it is told to, at the time that it is told, with a server that listens
/// nowhere. Everything happens on the calling thread. What was made in a world must be gone before it.
class world
{
public:
    /// `options` are the server's; its observer is the world's own: throws std::invalid_argument if one is set.
    explicit world(server_options options = {});
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world();

    /// What the world's deadlines read.
    manual_clock time;

    // ---- Running

    /// Runs until nothing more can happen now.
    void poll();
    /// Moves the clock, then runs what is due. Intermediate deadlines are seen late: steps() sees each in its turn.
    void advance(duration by);
    /// The same in steps.
    void steps(duration by, duration step);

    // ---- Connections

    /// Begins a session of the server, as if accepted from 127.0.0.1 at a port counted up from 50001, and runs until
    /// nothing more can happen. The test plays the client. Of `how`, framing and timeouts count; throws
    /// std::invalid_argument if it has TLS, which needs a client that speaks it: dial(). Throws std::logic_error when
    /// limits.connections sessions are open: newcomers of a full server wait, and here is nobody to wait for.
    peer open(session_handler handler, const listen_options& how = {});
    /// The same, but the client has sent something before the session begins.
    peer open(session_handler handler, bytes_view sent, const listen_options& how = {});

    /// A client's connection, as connect() gives it; the test plays the server. Of `how`, framing, timeouts and limits
    /// count.
    std::pair<connection, peer> connect(const connect_options& how = {});

    /// Begins a session as open() does, and completes with a client's connection to it, once the TLS handshake is done
    /// if `how` has TLS. Errors and cancellation as hawser::connect(); its timeout is by the world's clock, and the
    /// client expects the name "localhost" unless with.tls.server_name is set. `how` and `with` are copied.
    awaitable<connection> dial(session_handler handler);
    awaitable<connection> dial(session_handler handler, listen_options how, connect_options with); ///< the same

    /// What the connections made from now on have between their ends.
    path inbound;
    path outbound; ///< the same, of what the connection under test sends

    /// The network of the connection that was made last. Throws std::logic_error if there is none.
    wire last_wire();

    // ---- Coroutines

    /// Starts a coroutine on the loop and runs until nothing more can happen.
    template <class T>
    task<T> start(awaitable<T> work)
    {
        auto state = std::make_shared<hawser::detail::task_value<T>>();
        if constexpr (std::is_void_v<T>)
            launch(std::move(work), state);
        else
            launch(hawser::detail::keep(std::move(work), state->value), state);
        return task<T>{*this, std::move(state)};
    }

    /// Starts a coroutine, runs until nothing more can happen, and returns what it returned or throws what it threw.
    /// Throws std::logic_error if it still waits then.
    template <class T>
    T run(awaitable<T> work)
    {
        auto started = start(std::move(work));
        if (!started.done())
            refuse_suspended();
        return started.take();
    }

    // ---- The server

    /// Of one loop, which only the world runs.
    hawser::runtime& runtime() noexcept;
    /// Made at the first use.
    hawser::server& server();
    recorder& seen(); ///< what the server has told its observer

    /// How the last session ended: "completed", "failed: SYMBOL", "threw: WORDS", "cut: SYMBOL"; "" if none has.
    std::string last_end() const;

    /// Ends the runtime, whatever is suspended on it.
    void end_runtime();

    // ---- What is left

    /// What is alive now.
    remains left();

    /// Moves the clock 5 s on, in steps, so that what lingers ends; then as left().
    remains settle();

    // ---- Within a sweep

    /// Whether a sweep has made something fail, or cancelled it: then a scenario expects nothing in particular.
    bool disturbed() const noexcept;

    /// For operations of the test's own, or of its handlers, that a sweep is to fail too: an error here and now, or
    /// none.
    error_code step(std::string_view operation);

private:
    friend struct hawser::detail::world_access;
    world(server_options options, hawser::detail::disturbance& by);
    void launch(awaitable<void> work, const std::shared_ptr<hawser::detail::task_state>& state);
    [[noreturn]] static void refuse_suspended();

    std::unique_ptr<hawser::detail::world_inside> inside_;
};

} // namespace hawser::inline v0_1::test

#endif
