// SPDX-License-Identifier: BSL-1.0

// Each allocation of a running server's threads, failed once in turn: it costs one connection at most. Afterwards a new
// client is served, and permits, descriptors, buffers and memory are as before.
//
// Says for each scenario how many places of the program were reached; with NAME_PLACES set, and --log_level=message,
// also which.
#define BOOST_TEST_MODULE failing_allocations
#include <hawser/broadcast.hpp>
#include <hawser/connect.hpp>
#include <hawser/datagram.hpp>
#include <hawser/http/server.hpp>
#include <hawser/message/session.hpp>
#include <hawser/server.hpp>

#include "connection/core.hpp"
#include "loop/runtime_core.hpp"

#include "failing_allocation.hpp"
#include "socket_client.hpp"
#include "temporary_folder.hpp"
#include "test_certificate.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <openssl/ssl.h>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_open = 48;   // connections
constexpr int most_named = 3;           // functions of a trace
constexpr long most_allocations = 2000; // of one scenario
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool counts_memory = false;
#else
constexpr bool counts_memory = true;
#endif

// ---- Clients, on this thread, whose allocations never fail

using client = socket_client;

bool echoes(std::uint16_t port)
{
    const client c{port};
    c.send(frame("victim"));
    return c.receive(10) == frame("victim");
}

bool echoes_over_tls(std::uint16_t port)
{
    const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context{::SSL_CTX_new(::TLS_client_method()),
                                                                      ::SSL_CTX_free};
    const client c{port};
    const std::unique_ptr<SSL, decltype(&::SSL_free)> ssl{::SSL_new(context.get()), ::SSL_free};
    ::SSL_set_fd(ssl.get(), c.fd());
    if (::SSL_connect(ssl.get()) != 1)
        return false;
    const std::string sent = frame("over TLS");
    if (::SSL_write(ssl.get(), sent.data(), static_cast<int>(sent.size())) <= 0)
        return false;
    std::string got(sent.size(), '\0');
    int n = 0;
    for (int r = 1; r > 0 && n < static_cast<int>(got.size()); n += std::max(r, 0))
        r = ::SSL_read(ssl.get(), got.data() + n, static_cast<int>(got.size()) - n);
    ::SSL_shutdown(ssl.get());
    return got == sent;
}

// ---- The server

struct counting_observer final : observer {
    void session_ended(const session_end&) noexcept override { changed(); }
    void drain_ended(const drain_report&) noexcept override { changed(); }
    void changed() noexcept
    {
        const std::lock_guard lock{mutex};
        told.notify_all();
    }
    /// Whether it comes to hold in time. What it depends on changes about when one of the above is told: a permit is
    /// given back only after that.
    template <class Predicate>
    bool until(Predicate holds)
    {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        std::unique_lock lock{mutex};
        while (!holds()) {
            if (std::chrono::steady_clock::now() > deadline)
                return false;
            told.wait_for(lock, 1ms);
        }
        return true;
    }
    std::mutex mutex;
    std::condition_variable told;
};

awaitable<void> echo(connection& peer)
{
    while (const auto got = co_await peer.read_frame())
        co_await peer.write_frame(*got);
}

awaitable<void> answer(http::request& request, http::response& response)
{
    const auto body = co_await request.read_all();
    const std::string echoed{body};
    co_await response.send(echoed);
}

awaitable<void> answer_message(connection& peer, const messages::message& request)
{
    co_await messages::write_message(peer, request);
}

awaitable<void> answer_datagram(datagram_request& request)
{
    co_await request.send(request.payload());
}

// Sends each frame that it gets to all that are there.
class chat
{
public:
    awaitable<void> talk(connection& peer)
    {
        {
            const std::lock_guard lock{mutex_};
            there_.push_back(peer.handle());
        }
        while (const auto got = co_await peer.read_frame()) {
            const std::lock_guard lock{mutex_};
            send_to_all(there_, encoded_frame{framing::u32_be, *got}, [](connection& behind) { behind.reset(); });
        }
    }
    void forget()
    {
        const std::lock_guard lock{mutex_};
        there_.clear();
    }

private:
    std::mutex mutex_;
    std::vector<connection_handle> there_;
};

