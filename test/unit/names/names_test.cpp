// SPDX-License-Identifier: BSL-1.0

// Names and addresses: what is refused before the resolver sees it, the pool with its deadline, and what is found.
#include <hawser/names.hpp>

#include <hawser/connect.hpp>
#include <hawser/runtime.hpp>

#include "names/calls.hpp"
#include "names/resolver.hpp"
#include "scenario.hpp"
#include "values/name_rules.hpp"

#define BOOST_TEST_MODULE names
#include <boost/test/unit_test.hpp>

#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;
using detail::lookup_of;

namespace {

using number_lookup = lookup_of<int>;

// Look-ups that are stuck, as in a name server that does not answer, until they are let go. They may outlive it.
class stuck
{
public:
    std::shared_ptr<number_lookup> one()
    {
        return std::make_shared<number_lookup>([it = state_](int& found) {
            ++it->begun;
            it->gate.wait();
            found = 42;
            ++it->ended;
            return error_code{};
        });
    }
    void let_go() { state_->open.set_value(); }
    int begun() const { return state_->begun; }
    int ended() const { return state_->ended; }

private:
    struct state {
        std::atomic<int> begun{0};
        std::atomic<int> ended{0};
        std::promise<void> open;
        std::shared_future<void> gate = open.get_future().share();
    };
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

// The pool's threads run in real time, whatever the loop's clock says.
template <class Condition>
void wait_until(scenario& run, Condition met)
{
    const auto patience = std::chrono::steady_clock::now() + 30s;
    while (!met() && std::chrono::steady_clock::now() < patience) {
        run.poll();
        std::this_thread::yield();
    }
    BOOST_REQUIRE(met());
}

template <class T>
awaitable<std::string> failure_of(awaitable<T> operation, std::string* words = nullptr)
{
    try {
        static_cast<void>(co_await std::move(operation));
    } catch (const system_error& e) {
        if (words != nullptr)
            *words = e.what();
        co_return symbol(e.code());
    }
    co_return "nothing";
}

std::string times(std::size_t n, std::string_view text)
{
    std::string all;
    while (n-- > 0)
        all += text;
    return all;
}

} // namespace

// ---- Rules

BOOST_AUTO_TEST_CASE(names_that_can_be_looked_up)
{
    const std::vector<std::string> names{"localhost",  "a.b.c",
                                         "a.",         "xn--nme-qla.test",
                                         "127.0.0.1",  "fe80::1%eth0",
                                         "_srv._tcp",  std::string(63, 'a') + '.' + std::string(63, 'b'),
                                         "",           times(126, "a.") + 'a',
                                         "with space", times(126, "a.") + "a."};
    for (const std::string& name : names)
        BOOST_TEST(detail::fault_of_name(name) == "", name);
}

BOOST_AUTO_TEST_CASE(names_that_cannot_be_looked_up_say_why)
{
    struct fault {
        std::string name;
        std::string words;
    };
    const std::vector<fault> faults{
        {times(126, "a.") + "aa", "expected at most 253 bytes, got 254 bytes"},
        {times(63, "abc.") + "abc.", "expected at most 253 bytes, got 255 bytes"},
        {std::string(64, 'a'), "labels of 1 to 63 bytes, got one of 64 bytes"},
        {"a." + std::string(64, 'a'), "got one of 64 bytes"},
        {"a..b", "got one of 0 bytes"},
        {".a", "got one of 0 bytes"},
        {".", "got one of 0 bytes"},
        {"a..", "got one of 0 bytes"},
        {std::string("good.test\0.evil.test", 20), "expected no NUL, got one at byte 10"},
        {std::string("\0", 1), "expected no NUL, got one at byte 1"},
        {"n\xc3\xa4me.test", "xn--"},
    };
    for (const fault& f : faults) {
        const std::string words = detail::fault_of_name(f.name);
        BOOST_TEST(words.find(f.words) != words.npos, words);
    }
    const std::string words = detail::fault_of_name("\x1b[2J\n.\xff" + std::string(300, 'x'));
    BOOST_TEST(words.find_first_of("\x1b\n\xff") == words.npos);
    BOOST_TEST(words.size() < 200);
}

BOOST_AUTO_TEST_CASE(services_are_names_or_ports)
{
    for (const char* service : {"", "0", "80", "65535", "http", "1a", "000080"})
        BOOST_TEST(detail::fault_of_service(service) == "", service);
    for (const std::string& service :
         {std::string{"65536"}, std::string{"99999999999999999999"}, std::string("80\0", 3), std::string(256, 's')})
        BOOST_TEST(detail::fault_of_service(service) != "", service);
}

BOOST_AUTO_TEST_CASE(a_refused_name_is_an_error_of_every_function_and_of_connect)
{
    runtime r{{.loops = 1}};
    const std::string name("localhost\0.test", 15);
    BOOST_TEST(run(r, failure_of(hawser::resolve({.host = name}))) == "invalid_name");
    BOOST_TEST(run(r, failure_of(hawser::resolve({.host = "localhost", .service = "99999"}))) == "invalid_name");
    BOOST_TEST(run(r, failure_of(hawser::gethostbyname(name))) == "invalid_name");
    BOOST_TEST(run(r, failure_of(hawser::gethostbyname_ex(name))) == "invalid_name");
    BOOST_TEST(run(r, failure_of(hawser::gethostbyaddr(name))) == "invalid_name");
    BOOST_TEST(run(r, failure_of(hawser::gethostbyaddr(""))) == "invalid_name");
    BOOST_TEST(run(r, failure_of(hawser::getfqdn(name))) == "invalid_name");
    std::string words;
    BOOST_TEST(run(r, failure_of(connect(endpoint::tcp(std::string(254, 'a'), 80)), &words)) == "invalid_endpoint");
    BOOST_TEST(words.find("got 254 bytes") != words.npos, words);
}

// ---- The pool

BOOST_AUTO_TEST_CASE(what_was_found_is_there_when_the_look_up_is_done)
{
    scenario run;
    stuck server;
    const auto l = server.one();
    auto looked = run.start(detail::finish_lookup(l, 5s));
    BOOST_TEST(!looked.done());
    server.let_go();
    wait_until(run, [&] { return looked.done(); });
    BOOST_TEST(looked.outcome() == "done");
    BOOST_TEST(l->found == 42);
}

BOOST_AUTO_TEST_CASE(a_stuck_look_up_does_not_hold_back_the_next)
{
    scenario run; // a thread of the pool is idle, after the test before
    stuck server;
    auto first = run.start(detail::finish_lookup(server.one(), never));
    auto second = run.start(detail::finish_lookup(server.one(), never));
    wait_until(run, [&] { return server.begun() == 2; });
    server.let_go();
    wait_until(run, [&] { return first.done() && second.done(); });
}

BOOST_AUTO_TEST_CASE(an_error_of_the_look_up_and_a_lack_of_memory_are_thrown_to_whoever_waits)
{
    scenario run;
    auto failing = run.start(detail::finish_lookup(
        std::make_shared<number_lookup>([](int&) { return error_code{host_errc::no_recovery}; }), 5s));
    auto throwing = run.start(
        detail::finish_lookup(std::make_shared<number_lookup>([](int&) -> error_code { throw std::bad_alloc{}; }), 5s));
    wait_until(run, [&] { return failing.done() && throwing.done(); });
    BOOST_TEST(failing.outcome() == "NO_RECOVERY");
    BOOST_TEST(throwing.outcome() == "ENOMEM");
}

BOOST_AUTO_TEST_CASE(a_stuck_look_up_is_abandoned_at_its_deadline_and_the_loop_goes_on_meanwhile)
{
    scenario run;
    stuck server;
    auto looked = run.start(detail::finish_lookup(server.one(), 5s));
    wait_until(run, [&] { return server.begun() == 1; });
    run.steps(4900ms, 100ms);
    BOOST_TEST(looked.outcome() == "suspended");
    run.steps(200ms, 100ms);
    BOOST_TEST(looked.outcome() == "lookup_timeout");
    server.let_go(); // what it finds now is nobody's
    wait_until(run, [&] { return server.ended() == 1; });
    run.poll();
}

BOOST_AUTO_TEST_CASE(a_cancelled_look_up_is_abandoned)
{
    scenario run;
    stuck server;
    auto looked = run.start(detail::finish_lookup(server.one(), 5s));
    looked.cancel();
    BOOST_TEST(looked.done());
    BOOST_CHECK_EXCEPTION(looked.rethrow(), system_error,
                          [](const auto& e) { return e.code() == boost::asio::error::operation_aborted; });
    server.let_go();
}

BOOST_AUTO_TEST_CASE(a_runtime_ends_while_a_look_up_is_stuck)
{
    stuck server;
    {
        scenario run;
        auto looked = run.start(detail::finish_lookup(server.one(), never));
        wait_until(run, [&] { return server.begun() == 1; });
        run.end_runtime();
    }
    server.let_go();
    while (server.ended() == 0)
        std::this_thread::yield();
}

BOOST_AUTO_TEST_CASE(too_many_look_ups_are_refused_and_abandoned_ones_make_room_and_never_begin)
{
    scenario run;
    stuck server;
    std::vector<task<void>> holding;
    for (std::size_t i = 0; i < detail::resolver_threads; ++i)
        holding.push_back(run.start(detail::finish_lookup(server.one(), never)));
    wait_until(run, [&] { return server.begun() == int{detail::resolver_threads}; });

    stuck never_begun;
    std::vector<task<void>> waiting;
    for (std::size_t i = 0; i < detail::resolver_queue; ++i)
        waiting.push_back(run.start(detail::finish_lookup(never_begun.one(), 5s)));
    auto refused = run.start(detail::finish_lookup(never_begun.one(), 5s));
    BOOST_TEST(refused.outcome() == "resolver_busy");
    run.steps(5s + 300ms, 300ms);
    for (const auto& w : waiting)
        BOOST_REQUIRE(w.outcome() == "lookup_timeout");

    auto next = run.start(detail::finish_lookup(server.one(), never));
    BOOST_TEST(next.outcome() == "suspended");
    server.let_go();
    holding.push_back(next);
    wait_until(run, [&] { return std::ranges::all_of(holding, [](const auto& h) { return h.done(); }); });
    for (const auto& h : holding)
        BOOST_TEST(h.outcome() == "done");
    BOOST_TEST(never_begun.begun() == 0);
}

BOOST_AUTO_TEST_CASE(a_deadline_of_nothing_is_refused)
{
    runtime r{{.loops = 1}};
    BOOST_CHECK_THROW(run(r, hawser::resolve({.host = "localhost"}, 0s)), std::invalid_argument);
    BOOST_CHECK_THROW(run(r, hawser::getaddrinfo({.host = "localhost"}, 0s)), std::invalid_argument);
    BOOST_CHECK_THROW(run(r, hawser::gethostbyname("localhost", 0s)), std::invalid_argument);
    BOOST_CHECK_THROW(run(r, hawser::gethostbyname_ex("localhost", 0s)), std::invalid_argument);
    BOOST_CHECK_THROW(run(r, hawser::gethostbyaddr("localhost", 0s)), std::invalid_argument);
    BOOST_CHECK_THROW(run(r, hawser::getfqdn("localhost", 0s)), std::invalid_argument);
}

// ---- What is found; apps/resolve_test.py compares all of it with Python's answers

BOOST_AUTO_TEST_CASE(literal_addresses_are_found_without_a_name_server)
{
    runtime r{{.loops = 1}};
    const std::vector<address_info> v4 =
        run(r, hawser::resolve({.host = "192.0.2.1", .service = "80", .type = socket_type::stream}));
    const std::vector<address_info> expected{{.family = address_family::inet,
                                              .type = socket_type::stream,
                                              .protocol = IPPROTO_TCP,
                                              .canonical_name = "",
                                              .address = {.host = "192.0.2.1", .port = 80}}};
    BOOST_TEST((v4 == expected));
    const std::vector<address_info> v6 =
        run(r, hawser::resolve({.host = "fe80::1%1", .type = socket_type::dgram, .numeric_host = true}));
    BOOST_REQUIRE_EQUAL(v6.size(), 1U);
    BOOST_TEST(v6[0].address.host == "fe80::1");
    BOOST_TEST(v6[0].address.scope_id == 1U);
    BOOST_TEST(v6[0].protocol == int{IPPROTO_UDP});
    BOOST_TEST(run(r, hawser::gethostbyname("127.0.0.1")) == "127.0.0.1");
    BOOST_TEST(run(r, hawser::gethostbyname("")) == "0.0.0.0");
    BOOST_TEST(run(r, hawser::gethostbyname("<broadcast>")) == "255.255.255.255");
}

BOOST_AUTO_TEST_CASE(resolve_and_getaddrinfo_give_the_same_answers_and_errors)
{
    const address_query queries[] = {
        {.host = "192.0.2.1", .service = "80", .type = socket_type::stream},
        {.host = "192.0.2.1", .service = "80"}, // for each type
        {.host = "::1", .service = "domain", .canonical_name = true},
        {.service = "7", .family = address_family::inet, .passive = true},
        {.host = "localhost"},
        {.host = ""},
        {.host = "name", .numeric_host = true},
        {.host = "::1", .family = address_family::inet},
        {.host = std::string(64, 'a')},
        {.host = "localhost", .service = "no such service"},
        {.host = "localhost", .service = "65536"},
        {},
    };
    runtime r{{.loops = 1}};
    for (const address_query& q : queries) {
        BOOST_TEST_CONTEXT(q.host.value_or("-") << ' ' << q.service.value_or("-"))
        {
            std::string words, words_by_other_name;
            const std::string error = run(r, failure_of(hawser::resolve(q), &words));
            BOOST_TEST(run(r, failure_of(hawser::getaddrinfo(q), &words_by_other_name)) == error);
            BOOST_TEST(words_by_other_name == words);
            if (error == "nothing")
                BOOST_TEST((run(r, hawser::getaddrinfo(q)) == run(r, hawser::resolve(q))));
        }
    }
}

BOOST_AUTO_TEST_CASE(gethostbyname_gives_the_first_ipv4_address_that_resolve_finds_and_the_same_errors)
{
    runtime r{{.loops = 1}};
    for (const std::string name : {"192.0.2.1", "localhost", "::1", "with space", "a..b"}) {
        BOOST_TEST_CONTEXT(name)
        {
            const address_query ipv4{.host = name, .family = address_family::inet};
            std::string words, words_by_other_name;
            const std::string error = run(r, failure_of(hawser::resolve(ipv4), &words));
            BOOST_TEST(run(r, failure_of(hawser::gethostbyname(name), &words_by_other_name)) == error);
            BOOST_TEST(words_by_other_name == words);
            if (error == "nothing")
                BOOST_TEST(run(r, hawser::gethostbyname(name)) == run(r, hawser::resolve(ipv4)).front().address.host);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_empty_name_and_broadcast_stand_for_addresses_and_no_others_do)
{
    BOOST_TEST(detail::address_meant_by("") == std::string{"0.0.0.0"});
    BOOST_TEST(detail::address_meant_by("<broadcast>") == std::string{"255.255.255.255"});
    BOOST_TEST(detail::address_meant_by("localhost") == nullptr);
    BOOST_TEST(detail::address_meant_by("0.0.0.0") == nullptr);
}

BOOST_AUTO_TEST_CASE(errors_name_what_was_looked_up_and_have_the_symbols_of_netdb_h)
{
    runtime r{{.loops = 1}};
    std::string words;
    BOOST_TEST(run(r, failure_of(hawser::gethostbyname("::1"), &words)) == "EAI_ADDRFAMILY");
    BOOST_TEST(words == "::1: EAI_ADDRFAMILY (Address family for hostname not supported)");
    BOOST_TEST(run(r, failure_of(hawser::resolve({.host = "name", .numeric_host = true}), &words)) == "EAI_NONAME");
    BOOST_TEST(words.find("name: EAI_NONAME (") == 0U, words);
    BOOST_TEST(run(r, failure_of(hawser::resolve({}))) == "EAI_NONAME");

    BOOST_TEST(symbol(host_errc::host_not_found) == "HOST_NOT_FOUND");
    BOOST_TEST(symbol(host_errc::try_again) == "TRY_AGAIN");
    BOOST_TEST(symbol(host_errc::no_data) == "NO_DATA");
    BOOST_TEST(static_cast<int>(host_errc::host_not_found) == HOST_NOT_FOUND);
    BOOST_TEST(static_cast<int>(host_errc::try_again) == TRY_AGAIN);
    BOOST_TEST(static_cast<int>(host_errc::no_recovery) == NO_RECOVERY);
    BOOST_TEST(static_cast<int>(host_errc::no_data) == NO_DATA);
}

BOOST_AUTO_TEST_CASE(the_full_name_is_the_first_with_a_period)
{
    BOOST_TEST(detail::full_name({.name = "a", .aliases = {}, .addresses = {}}) == "a");
    BOOST_TEST(detail::full_name({.name = "a.b", .aliases = {"c.d"}, .addresses = {}}) == "a.b");
    BOOST_TEST(detail::full_name({.name = "a", .aliases = {"b", "c.d", "e.f"}, .addresses = {}}) == "c.d");
    BOOST_TEST(detail::full_name({.name = "a", .aliases = {"b"}, .addresses = {}}) == "a");
}

BOOST_AUTO_TEST_CASE(this_host_has_a_name)
{
    BOOST_TEST(hawser::gethostname() != "");
    runtime r{{.loops = 1}};
    BOOST_TEST(run(r, hawser::getfqdn()) != "");
}
