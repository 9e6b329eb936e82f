// Scenarios without sockets, threads or sleeps: connections over memory, peers that do what the test says, and a clock
// that the test moves.
//
//     server_scenario run;
//     peer p = run.open(handler);          // a session of a server, and the other end of its connection
//     p.send(frame("hello"));              // everything runs until nothing more can happen, and send returns
//     BOOST_TEST(p.received() == frame("hello"));
//     run.advance(75s);                    // what is due by then happens, whatever is not does not
//     BOOST_TEST(p.has_ended());
//
// Operations of a connection of one's own are started as tasks, which need no coroutine in the test:
//
//     scenario run;
//     auto [connection, p] = run.connect();
//     auto read = run.start(connection.read_frame());
//     p.send(frame("hello"));
//     BOOST_TEST(text(read) == "hello");
#ifndef HAWSER_TEST_SCENARIO_HPP
#define HAWSER_TEST_SCENARIO_HPP

#include "core.hpp"
#include "manual_clock.hpp"
#include "memory_link.hpp"
#include "runtime_core.hpp"

#include <hawser/runtime.hpp>
#include <hawser/server.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace hawser::test {

class scenario;

/// A coroutine that was started by scenario::start(). Copies share it; it runs on when all are gone.
/// T is void, std::size_t, std::optional<bytes_view> or std::optional<frames>.
template <class T>
class task
{
public:
    bool done() const noexcept { return state_->done; }

    /// What it returned; rethrows what it threw. It must be done.
    const auto& value() const
    {
        rethrow();
        return *state_->value;
    }
    void rethrow() const;

    /// How it ended: "suspended", "done", or the symbol of the error that it threw (else its words).
    std::string outcome() const;

    /// The words of what it threw.
    std::string what() const;

    /// Cancels what it waits for, and runs on.
    void cancel(boost::asio::cancellation_type type = boost::asio::cancellation_type::terminal);

private:
    friend class scenario;
    struct state {
        bool done = false;
        std::optional<std::conditional_t<std::is_void_v<T>, bool, T>> value;
        std::exception_ptr error;
        boost::asio::cancellation_signal signal;
    };
    task(scenario& run, std::shared_ptr<state> s) noexcept : run_{&run}, state_{std::move(s)} {}

    scenario* run_;
    std::shared_ptr<state> state_;
};

/// What a read yielded, as a string; "(nothing)" for the end, else outcome().
std::string text(const task<std::optional<bytes_view>>& read);

/// The other end of a connection: it does what the test says, and nothing by itself. Each action runs the scenario
/// until it is quiet, but for those that say so. Copies are the same peer.
class peer
{
public:
    peer(scenario& run, std::shared_ptr<detail::memory_link> link) noexcept : run_{&run}, link_{std::move(link)} {}

    /// To the connection.
    void send(bytes_view bytes);
    void send_later(bytes_view bytes); ///< without running anything
    void end();                        ///< end of stream, after what was sent
    void reset();                      ///< connection reset, both ways
    void stall_input(bool stalled);    ///< what is sent does not arrive, for now

    /// From the connection. Takes what has arrived; each call makes room for more.
    std::string received();
    /// At most `n` bytes of it.
    std::string received(std::size_t n);
    /// How much has arrived and was not taken.
    std::size_t waiting() const noexcept { return out().bytes.size(); }
    /// What the connection may send before it has to wait, or all that arrives at one write.
    void capacity(std::size_t bytes);
    /// Most bytes that one read of the connection gets.
    void chunks(std::size_t bytes);
    /// Writes of the connection that took bytes.
    std::size_t writes() const noexcept { return out().writes; }

    bool has_ended() const noexcept { return out().ended; } ///< the connection has ended its output, or closed
    bool was_reset() const noexcept { return static_cast<bool>(out().read_error); }
    bool is_gone() const noexcept { return in().gone; } ///< the connection has closed

private:
    detail::memory_link::direction& out() const noexcept { return link_->from(0); }
    detail::memory_link::direction& in() const noexcept { return link_->from(1); }
    void go();

    scenario* run_;
    std::shared_ptr<detail::memory_link> link_;
};

/// A runtime of one loop that runs only when it is told to, at the time that it is told.
class scenario
{
public:
    scenario();
    scenario(const scenario&) = delete;
    scenario& operator=(const scenario&) = delete;
    ~scenario();

    manual_clock time;

    /// Runs until nothing more can happen now.
    void poll() { runtime_->poll(); }
    /// Moves the clock, then runs what is due. Intermediate deadlines are seen late: steps() sees each in its turn.
    void advance(duration by);
    /// The same in steps.
    void steps(duration by, duration step);

    hawser::runtime& runtime() noexcept { return *runtime_; }
    detail::loop& loop() noexcept { return runtime_->core().first(); }

    /// Ends the runtime, whatever is suspended on it.
    void end_runtime() { runtime_.reset(); }

    /// Starts a coroutine and runs until nothing more can happen.
    template <class T>
    task<T> start(awaitable<T> work);

    /// A connection with a scripted peer.
    std::pair<connection, peer> connect(const detail::settings& settings = {});

    /// Two connections with each other.
    std::pair<connection, connection> connect_pair(const detail::settings& settings = {});

    /// The same, with what joins them: sides 0 and 1.
    std::tuple<connection, connection, std::shared_ptr<detail::memory_link>>
    connect_both(const detail::settings& settings);

private:
    std::unique_ptr<hawser::runtime> runtime_;
};

/// Writes down what a server tells.
class recorder final : public observer
{
public:
    void session_ended(const session_end& e) noexcept override { ends.push_back(e); }
    void loop_blocked(const endpoint&, duration) noexcept override { ++blocked; }
    void datagram_failed(const session_end& e) noexcept override { failed_datagrams.push_back(e); }
    void drain_started(std::string_view cause, std::size_t n) noexcept override
    {
        drains.push_back(std::string{cause} + ' ' + std::to_string(n));
    }
    void drain_ended(const drain_report& r) noexcept override { reports.push_back(r); }
    void tls_reloaded(std::size_t n) noexcept override { reloads.push_back(std::to_string(n)); }
    void tls_reload_failed(const tls_error& e) noexcept override { reloads.push_back(symbol(e.code())); }

    std::vector<session_end> ends;
    std::vector<session_end> failed_datagrams;
    std::vector<std::string> drains;
    std::vector<drain_report> reports;
    std::vector<std::string> reloads; // how many were loaded, or the symbol of what failed
    int blocked = 0;
};

/// A scenario with a server in it that listens nowhere: its sessions are opened by the test.
class server_scenario : public scenario
{
public:
    explicit server_scenario(server_options options = {});
    ~server_scenario();

    /// Begins a session, as if accepted from 127.0.0.1 at a port counted up from 50001, and runs until it is quiet.
    peer open(session_handler handler, const hawser::framing& framing = framing::u32_be);
    /// The same, but the client's bytes are there before the session begins.
    peer open(session_handler handler, bytes_view sent);

    hawser::server& server() noexcept { return *server_; }
    recorder& seen() noexcept { return *recorder_; }

    /// How the last session ended: "completed", "failed: SYMBOL", "threw: WORDS", "cut: SYMBOL"; "" if none has.
    std::string last_end() const;

private:
    peer open(session_handler handler, const hawser::framing& framing, bytes_view sent);

    std::shared_ptr<recorder> recorder_;
    server_options options_;
    std::unique_ptr<hawser::server> server_;
    std::uint16_t next_port_ = 50001;
};

/// A u32_be frame.
std::string frame(bytes_view payload);

} // namespace hawser::test

#endif