class running_server
{
public:
    running_server()
    {
        allocation::exempt = true;
        std::signal(SIGPIPE, SIG_IGN); // of OpenSSL, in the client
        std::array<void*, 4> first;
        ::backtrace(first.data(), first.size()); // loads what it needs
        path = folder.path("echo.sock");
        server.listen("unix:" + path, echo);
        frames = listen("tcp://127.0.0.1:0", echo);
        tls = listen("tls://127.0.0.1:0", echo, {.tls = good()});
        http = listen("tcp://127.0.0.1:0", http::serve(answer));
        chats = listen("tcp://127.0.0.1:0", [this](connection& peer) { return talks.talk(peer); });
        messages = listen("tcp://127.0.0.1:0", messages::serve(answer_message));
        listen_datagrams(server, "udp://127.0.0.1:0", answer_datagram);
        datagrams = server.endpoints().back().port();
        runtime.start();
    }

    std::uint16_t listen(const endpoint& where, session_handler handler, const listen_options& options = {})
    {
        server.listen(where, std::move(handler), options);
        return server.endpoints().back().port();
    }

    /// On each loop: its connections, and the bytes of its buffers that are in use.
    std::size_t left_on_loops()
    {
        std::size_t all = 0;
        for (const auto& l : detail::runtime_access::get(runtime).loops()) {
            std::promise<std::size_t> told;
            l->post([&told, on = l] {
                told.set_value(static_cast<std::size_t>(std::distance(on->connections.begin(), on->connections.end())) +
                               on->blocks().in_use());
            });
            all += told.get_future().get();
        }
        return all;
    }

    temporary_folder folder;
    chat talks;
    std::string path;
    hawser::runtime runtime{{.loops = 2}};
    std::shared_ptr<counting_observer> seen = std::make_shared<counting_observer>();
    hawser::server server{
        runtime,
        {.limits = {.connections = most_open, .output_high_water = 64 * 1024, .output_low_water = 16 * 1024},
         .observer = seen}};
    std::uint16_t frames = 0, tls = 0, http = 0, chats = 0, messages = 0, datagrams = 0;
};

running_server& running()
{
    static running_server r;
    return r;
}

