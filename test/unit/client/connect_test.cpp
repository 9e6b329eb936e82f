// SPDX-License-Identifier: BSL-1.0

// Which of a host's addresses is connected to, and when: the schedule, then the sockets, with a clock that the test
// moves.
#include "client/race.hpp"

#include "client/attempts.hpp"
#include "loop/descriptor_watch.hpp"
#include "scenario.hpp"
#include "sockets/binding.hpp"
#include "sockets/listening_socket.hpp"
#include "temporary_folder.hpp"

#include <hawser/connect.hpp>

#define BOOST_TEST_MODULE connect
#include <boost/test/unit_test.hpp>

#include <boost/asio/generic/stream_protocol.hpp>

#include <poll.h>

#include <chrono>
#include <filesystem>

using namespace hawser;
using namespace hawser::detail;
using namespace hawser::test;

// ---- The order: RFC 8305, section 4

namespace {

// "6a 6b 4a": addresses of IPv6 and IPv4, told apart by their last letter.
address_list addresses(std::string_view text)
{
    address_list list;
    for (std::size_t i = 0; i + 1 < text.size(); i += 3) {
        list.emplace_back();
        list.back().first.any.sa_family = text[i] == '6' ? AF_INET6 : AF_INET;
        list.back().second = static_cast<socklen_t>(text[i + 1]); // carried along as it is
    }
    return list;
}

std::string in_words(const address_list& list)
{
    std::string text;
    for (const auto& [a, letter] : list)
        text += std::string{text.empty() ? "" : " "} + (a.any.sa_family == AF_INET6 ? '6' : '4') + char(letter);
    return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(families_take_turns_and_keep_the_order_of_the_resolver)
{
    const std::pair<const char*, const char*> cases[] = {
        {"", ""},
        {"4a", "4a"},
        {"6a 6b 6c", "6a 6b 6c"},
        {"6a 6b 4c 4d", "6a 4c 6b 4d"},
        {"4a 6b 6c 6d", "4a 6b 6c 6d"},
        {"4a 4b 4c 6d", "4a 6d 4b 4c"},
        {"6a 4b 6c 4d", "6a 4b 6c 4d"},
    };
    for (const auto& [preferred, order] : cases)
        BOOST_TEST(in_words(interleave(addresses(preferred))) == order);
}

// ---- The schedule: section 5

namespace {

constexpr time_point begin{1h};

// The addresses whose time has come.
std::string due(race& r, duration since_begin)
{
    std::string text;
    while (const auto at = r.next(begin + since_begin))
        text += std::to_string(*at);
    return text;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_next_address_is_tried_after_the_delay_and_not_before)
{
    race r{3, 250ms};
    BOOST_TEST(due(r, 0ms) == "0");
    BOOST_TEST((r.due() == begin + 250ms));
    BOOST_TEST(due(r, 250ms - 1ns) == "");
    BOOST_TEST(due(r, 250ms) == "1");
    BOOST_TEST(due(r, 499ms) == "");
    BOOST_TEST(due(r, 510ms) == "2"); // looked at late
    BOOST_TEST((r.due() == time_point::max()));
    BOOST_TEST(due(r, 1h) == "");
    BOOST_TEST(!r.lost());
}

BOOST_AUTO_TEST_CASE(an_address_that_fails_lets_the_next_one_start_at_once)
{
    race r{4, 250ms};
    BOOST_TEST(due(r, 0ms) == "0");
    r.failed();
    BOOST_TEST(due(r, 10ms) == "1");
    BOOST_TEST(due(r, 10ms + 250ms - 1ns) == ""); // counted from this start
    BOOST_TEST(due(r, 260ms) == "2");
    r.failed(); // whichever of the two
    BOOST_TEST(due(r, 261ms) == "3");
    r.failed();
    BOOST_TEST(!r.lost());
    r.failed();
    BOOST_TEST(r.lost());
}

BOOST_AUTO_TEST_CASE(without_an_address_the_race_is_lost_before_it_begins)
{
    race r{0, 250ms};
    BOOST_TEST(due(r, 0ms) == "");
    BOOST_TEST(r.lost());
}

// ---- The sockets

namespace {

// A port of a loopback address, bound: connecting to it is refused.
class port
{
public:
    explicit port(const char* host = "127.0.0.1")
    {
        address_list at = numeric_addresses(endpoint::tcp(host, 0), false);
        fd_ = descriptor{::socket(at.front().first.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        BOOST_REQUIRE_EQUAL(::bind(fd_.get(), &at.front().first.any, at.front().second), 0);
        ::getsockname(fd_.get(), &at.front().first.any, &at.front().second);
        at_ = at.front();
    }

    // Connections are completed; with a queue of none left, they get no answer at all.
    void listen() const { BOOST_REQUIRE_EQUAL(::listen(fd_.get(), 8), 0); }
    void listen_and_be_full()
    {
        BOOST_REQUIRE_EQUAL(::listen(fd_.get(), 0), 0); // for one, says Linux
        queued_ = descriptor{::socket(at_.first.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        BOOST_REQUIRE_EQUAL(::connect(queued_.get(), &at_.first.any, at_.second), 0);
        pollfd queue{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        BOOST_REQUIRE_EQUAL(::poll(&queue, 1, 10'000), 1);
    }
    void make_room() const
    {
        const descriptor first{::accept(fd_.get(), nullptr, nullptr)};
        BOOST_TEST(static_cast<bool>(first));
    }

    const address_list::value_type& at() const { return at_; }
    endpoint where() const { return endpoint::tcp("127.0.0.1", address{at_.first, at_.second}.to_endpoint().port()); }

private:
    descriptor fd_;
    address_list::value_type at_;
    descriptor queued_;
};

std::ptrdiff_t open_descriptors()
{
    return std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {});
}

// One race, run by hand.
class racing
{
public:
    explicit racing(address_list list, duration delay = 250ms)
        : all{std::make_shared<attempts>(run.loop(), std::move(list), delay, std::nullopt)}
    {
        // What the first one makes beside itself.
        static_cast<void>(boost::asio::generic::stream_protocol::socket{run.loop().context()});
        descriptors = open_descriptors();
        run.loop().descriptors->wait([this] { freed = true; });
        work_ = run.start(go(all, winner));
    }

    std::string outcome() const
    {
        return work_->outcome() != "done" ? work_->outcome() : winner ? std::to_string(*winner) : "lost";
    }
    // How it ends, which the kernel may take a moment for.
    std::string ended()
    {
        const auto give_up = std::chrono::steady_clock::now() + 30s;
        while (!work_->done() && std::chrono::steady_clock::now() < give_up) {
            run.loop().context().run_one_for(100ms);
            run.poll();
        }
        return outcome();
    }
    // Sockets that were opened since the beginning.
    std::ptrdiff_t open() const { return open_descriptors() - descriptors; }
    void cancel() { work_->cancel(); }

    scenario run;
    std::shared_ptr<attempts> all;
    std::optional<std::size_t> winner;
    std::ptrdiff_t descriptors = 0;
    bool freed = false;

private:
    // As connect() does, it shares what it awaits.
    static awaitable<void> go(std::shared_ptr<attempts> of, std::optional<std::size_t>& winner)
    {
        winner = co_await of->first();
    }
    std::optional<task<void>> work_;
};

} // namespace

BOOST_AUTO_TEST_CASE(the_second_address_is_used_at_once_when_the_first_is_refused)
{
    const port nobody;
    const port served;
    served.listen();
    racing r{{nobody.at(), served.at()}};
    BOOST_TEST(r.ended() == "1");
    BOOST_TEST(r.open() == 1);
    BOOST_TEST(r.freed);
}

BOOST_AUTO_TEST_CASE(a_silent_address_is_left_alone_for_the_delay_and_closed_when_another_wins)
{
    port silent;
    silent.listen_and_be_full();
    const port served{"::1"};
    served.listen();
    racing r{{silent.at(), served.at()}};
    BOOST_TEST(r.outcome() == "suspended");
    r.run.advance(240ms);
    BOOST_TEST(r.outcome() == "suspended");
    BOOST_TEST(r.open() == 1);
    BOOST_TEST(!r.freed);
    r.run.advance(20ms);
    BOOST_TEST(r.ended() == "1");
    BOOST_TEST(r.open() == 1);
    BOOST_TEST(r.freed);
    BOOST_TEST(r.all->peer(1).to_endpoint().host() == "::1");
}

BOOST_AUTO_TEST_CASE(an_address_that_answers_late_may_still_win)
{
    port slow;
    slow.listen_and_be_full();
    port silent;
    silent.listen_and_be_full();
    racing r{{slow.at(), silent.at()}, 10ms};
    r.run.advance(20ms);
    BOOST_TEST(r.outcome() == "suspended");
    BOOST_TEST(r.open() == 2);
    slow.make_room(); // the kernel sends its SYN again after a second
    BOOST_TEST(r.ended() == "0");
    BOOST_TEST(r.open() == 1);
}

BOOST_AUTO_TEST_CASE(when_all_have_failed_each_is_named)
{
    const port nobody;
    const port elsewhere{"::1"};
    racing r{{elsewhere.at(), nobody.at()}};
    BOOST_TEST(r.ended() == "lost");
    BOOST_TEST(symbol(r.all->last_error()) == "ECONNREFUSED");
    BOOST_TEST(r.all->in_words() == "[::1]: ECONNREFUSED, 127.0.0.1: ECONNREFUSED");
    BOOST_TEST(r.open() == 0);
}

BOOST_AUTO_TEST_CASE(of_many_addresses_eight_are_named)
{
    const port nobody;
    const std::string one = "127.0.0.1: ECONNREFUSED";
    std::string eight = one;
    for (int i = 1; i < 8; ++i)
        eight += ", " + one;
    for (const auto& [addresses, words] : {std::pair{8U, eight}, std::pair{9U, eight + " and 1 more"}}) {
        racing r{address_list(addresses, nobody.at())};
        BOOST_TEST(r.ended() == "lost");
        BOOST_TEST(r.all->in_words() == words);
    }
}

BOOST_AUTO_TEST_CASE(whatever_ends_the_race_leaves_no_socket)
{
    port silent;
    silent.listen_and_be_full();
    const address_list two(2, silent.at());
    {
        racing r{two};
        r.run.advance(300ms);
        BOOST_TEST(r.open() == 2);
        r.cancel();
        BOOST_TEST(r.outcome() == "ECANCELED");
        BOOST_TEST(r.open() == 0);
        BOOST_TEST(r.freed);
    }
    {
        racing r{two};
        r.run.advance(300ms);
        r.all->interrupt();
        r.run.poll();
        BOOST_TEST(r.outcome() == "lost");
        BOOST_TEST(r.all->in_words() == "127.0.0.1: no answer, 127.0.0.1: no answer");
        BOOST_TEST(r.open() == 0);
    }
    {
        racing r{two};
        const std::weak_ptr<attempts> gone = r.all;
        r.all.reset();
        r.run.end_runtime(); // with the race under way
        BOOST_TEST(gone.expired());
    }
}

// ---- A Unix socket's queue

namespace {

// A server at a path that does not accept yet: a connection is in its queue, which has room for no other.
class full_queue
{
public:
    full_queue() : server_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        where().path().copy(at_.sun_path, sizeof at_.sun_path - 1);
        at_.sun_family = AF_UNIX;
        BOOST_REQUIRE_EQUAL(::bind(server_.get(), reinterpret_cast<const sockaddr*>(&at_), sizeof at_), 0);
        BOOST_REQUIRE_EQUAL(::listen(server_.get(), 0), 0); // for one, says Linux
        first_ = descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        BOOST_REQUIRE_EQUAL(::connect(first_.get(), reinterpret_cast<const sockaddr*>(&at_), sizeof at_), 0);
    }
    endpoint where() const { return endpoint::unix_socket(folder_.path("server.sock")); }
    descriptor accept() const { return descriptor{::accept(server_.get(), nullptr, nullptr)}; }

private:
    temporary_folder folder_;
    sockaddr_un at_{};
    descriptor server_;
    descriptor first_;
};

awaitable<void> greet(endpoint where, connect_options options)
{
    connection c = co_await connect(std::move(where), std::move(options));
    co_await c.write("hello");
    co_await c.flush();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_full_queue_is_tried_again_until_it_has_room)
{
    scenario run;
    const full_queue server;
    const auto task = run.start(greet(server.where(), {}));
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST_REQUIRE(task.outcome() == "suspended");
        run.advance(60ms);
    }
    BOOST_TEST(static_cast<bool>(server.accept()));
    run.advance(60ms);
    BOOST_TEST(task.outcome() == "done");
    const descriptor greeted = server.accept();
    char got[8] = "";
    BOOST_TEST(::recv(greeted.get(), got, sizeof got, 0) == 5);
    BOOST_TEST(got == std::string{"hello"});
}

BOOST_AUTO_TEST_CASE(a_full_queue_is_asked_soon_at_first_and_later_every_50_ms)
{
    scenario run;
    const full_queue server;
    std::vector<duration> asked;
    const auto begin = run.time.now();
    const auto note = [&](const auto& self) -> void { // each attempt gives a descriptor back
        run.loop().descriptors->wait([&, self] {
            asked.push_back(run.time.now() - begin);
            self(self);
        });
    };
    note(note);
    const auto task = run.start(greet(server.where(), {}));
    run.steps(1s, 1ms);
    BOOST_TEST_REQUIRE(asked.size() > 7U);
    BOOST_TEST((asked[0] == 0ms));
    duration least = 1ms;
    for (std::size_t i = 1; i < asked.size(); ++i, least = std::min<duration>(2 * least, 50ms)) {
        const duration pause = asked[i] - asked[i - 1];
        BOOST_TEST((pause >= least && pause <= least + 10ms), i << ": " << pause.count() << " ns"); // ticks of 4 ms
    }
}

BOOST_AUTO_TEST_CASE(a_queue_that_stays_full_ends_with_connect_timeout)
{
    scenario run;
    const full_queue server;
    const auto descriptors = open_descriptors();
    const auto task = run.start(greet(server.where(), {.connect_timeout = 2s}));
    run.steps(1990ms, 10ms);
    BOOST_TEST(task.outcome() == "suspended");
    run.advance(20ms);
    BOOST_TEST(task.outcome() == "connect_timeout");
    BOOST_TEST(task.what() ==
               server.where().to_string() + ": connect_timeout after 2 s; its queue of connections to accept is full");
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(waiting_for_room_in_a_queue_can_be_cancelled)
{
    scenario run;
    const full_queue server;
    const auto descriptors = open_descriptors();
    auto task = run.start(greet(server.where(), {.connect_timeout = never}));
    run.steps(500ms, 10ms);
    BOOST_TEST(task.outcome() == "suspended");
    task.cancel();
    BOOST_TEST(task.outcome() == "ECANCELED");
    BOOST_TEST(open_descriptors() == descriptors);
}

// ---- Its options

namespace {

awaitable<void> connect_nowhere(connect_options options)
{
    const endpoint nowhere{"unix:/nowhere"};
    co_await connect(nowhere, std::move(options));
}

std::string refusal(const connect_options& options)
{
    scenario run;
    return run.start(connect_nowhere(options)).what();
}

} // namespace

BOOST_AUTO_TEST_CASE(the_delay_is_from_10_ms_to_2_s)
{
    for (const duration refused : {10ms - 1ns, 2s + 1ns, 0ns, never})
        BOOST_TEST(refusal({.attempt_delay = refused}) == "connect_options.attempt_delay: expected 10 ms to 2 s, got " +
                                                              std::to_string(refused.count()) + " ns");
    for (const duration taken : {duration{10ms}, duration{2s}})
        BOOST_TEST(refusal({.attempt_delay = taken}) == "unix:/nowhere: connect: ENOENT (No such file or directory)");
}
