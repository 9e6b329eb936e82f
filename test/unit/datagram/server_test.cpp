// SPDX-License-Identifier: BSL-1.0

// A server of datagrams over real UDP on loopback: answers, each limit at it and one past it, rates, and the drain.
#define BOOST_TEST_MODULE datagram_server
#include <hawser/datagram.hpp>
#include <hawser/server.hpp>

#include "datagrams.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <stdexcept>

namespace {

using namespace hawser;
using namespace hawser::test;

// A server with a recorder, on a clock that the test moves.
struct datagram_scenario : scenario {
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    std::unique_ptr<hawser::server> server =
        std::make_unique<hawser::server>(runtime(), server_options{.observer = seen});
    listener_handle listening; // the last

    endpoint listen(const datagram_handler& handler, const datagram_options& options = {},
                    const char* where = "udp://127.0.0.1:0")
    {
        listening = listen_datagrams(*server, where, handler, options);
        poll();
        return server->endpoints().back();
    }
    server_statistics statistics() const { return server->statistics(); }
    void drain()
    {
        server->drain();
        poll();
    }
};

awaitable<void> echo(datagram_request& request)
{
    co_await request.send(request.payload());
}

// Where handlers wait until the test lets them go, or they are cancelled.
class gate
{
public:
    awaitable<void> pass()
    {
        boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
        timer.expires_at(boost::asio::steady_timer::time_point::max());
        waiting_.push_back(&timer);
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::deferred));
        std::erase(waiting_, &timer);
        const auto state = co_await boost::asio::this_coro::cancellation_state;
        if (state.cancelled() != boost::asio::cancellation_type::none)
            throw system_error{boost::asio::error::operation_aborted};
    }
    std::size_t waiting() const noexcept { return waiting_.size(); }
    void open_for_first() { waiting_.front()->cancel(); }
    void open()
    {
        for (auto* timer : waiting_)
            timer->cancel();
    }

private:
    std::vector<boost::asio::steady_timer*> waiting_;
};

datagram_handler behind(gate& g)
{
    return [&g](datagram_request& request) -> awaitable<void> {
        co_await g.pass();
        co_await request.send(request.payload());
    };
}

constexpr datagram_options any_rate{.rate_per_address = std::nullopt};

} // namespace

BOOST_AUTO_TEST_CASE(every_datagram_gets_its_answer_the_empty_one_too)
{
    for (const char* address : {"127.0.0.1", "::1"}) {
        datagram_scenario run;
        const plain_socket peer{address};
        const endpoint where = run.listen(echo, {}, endpoint::udp(address, 0).to_string().c_str());
        for (const char* text : {"one", "", "three"}) {
            peer.send(where, text);
            BOOST_TEST(peer.receive(run) == text);
        }
        BOOST_TEST(run.statistics().datagrams_in == 3u);
        BOOST_TEST(run.statistics().datagrams_out == 3u);
        BOOST_TEST(run.statistics().datagrams_dropped == 0u);
        BOOST_TEST(run.statistics().carried.bytes_in == 8u);
        BOOST_TEST(run.statistics().carried.bytes_out == 8u);
        until(run, [&] { return run.statistics().datagram_handlers == 0; });
    }
}

BOOST_AUTO_TEST_CASE(a_handler_knows_its_datagram)
{
    datagram_scenario run;
    const plain_socket peer;
    std::string facts;
    const endpoint where = run.listen([&facts](datagram_request& request) -> awaitable<void> {
        facts = request.sender().to_endpoint().to_string() + ' ' + request.local_endpoint().to_string() + ' ' +
                std::string{request.payload()} + (request.draining() ? " draining" : "");
        co_return;
    });
    BOOST_TEST(where.to_string().starts_with("udp://127.0.0.1:"));
    BOOST_TEST(where.port() != 0);
    peer.send(where, "payload");
    until(run, [&] { return !facts.empty(); });
    BOOST_TEST(facts == peer.where().to_string() + ' ' + where.to_string() + " payload");
}

