// SPDX-License-Identifier: BSL-1.0

// Servers and clients over real sockets, two loops each, while another thread calls whatever it may.
#define BOOST_TEST_MODULE stress
#include <hawser/connect.hpp>
#include <hawser/server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using hawser::awaitable;
using hawser::connection;

constexpr unsigned clients_at_once = 32;
constexpr unsigned frames_at_once = 8;

// Ends what it counts down to, and lets another thread wait for it.
class countdown
{
public:
    explicit countdown(unsigned from) : left_{from} {}
    void one()
    {
        const std::lock_guard lock{mutex_};
        if (--left_ == 0)
            none_left_.notify_all();
    }
    void wait()
    {
        std::unique_lock lock{mutex_};
        none_left_.wait(lock, [this] { return left_ == 0; });
    }

private:
    unsigned left_;
    std::mutex mutex_;
    std::condition_variable none_left_;
};

// Every event of a server, counted.
struct counting_observer : hawser::observer {
    std::atomic<unsigned> ended{0}, drains{0};
    void session_ended(const hawser::session_end&) noexcept override { ++ended; }
    void drain_ended(const hawser::drain_report&) noexcept override { ++drains; }
};

// What the clients of one round found.
struct findings {
    std::atomic<std::uint64_t> answered{0};
    std::atomic<unsigned> wrong{0}, reset{0};
};

std::string numbered(std::uint64_t n)
{
    return "frame " + std::to_string(n) + std::string(n % 3 == 0 ? 3000 : 0, 'x');
}

// Sends, reads the answers, and goes on until the server ends the stream.
awaitable<void> talk(hawser::endpoint where, findings& found)
{
    connection peer = co_await hawser::connect(where);
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    for (;;) {
        for (unsigned i = 0; i < frames_at_once; ++i) {
            const std::string payload = numbered(sent++);
            co_await peer.write_frame(payload);
        }
        for (unsigned i = 0; i < frames_at_once; ++i) {
            const auto frame = co_await peer.read_frame();
            if (!frame)
                co_return;
            if (*frame != numbered(answered++))
                ++found.wrong;
            ++found.answered;
        }
    }
}

class world
{
public:
    world() : observer{std::make_shared<counting_observer>()}, server{serving, with(observer)}
    {
        server.listen(hawser::endpoint{"tcp://127.0.0.1:0"},
                      [this](connection& peer) -> awaitable<void> { co_await echo(peer); });
        serving.start();
        asking.start();
    }

    // So many clients, on both loops in turn; each calls `done` at its end.
    void start_clients(unsigned count, countdown& done)
    {
        for (unsigned i = 0; i < count; ++i)
            boost::asio::co_spawn(asking.executor(i % asking.loops()), talk(server.endpoints().front(), found),
                                  [this, &done](std::exception_ptr e) {
                                      if (e != nullptr)
                                          ++found.reset;
                                      done.one();
                                  });
    }

    // Calls what any thread may call, until all are connected and so many frames are answered.
    void meddle_until(std::uint64_t answers)
    {
        while (found.answered < answers || server.statistics().accepted < clients_at_once)
            meddle();
    }

    // What any thread may call at any time.
    void meddle()
    {
        const hawser::server_statistics counts = server.statistics();
        if (counts.connections > counts.accepted || counts.completed + counts.failed > counts.accepted)
            ++contradictions;
        std::vector<hawser::connection_handle> all;
        {
            const std::lock_guard lock{mutex_};
            all = handles_;
        }
        for (const hawser::connection_handle& h : all)
            h.post([this](connection& peer) {
                seen += peer.statistics().frames_in + peer.queued() +
                        (peer.waiting_for() == hawser::wait_kind::input ? 1U : 0U);
                ++posted;
            });
        (void)server.report();
        (void)server.endpoints();
    }

    hawser::runtime serving{hawser::runtime_options{.loops = 2}};
    hawser::runtime asking{hawser::runtime_options{.loops = 2}};
    std::shared_ptr<counting_observer> observer;
    hawser::server server;
    findings found;
    std::atomic<std::uint64_t> seen{0};
    std::atomic<unsigned> posted{0}, contradictions{0};

private:
    static hawser::server_options with(std::shared_ptr<hawser::observer> o)
    {
        hawser::server_options options;
        options.observer = std::move(o);
        return options;
    }