std::size_t descriptors()
{
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

std::size_t memory_in_use()
{
    return counts_memory ? ::mallinfo2().uordblks : 0;
}

// Hawser's functions in a trace, the innermost first, as addr2line knows them.
std::string functions_in(const std::vector<void*>& trace)
{
    Dl_info program{};
    ::dladdr(reinterpret_cast<void*>(&descriptors), &program);
    std::string command = "addr2line -Cfe /proc/" + std::to_string(::getpid()) + "/exe";
    for (void* const at : trace) {
        std::array<char, 32> offset{};
        std::snprintf(offset.data(), offset.size(), " %#tx",
                      static_cast<char*>(at) - static_cast<char*>(program.dli_fbase) - 1);
        command += offset.data();
    }
    std::string all;
    int named = 0;
    const std::unique_ptr<FILE, int (*)(FILE*)> output{::popen(command.c_str(), "r"), ::pclose};
    std::array<char, 4096> line{};
    while (named < most_named && std::fgets(line.data(), line.size(), output.get()) != nullptr) {
        const std::string name = line.data();
        if (!name.starts_with("hawser::") || name.starts_with("hawser::test::"))
            continue;
        all += (all.empty() ? "" : " < ") + name.substr(0, name.find_first_of("(\n"));
        ++named;
    }
    return all;
}

// ---- The sweep

using scenario_function = std::function<void(running_server&)>;

bool is_quiet(running_server& r)
{
    return r.seen->until([&] { return r.server.statistics().connections == 0; });
}

void sweep(const char* name, const scenario_function& scenario)
{
    running_server& r = running();
    for (int i = 0; i < 2; ++i) { // what is made once, is
        scenario(r);
        BOOST_TEST_REQUIRE(is_quiet(r));
    }
    r.left_on_loops();
    const std::size_t descriptors_before = descriptors();
    const std::size_t memory_before = memory_in_use();
    std::set<std::vector<void*>> places;
    long n = 1;
    for (bool reached = true; reached; ++n) {
        BOOST_TEST_REQUIRE(n < most_allocations);
        allocation::fail(n);
        BOOST_TEST_CONTEXT(name << ": allocation " << n)
        {
            scenario(r);
        }
        const std::vector<void*> trace = allocation::failed();
        reached = !trace.empty();
        const char* const wrong = !echoes(r.frames)         ? "a new client is not served"
                                  : !is_quiet(r)            ? "a session has not ended"
                                  : r.left_on_loops() != 0u ? "something is left on a loop"
                                                            : nullptr;
        if (wrong != nullptr)
            BOOST_FAIL(name << ": " << wrong << " after allocation " << n << " failed in " << functions_in(trace));
        if (reached && places.insert(trace).second && std::getenv("NAME_PLACES") != nullptr)
            BOOST_TEST_MESSAGE("    " << functions_in(trace));
    }
    BOOST_TEST(!places.empty());
    BOOST_TEST(descriptors() == descriptors_before);
    if (counts_memory)
        BOOST_TEST(memory_in_use() < memory_before + 64 * 1024);
    std::printf("%s: %zu places\n", name, places.size());
    std::vector<client> all;
    for (std::size_t i = 0; i < most_open; ++i)
        all.emplace_back(r.frames);
    for (const client& c : all)
        c.send(frame("all"));
    for (const client& c : all)
        BOOST_TEST(c.receive(7) == frame("all")); // no permit is lost
    all.clear();
    BOOST_TEST(is_quiet(r));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_an_accepted_connection_at_most)
{
    sweep("accept and echo", [](running_server& r) { echoes(r.frames); });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_one_of_many_that_come_at_once_at_most)
{
    sweep("accept of many", [](running_server& r) {
        std::vector<client> all;
        for (int i = 0; i < 20; ++i)
            all.emplace_back(r.frames);
        for (const client& c : all)
            c.send(frame("one of many"));
        std::size_t served = 0;
        for (const client& c : all)
            served += c.receive(15) == frame("one of many");
        BOOST_TEST(served >= all.size() - 1);
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_one_of_many_that_close_at_once_at_most)
{
    sweep("close of many", [](running_server& r) {
        std::vector<client> all;
        for (int i = 0; i < 20; ++i)
            all.emplace_back(r.frames);
        for (const client& c : all)
            c.send(frame(std::string(100'000, 'x')));
        for (const client& c : all)
            c.end();
        std::size_t served = 0;
        for (const client& c : all)
            served += c.receive(100'004).size() == 100'004;
        BOOST_TEST(served >= all.size() - 1);
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_the_sender_of_a_large_frame_at_most)
{
    sweep("large frame", [](running_server& r) {
        const client c{r.frames};
        const std::string sent = frame(std::string(400'000, 'x'));
        c.send(sent);
        c.receive(sent.size());
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_the_slow_reader_at_most_and_never_tears_a_frame_of_one_that_goes_on)
{
    sweep("back-pressure", [](running_server& r) {
        const client c{r.path};
        const std::string sent = frame(std::string(100'000, 'y'));
        std::size_t frames = 0;
        std::string rest;
        for (bool takes = true; takes; ++frames) { // until the server has stopped reading, for nobody reads its answers
            rest = sent;
            takes = c.send_while_taken(rest);
        }
        std::thread writer{[&] {
            allocation::exempt = true;
            c.send(rest);
            c.end();
        }};
        std::string got = sent;
        for (; frames > 0 && got == sent; --frames)
            got = c.receive(sent.size());
        BOOST_TEST((got == sent || (got.size() < sent.size() && sent.starts_with(got))), "a frame is torn");
        writer.join();
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_a_tls_session_at_most)
{
    sweep("TLS", [](running_server& r) { echoes_over_tls(r.tls); });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_an_http_session_at_most)
{
    sweep("HTTP", [](running_server& r) {
        const client c{r.http};
        c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
               "GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        c.receive(4000);
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_a_session_of_messages_at_most)
{
    sweep("message", [](running_server& r) {
        const client c{r.messages};
        const std::string sent = messages::encode({.type = "text", .encoding = "utf-8", .content = "hello"});
        c.send(sent);
        c.end();
        c.receive(4000);
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_one_of_those_at_most_that_a_frame_is_sent_to_once_it_is)
{
    sweep("send_to_all", [](running_server& r) {
        std::vector<client> all;
        for (int i = 0; i < 4; ++i)
            all.emplace_back(r.chats);
        const std::string sent = frame("to all");
        const auto gets = [&](const client& c, const std::string& wanted) { // whatever comes before it
            std::string got = c.receive(wanted.size());
            while (!got.empty() && got != wanted)
                got = c.receive(wanted.size());
            return !got.empty();
        };
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::string here = frame("here " + std::to_string(i));
            all[i].send(here);
            gets(all[i], here);
        }
        all.front().send(sent);
        if (gets(all.front(), sent)) { // otherwise nobody knows whether it was
            std::size_t missed = 0;
            for (std::size_t i = 1; i < all.size(); ++i)
                missed += !gets(all[i], sent);
            BOOST_TEST(missed <= 1u);
        }
        r.talks.forget();
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_a_datagram_at_most)
{
    sweep("datagram", [](running_server& r) {
        const client c{r.datagrams, SOCK_DGRAM};
        c.send("hello");
        std::string got;
        for (int tries = 0; tries < 50 && got != "hello"; ++tries) { // one is lost, and a pause may be 100 ms
            got = c.datagram(200ms);
            if (got.empty())
                c.send("hello");
        }
        BOOST_TEST(got == "hello");
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_costs_a_connecting_client_at_most)
{
    sweep("connect", [](running_server& r) {
        std::promise<void> done;
        const auto talk = [](std::uint16_t port) -> awaitable<void> {
            auto peer = co_await connect(endpoint::tcp("127.0.0.1", port));
            co_await peer.write_frame("hello");
            co_await peer.read_frame();
            co_await peer.close();
        };
        r.runtime.spawn(talk(r.frames), [&](std::exception_ptr) { done.set_value(); });
        BOOST_TEST_REQUIRE((done.get_future().wait_for(patience) == std::future_status::ready),
                           "connect neither completes nor throws");
    });
}

BOOST_AUTO_TEST_CASE(a_failed_allocation_never_keeps_a_drain_from_its_end)
{
    sweep("drain", [](running_server& r) {
        const auto seen = std::make_shared<counting_observer>();
        hawser::server server{r.runtime, {.timeouts = {.drain = 50ms}, .observer = seen}};
        server.listen("tcp://127.0.0.1:0", echo);
        const std::uint16_t port = server.endpoints().back().port();
        std::vector<client> all;
        for (int i = 0; i < 4; ++i)
            all.emplace_back(port);
        for (const client& c : all) {
            c.send(frame("before the drain"));
            c.receive(20);
        }
        all.back().send("half"); // of a frame: it is cut
        server.drain();
        BOOST_TEST_REQUIRE(seen->until([&] { return server.report().has_value(); }), "the drain does not end");
        BOOST_TEST_REQUIRE(seen->until([&] { return server.statistics().connections == 0; }));
    });
}