BOOST_AUTO_TEST_CASE(a_payload_stays_while_its_handler_runs)
{
    datagram_scenario run;
    const plain_socket peer;
    gate g;
    const endpoint where = run.listen(behind(g));
    peer.send(where, "first");
    peer.send(where, "other");
    until(run, [&] { return g.waiting() == 2; });
    g.open();
    BOOST_TEST(peer.receive(run) == "first");
    BOOST_TEST(peer.receive(run) == "other");
}

BOOST_AUTO_TEST_CASE(answers_are_at_most_the_limit_all_together)
{
    datagram_scenario run;
    const plain_socket peer;
    std::vector<std::size_t> sizes;
    std::string words;
    const auto handler = [&](datagram_request& request) -> awaitable<void> {
        try {
            for (const std::size_t size : sizes)
                co_await request.send(std::string(size, 'a'));
        } catch (const hawser::error& e) {
            words = symbol(e.code()) + ": " + e.what();
            throw;
        }
        words = "done";
    };
    const endpoint where = run.listen(handler, {.max_answer = 100});
    struct {
        std::vector<std::size_t> sizes;
        const char* words;
        std::size_t answers;
    } const table[] = {
        {{100}, "done", 1},
        {{101}, "answer_too_large: answer of 101 bytes: expected at most 100", 0},
        {{60, 40}, "done", 2},
        {{60, 41}, "answer_too_large: answer of 41 bytes: expected at most 40 more, after 60", 1},
        {{100, 0}, "done", 2},
    };
    std::size_t failures = 0;
    for (const auto& t : table) {
        sizes = t.sizes;
        words.clear();
        peer.send(where, "?");
        until(run, [&] { return !words.empty(); });
        BOOST_TEST(words == t.words);
        for (std::size_t i = 0; i < t.answers; ++i)
            BOOST_TEST(peer.receive(run).size() == t.sizes[i]);
        failures += words == "done" ? 0U : 1U;
        until(run, [&] { return run.statistics().datagram_handlers == 0; });
        BOOST_TEST(run.statistics().datagrams_failed == failures);
    }
    BOOST_TEST(!peer.receive().has_value());
    BOOST_TEST(run.seen->failed_datagrams.size() == failures);
    BOOST_TEST(symbol(run.seen->failed_datagrams.front().error) == "answer_too_large");
}

BOOST_AUTO_TEST_CASE(a_datagram_longer_than_the_limit_is_dropped)
{
    datagram_scenario run;
    const plain_socket peer;
    const endpoint where = run.listen(echo, {.max_payload = 10});
    peer.send(where, "12345678901");
    peer.send(where, "1234567890");
    BOOST_TEST(peer.receive(run) == "1234567890");
    BOOST_TEST(run.statistics().datagrams_in == 1u);
    BOOST_TEST(run.statistics().datagrams_dropped == 1u);
}