    awaitable<void> echo(connection& peer)
    {
        {
            const std::lock_guard lock{mutex_};
            handles_.push_back(peer.handle());
        }
        while (auto frame = co_await peer.read_frame())
            co_await peer.write_frame(*frame);
    }

    std::mutex mutex_;
    std::vector<hawser::connection_handle> handles_;
};

} // namespace

BOOST_AUTO_TEST_CASE(a_drain_from_another_thread_loses_nothing_under_load)
{
    for (int round = 0; round < 5; ++round) {
        world w;
        countdown done{clients_at_once};
        w.start_clients(clients_at_once, done);
        w.meddle_until(5000);
        std::thread other{[&] { w.server.drain(); }};
        w.server.drain();
        w.meddle();
        other.join();
        const hawser::drain_report report = w.server.wait();
        done.wait();
        BOOST_TEST(report.clean());
        BOOST_TEST(report.drained == clients_at_once);
        BOOST_TEST(w.found.wrong == 0U);
        BOOST_TEST(w.found.reset == 0U);
        BOOST_TEST(w.posted > 0U);
        BOOST_TEST(w.contradictions == 0U);
        const auto counts = w.server.statistics();
        BOOST_TEST(counts.connections == 0U);
        BOOST_TEST(counts.accepted == clients_at_once);
        BOOST_TEST(counts.completed == clients_at_once);
        BOOST_TEST(w.observer->ended == clients_at_once);
        BOOST_TEST(w.observer->drains == 1U);
        w.meddle(); // handles of sessions that have ended
    }
}

BOOST_AUTO_TEST_CASE(a_cut_from_another_thread_ends_every_session)
{
    for (int round = 0; round < 5; ++round) {
        world w;
        countdown done{clients_at_once};
        w.start_clients(clients_at_once, done);
        w.meddle_until(1000);
        std::thread other{[&] { w.server.abort(); }};
        w.server.drain();
        w.server.abort();
        other.join();
        const hawser::drain_report report = w.server.wait();
        done.wait();
        BOOST_TEST(report.drained + report.cut.size() >= clients_at_once - 1);
        // One whose loop is not given a processor for the 60 ms after the cut is said to be abandoned, and ends later.
        for (const hawser::cut_session& c : report.cut)
            BOOST_TEST((!c.abandoned || report.took >= std::chrono::milliseconds{50}));
        while (w.server.statistics().connections != 0)
            std::this_thread::yield();
        BOOST_TEST(w.found.wrong == 0U);
    }
}

BOOST_AUTO_TEST_CASE(clients_come_and_go_while_the_server_drains)
{
    for (int round = 0; round < 10; ++round) {
        world w;
        countdown done{4 * clients_at_once};
        w.start_clients(clients_at_once, done);
        while (w.found.answered < 200)
            w.meddle();
        std::thread other{[&] { w.server.drain(); }};
        w.start_clients(3 * clients_at_once, done); // served, in part or wholly refused: but each of them ends
        other.join();
        const hawser::drain_report report = w.server.wait();
        done.wait();
        BOOST_TEST(report.clean());
        BOOST_TEST(w.found.wrong == 0U);
        BOOST_TEST(w.server.statistics().connections == 0U);
    }
}

BOOST_AUTO_TEST_CASE(runtimes_end_while_everything_is_under_way)
{
    for (int round = 0; round < 10; ++round) {
        countdown done{1};
        findings found;
        {
            hawser::runtime serving{hawser::runtime_options{.loops = 2}};
            hawser::server server{serving};
            server.listen(hawser::endpoint{"tcp://127.0.0.1:0"}, [](connection& peer) -> awaitable<void> {
                while (auto frame = co_await peer.read_frame())
                    co_await peer.write_frame(*frame);
            });
            serving.start();
            hawser::runtime asking{hawser::runtime_options{.loops = 2}};
            asking.start();
            for (unsigned i = 0; i < clients_at_once; ++i)
                boost::asio::co_spawn(asking.executor(i % 2), talk(server.endpoints().front(), found),
                                      [](std::exception_ptr) {});
            while (found.answered < 100)
                std::this_thread::yield();
        }
        BOOST_TEST(found.wrong == 0U);
    }
}