BOOST_AUTO_TEST_CASE(the_longest_datagram_there_is_passes_by_default)
{
    datagram_scenario run;
    const plain_socket peer;
    std::size_t size = 0;
    const endpoint where = run.listen([&size](datagram_request& request) -> awaitable<void> {
        size = request.payload().size();
        co_return;
    });
    peer.send(where, std::string(65'507, 'x'));
    until(run, [&] { return size != 0; });
    BOOST_TEST(size == 65'507u);
}

BOOST_AUTO_TEST_CASE(as_many_handlers_run_as_may_and_the_next_when_one_ends)
{
    datagram_scenario run;
    const plain_socket peer;
    gate g;
    const endpoint where = run.listen(behind(g), {.rate_per_address = std::nullopt, .max_handlers = 3});
    for (const char* text : {"1", "2", "3", "4", "5"})
        peer.send(where, text);
    until(run, [&] { return g.waiting() == 3; });
    run.advance(1s);
    BOOST_TEST(g.waiting() == 3u);
    BOOST_TEST(run.statistics().datagram_handlers == 3u);
    BOOST_TEST(run.statistics().datagrams_in == 3u);
    g.open_for_first();
    BOOST_TEST(peer.receive(run) == "1");
    until(run, [&] { return g.waiting() == 3; });
    BOOST_TEST(run.statistics().datagrams_in == 4u);
    std::string rest;
    until(run, [&] {
        g.open();
        if (const auto got = peer.receive())
            rest += got->first;
        return rest.size() == 4;
    });
    BOOST_TEST(rest == "2345");
}

BOOST_AUTO_TEST_CASE(what_the_kernel_has_no_room_for_is_counted)
{
    datagram_scenario run;
    const plain_socket peer;
    gate g;
    const endpoint where = run.listen(behind(g), {.rate_per_address = std::nullopt, .max_handlers = 1});
    constexpr std::size_t sent = 4000;
    for (std::size_t i = 0; i < sent; ++i)
        peer.send(where, std::string(500, 'x'));
    until(run, [&] { return g.waiting() == 1; });
    until(run, [&] {
        g.open();
        while (peer.receive()) {
        }
        return run.statistics().datagram_handlers == 0 && g.waiting() == 0;
    });
    peer.send(where, "the one that tells");
    until(run, [&] { return g.waiting() == 1; });
    BOOST_TEST(run.statistics().datagrams_dropped > 0u);
    BOOST_TEST(run.statistics().datagrams_in + run.statistics().datagrams_dropped == sent + 1);
    BOOST_TEST(run.statistics().datagrams_failed == 0u);
}

BOOST_AUTO_TEST_CASE(while_it_is_suspended_the_kernel_keeps_what_comes_and_what_runs_goes_on)
{
    datagram_scenario run;
    const plain_socket peer;
    gate g;
    const endpoint where = run.listen(behind(g), any_rate);
    peer.send(where, "before");
    until(run, [&] { return g.waiting() == 1; });
    for (int i = 0; i < 2; ++i) { // twice is once
        run.listening.suspend();
        run.poll();
    }
    BOOST_TEST(run.listening.suspended());
    peer.send(where, "meanwhile");
    g.open();
    auto got = peer.receive();
    until(run, [&] { return got || (got = peer.receive()); });
    BOOST_TEST(got->first == "before");
    BOOST_TEST(g.waiting() == 0u);
    BOOST_TEST(run.statistics().datagrams_in == 1u);
    run.listening.resume();
    BOOST_TEST(!run.listening.suspended());
    until(run, [&] { return g.waiting() == 1; });
    g.open();
    got.reset();
    until(run, [&] { return got || (got = peer.receive()); });
    BOOST_TEST(got->first == "meanwhile");
    run.listening.suspend();
    run.poll();
    peer.send(where, "never taken");
    run.drain();
    BOOST_TEST_REQUIRE(run.server->report().has_value());
    BOOST_TEST(run.server->report()->clean());
    BOOST_TEST(run.statistics().datagrams_in == 2u);
}

BOOST_AUTO_TEST_CASE(one_that_is_suspended_before_it_begins_takes_nothing_until_it_is_resumed)
{
    datagram_scenario run;
    const plain_socket peer;
    run.listening = listen_datagrams(*run.server, "udp://127.0.0.1:0", echo);
    run.listening.suspend();
    peer.send(run.server->endpoints().back(), "early");
    run.poll();
    BOOST_TEST(run.statistics().datagrams_in == 0u);
    run.listening.resume();
    auto got = peer.receive();
    until(run, [&] { return got || (got = peer.receive()); });
    BOOST_TEST(got->first == "early");
}

BOOST_AUTO_TEST_CASE(an_address_gets_its_burst_and_then_its_rate)
{
    datagram_scenario run;
    const plain_socket peer;
    const plain_socket neighbour;              // of the same address: it counts
    const plain_socket stranger{"127.0.0.77"}; // of another
    const endpoint where = run.listen(echo, {.rate_per_address = 10, .burst_per_address = 5});
    for (int i = 0; i < 8; ++i)
        peer.send(where, "x");
    until(run, [&] { return run.statistics().datagrams_in + run.statistics().datagrams_dropped == 8; });
    BOOST_TEST(run.statistics().datagrams_in == 5u);
    neighbour.send(where, "y");
    until(run, [&] { return run.statistics().datagrams_dropped == 4; });
    stranger.send(where, "z");
    BOOST_TEST(stranger.receive(run) == "z");
    run.advance(99ms);
    peer.send(where, "x");
    until(run, [&] { return run.statistics().datagrams_dropped == 5; });
    run.advance(1ms);
    peer.send(where, "at its rate");
    std::string last;
    until(run, [&] {
        if (const auto got = peer.receive())
            last = got->first;
        return last == "at its rate";
    });
    BOOST_TEST(run.statistics().datagrams_in == 7u);
    BOOST_TEST(run.statistics().datagrams_out == 7u);
}

BOOST_AUTO_TEST_CASE(an_ipv4_address_counts_once_through_either_kind_of_socket)
{
    datagram_scenario run;
    const plain_socket a{"127.0.0.5"};
    const plain_socket b{"127.0.0.6"};
    const endpoint where =
        run.listen(echo, {.rate_per_address = 1, .burst_per_address = 1, .dual_stack = true}, "udp://[::]:0");
    for (const plain_socket* peer :
         {&a, &b, &a}) // were they counted by the /64 of their mapped form, b would be dropped
        peer->send(endpoint::udp("127.0.0.1", where.port()), "x");
    until(run, [&] { return run.statistics().datagrams_in + run.statistics().datagrams_dropped == 3; });
    BOOST_TEST(run.statistics().datagrams_in == 2u);
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_ends_itself_alone_and_is_told)
{
    datagram_scenario run;
    const plain_socket peer;
    const endpoint where = run.listen([](datagram_request& request) -> awaitable<void> {
        if (request.payload() == "bad")
            throw std::runtime_error{"no good"};
        co_await request.send(request.payload());
    });
    peer.send(where, "bad");
    peer.send(where, "good");
    BOOST_TEST(peer.receive(run) == "good");
    BOOST_TEST_REQUIRE(run.seen->failed_datagrams.size() == 1u);
    const session_end& end = run.seen->failed_datagrams.front();
    BOOST_TEST((end.reason == end_reason::threw));
    BOOST_TEST(end.what == "no good");
    BOOST_TEST((end.peer == peer.where()));
    BOOST_TEST((end.local == where));
    BOOST_TEST(end.statistics.bytes_in == 3u);
    BOOST_TEST(run.statistics().datagrams_failed == 1u);
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_before_it_is_a_coroutine_does_too)
{
    datagram_scenario run;
    const plain_socket peer;
    const endpoint where =
        run.listen([](datagram_request&) -> awaitable<void> { throw std::runtime_error{"at once"}; });
    peer.send(where, "x");
    until(run, [&] { return run.seen->failed_datagrams.size() == 1; });
    BOOST_TEST(run.seen->failed_datagrams.front().what == "at once");
    until(run, [&] { return run.statistics().datagram_handlers == 0; });
}

BOOST_AUTO_TEST_CASE(an_answer_comes_from_the_address_that_was_asked)
{
    for (const bool dual : {false, true}) {
        datagram_scenario run;
        const endpoint where = run.listen(echo, {.dual_stack = dual}, dual ? "udp://[::]:0" : "udp://0.0.0.0:0");
        const plain_socket peer;
        peer.connect(endpoint::udp("127.0.0.99", where.port())); // takes datagrams from there alone
        peer.send(endpoint::udp("127.0.0.99", where.port()), "from 99?");
        BOOST_TEST(peer.receive(run) == "from 99?");
    }
    datagram_scenario run;
    const endpoint where = run.listen(echo, {}, "udp://[::]:0");
    const plain_socket peer{"::1"};
    peer.connect(endpoint::udp("::1", where.port()));
    peer.send(endpoint::udp("::1", where.port()), "six");
    BOOST_TEST(peer.receive(run) == "six");
}

BOOST_AUTO_TEST_CASE(an_empty_host_is_every_interface_at_one_port)
{
    datagram_scenario run;
    run.listen(echo, {}, "udp://:0");
    const auto all = run.server->endpoints();
    BOOST_TEST_REQUIRE(all.size() == 2u);
    BOOST_TEST(all[0].port() == all[1].port());
    const plain_socket v4;
    v4.send(endpoint::udp("127.0.0.1", all[0].port()), "4");
    BOOST_TEST(v4.receive(run) == "4");
    const plain_socket v6{"::1"};
    v6.send(endpoint::udp("::1", all[0].port()), "6");
    BOOST_TEST(v6.receive(run) == "6");
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused_and_nothing_listens)
{
    datagram_scenario run;
    struct {
        datagram_options options;
        const char* words;
    } const table[] = {
        {{.rate_per_address = 0}, "datagram_options.rate_per_address: expected 1 to 1000000, got 0"},
        {{.rate_per_address = 1'000'001}, "datagram_options.rate_per_address: expected 1 to 1000000, got 1000001"},
        {{.burst_per_address = 0}, "datagram_options.burst_per_address: expected 1 to 1000000, got 0"},
        {{.burst_per_address = 1'000'001}, "datagram_options.burst_per_address: expected 1 to 1000000, got 1000001"},
        {{.max_addresses = 0}, "datagram_options.max_addresses: expected 1 or more, got 0"},
        {{.max_handlers = 0}, "datagram_options.max_handlers: expected 1 or more, got 0"},
    };
    for (const auto& t : table)
        BOOST_CHECK_EXCEPTION(run.listen(echo, t.options), std::invalid_argument,
                              [&](const auto& e) { return std::string{e.what()} == t.words; });
    BOOST_CHECK_EXCEPTION(run.listen(echo, {}, "tcp://127.0.0.1:0"), endpoint_error, [](const auto& e) {
        return std::string{e.what()} == "tcp://127.0.0.1:0: expected udp://, for datagrams";
    });
    BOOST_TEST(run.server->endpoints().empty());
    validate(datagram_options{.rate_per_address = 1'000'000,
                              .burst_per_address = 1'000'000,
                              .max_addresses = 1,
                              .max_answer = 0,
                              .max_payload = 0,
                              .max_handlers = 1});
}

// ---- The end

BOOST_AUTO_TEST_CASE(a_drain_without_handlers_ends_at_once)
{
    datagram_scenario run;
    const plain_socket peer;
    const endpoint where = run.listen(echo);
    peer.send(where, "x");
    BOOST_TEST(peer.receive(run) == "x");
    until(run, [&] { return run.statistics().datagram_handlers == 0; });
    run.drain();
    BOOST_TEST_REQUIRE(run.server->report().has_value());
    BOOST_TEST(run.server->report()->clean());
    BOOST_TEST(run.server->report()->datagrams == 0u);
    BOOST_TEST(run.server->report()->to_string() == "drained 0 connections in 0.0 s, cut 0");
    datagram_scenario other; // the port is free again
    BOOST_TEST((other.listen(echo, {}, where.to_string().c_str()) == where));
}

BOOST_AUTO_TEST_CASE(a_drain_awaits_the_handlers_and_receives_nothing_more)
{
    datagram_scenario run;
    const plain_socket peer;
    const plain_socket late;
    gate g;
    const endpoint where = run.listen(behind(g), any_rate);
    peer.send(where, "first");
    peer.send(where, "second");
    until(run, [&] { return g.waiting() == 2; });
    run.drain();
    late.send(where, "too late");
    run.advance(1s);
    BOOST_TEST(!run.server->report().has_value());
    BOOST_TEST(g.waiting() == 2u);
    g.open();
    BOOST_TEST(peer.receive(run) == "first");
    BOOST_TEST(peer.receive(run) == "second");
    until(run, [&] { return run.server->report().has_value(); });
    BOOST_TEST(run.server->report()->clean());
    BOOST_TEST(run.server->report()->datagrams == 2u);
    BOOST_TEST(run.server->report()->drained == 0u);
    BOOST_TEST(run.server->report()->to_string() == "drained 0 connections and 2 datagrams in 1.0 s, cut 0");
    BOOST_TEST(run.statistics().datagrams_in == 2u);
    BOOST_TEST(!late.receive().has_value());
}

BOOST_AUTO_TEST_CASE(the_drain_deadline_cancels_and_names_the_handlers)
{
    datagram_scenario run;
    const plain_socket peer;
    gate g;
    const endpoint where = run.listen(behind(g));
    peer.send(where, "stuck");
    until(run, [&] { return g.waiting() == 1; });
    run.drain();
    run.advance(29s);
    BOOST_TEST(!run.server->report().has_value());
    run.advance(2s);
    BOOST_TEST_REQUIRE(run.server->report().has_value());
    const drain_report report = *run.server->report();
    BOOST_TEST_REQUIRE(report.cut.size() == 1u);
    BOOST_TEST((report.cut.front().peer == peer.where()));
    BOOST_TEST(!report.cut.front().abandoned);
    BOOST_TEST((report.cut.front().age >= 31s));
    BOOST_TEST(report.datagrams == 0u);
    BOOST_TEST(report.drained == 0u);
    BOOST_TEST(report.to_string() == "drained 0 connections in 31.0 s, cut 1\ncut " + peer.where().to_string() +
                                         " after 31.0 s: it waits for nothing of the connection's");
    BOOST_TEST_REQUIRE(run.seen->failed_datagrams.size() == 1u);
    BOOST_TEST((run.seen->failed_datagrams.front().reason == end_reason::cut));
    BOOST_TEST(!peer.receive().has_value());
}

BOOST_AUTO_TEST_CASE(a_handler_that_ignores_its_cancellation_is_abandoned_and_named)
{
    datagram_scenario run;
    const plain_socket peer;
    bool began = false;
    const endpoint where = run.listen([&began](datagram_request&) -> awaitable<void> {
        co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
        boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
        timer.expires_at(boost::asio::steady_timer::time_point::max());
        began = true;
        co_await timer.async_wait(boost::asio::deferred);
    });
    peer.send(where, "x");
    until(run, [&] { return began; });
    run.server->abort();
    run.poll();
    BOOST_TEST(!run.server->report().has_value());
    run.advance(100ms);
    BOOST_TEST_REQUIRE(run.server->report().has_value());
    BOOST_TEST_REQUIRE(run.server->report()->cut.size() == 1u);
    BOOST_TEST(run.server->report()->cut.front().abandoned);
    BOOST_TEST((run.server->report()->cut.front().peer == peer.where()));
}

BOOST_AUTO_TEST_CASE(handlers_outlive_their_server)
{
    datagram_scenario run;
    const plain_socket peer;
    gate g;
    const endpoint where = run.listen(behind(g));
    peer.send(where, "still here");
    until(run, [&] { return g.waiting() == 1; });
    run.server.reset();
    run.poll();
    peer.send(where, "nobody takes this");
    run.poll();
    g.open();
    BOOST_TEST(peer.receive(run) == "still here");
    run.poll();
    datagram_scenario other; // the socket has closed with the last of them
    BOOST_TEST((other.listen(echo, {}, where.to_string().c_str()) == where));
}

BOOST_AUTO_TEST_CASE(a_runtime_ends_whatever_is_suspended)
{
    gate g;
    datagram_scenario run;
    const plain_socket peer;
    const endpoint where = run.listen(behind(g), {.rate_per_address = std::nullopt, .max_handlers = 2});
    for (int i = 0; i < 4; ++i)
        peer.send(where, "x");
    until(run, [&] { return g.waiting() == 2; });
    run.server.reset();
    run.end_runtime();
    BOOST_TEST(run.seen->failed_datagrams.empty());
}

BOOST_AUTO_TEST_CASE(the_log_says_why_a_datagram_failed)
{
    std::vector<std::string> lines;
    log_observer log{[&lines](std::string_view line) { lines.emplace_back(line); }};
    session_end end;
    end.reason = end_reason::threw;
    end.what = "no good";
    end.peer = "udp://127.0.0.1:5000";
    end.statistics.bytes_in = 3;
    log.datagram_failed(end);
    BOOST_TEST_REQUIRE(lines.size() == 1u);
    BOOST_TEST(lines.front() == "udp://127.0.0.1:5000: threw: no good (age 0.0 s, 3 bytes in, 0 out)");
}
