// SPDX-License-Identifier: BSL-1.0

// A permit at each step of its way gives back exactly what it has by then.
#include "server/permit.hpp"

#include "server/ledger.hpp"
#include "values/address.hpp"

#include <hawser/test/manual_clock.hpp>

#define BOOST_TEST_MODULE permit
#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>

#include <memory>
#include <optional>
#include <utility>

using namespace hawser;
using namespace hawser::test;
using hawser::detail::address;
using hawser::detail::permit;

namespace {

class told_ledger final : public detail::ledger, private detail::room_maker
{
public:
    told_ledger(const hawser::runtime& r, const limits& l)
        : ledger{detail::runtime_access::shared(r), {.limits = l, .observer = std::make_shared<log_observer>()}}
    {}

    int resumed = 0; // times that the listeners were
    int ended = 0;

private:
    room_maker* room() noexcept override { return this; }
    void listener_closed() noexcept override {}
    void listener_failed(const endpoint&, const error_code&) noexcept override {}
    void resume_listeners() noexcept override { ++resumed; }
    void something_ended() noexcept override { ++ended; }

    void permit_taken() override {}
    void newcomers_wait(bool) override {}
    void newcomer_refused() override {}
    bool has_kept_waiting(time_point) const noexcept override { return false; }
};

address from(const char* ip)
{
    detail::socket_address at{};
    at.v4.sin_family = AF_INET;
    ::inet_pton(AF_INET, ip, &at.v4.sin_addr);
    return {at, sizeof at.v4};
}

// A ledger of two loops that nobody runs.
struct permits {
    explicit permits(const limits& l = {.connections = 2, .per_address = 1})
        : ledger{std::make_shared<told_ledger>(r, l)}
    {}
    std::optional<permit> take() const { return permit::take(ledger); }
    std::size_t taken() const { return ledger->admission().taken(); }
    detail::loop& loop(std::size_t i) const { return *detail::runtime_access::get(r).loops()[i]; }
    std::size_t on(std::size_t i) const { return loop(i).assigned.load(); }
    /// Whether one more may come from there; asked with one of the permits that are left.
    bool admits(const char* ip) const
    {
        auto one_more = take();
        BOOST_REQUIRE(one_more.has_value());
        return one_more->enter(from(ip));
    }

    manual_clock time;
    runtime r{{.loops = 2, .blocked_after = never, .time = &time}};
    std::shared_ptr<told_ledger> ledger;
};

} // namespace

BOOST_AUTO_TEST_CASE(as_many_are_given_as_there_are_and_none_more_until_one_is_back)
{
    const permits all;
    auto first = all.take();
    auto second = all.take();
    BOOST_TEST((first && second));
    BOOST_TEST(all.taken() == 2u);
    BOOST_TEST(!all.take());
    BOOST_TEST(all.taken() == 2u); // what was not given is not given back
    BOOST_TEST(all.ledger->ended == 0);
    first.reset();
    BOOST_TEST(all.taken() == 1u);
    auto third = all.take();
    BOOST_TEST(third.has_value());
    BOOST_TEST(!all.take());
}

BOOST_AUTO_TEST_CASE(one_that_was_taken_for_nobody_gives_back_itself)
{
    const permits all;
    all.take();
    BOOST_TEST(all.taken() == 0u);
    BOOST_TEST(all.on(0) == 0u);
    BOOST_TEST(all.on(1) == 0u);
    BOOST_TEST(all.ledger->ended == 1);
}

BOOST_AUTO_TEST_CASE(one_that_was_assigned_gives_back_its_count_on_that_loop)
{
    const permits all;
    auto other = all.take();
    other->assign(all.loop(0));
    {
        auto place = all.take();
        place->assign(all.loop(1));
        BOOST_TEST(all.on(0) == 1u);
        BOOST_TEST(all.on(1) == 1u);
    }
    BOOST_TEST(all.on(0) == 1u);
    BOOST_TEST(all.on(1) == 0u);
    BOOST_TEST(all.taken() == 1u);
}

BOOST_AUTO_TEST_CASE(one_that_has_entered_gives_back_the_count_of_its_address)
{
    const permits all{{.connections = 3, .per_address = 1}};
    auto other = all.take();
    BOOST_TEST(other->enter(from("192.0.2.2")));
    {
        auto place = all.take();
        place->assign(all.loop(1));
        BOOST_TEST(place->enter(from("192.0.2.1")));
        BOOST_TEST(!all.admits("192.0.2.1"));
        BOOST_TEST(!all.admits("192.0.2.2"));
    }
    BOOST_TEST(all.on(1) == 0u);
    BOOST_TEST(all.admits("192.0.2.1"));
    BOOST_TEST(!all.admits("192.0.2.2"));
}

BOOST_AUTO_TEST_CASE(one_whose_address_has_all_that_it_may_have_takes_nothing_of_the_others)
{
    const permits all{{.connections = 4, .per_address = 2}};
    auto first = all.take();
    auto second = all.take();
    BOOST_TEST(first->enter(from("192.0.2.1")));
    BOOST_TEST(second->enter(from("192.0.2.1")));
    {
        auto third = all.take();
        third->assign(all.loop(0));
        BOOST_TEST(!third->enter(from("192.0.2.1")));
    }
    BOOST_TEST(all.on(0) == 0u);
    BOOST_TEST(all.taken() == 2u);
    BOOST_TEST(!all.admits("192.0.2.1"));
    second.reset();
    BOOST_TEST(all.admits("192.0.2.1"));
}

BOOST_AUTO_TEST_CASE(a_peer_without_an_ip_address_enters_whatever_the_limit)
{
    const permits all;
    auto first = all.take();
    auto second = all.take();
    BOOST_TEST(first->enter(address{}));
    BOOST_TEST(second->enter(address{}));
    first.reset();
    second.reset();
    BOOST_TEST(all.taken() == 0u);
}

BOOST_AUTO_TEST_CASE(one_that_was_moved_is_given_back_once_by_the_last_that_holds_it)
{
    const permits all;
    auto first = all.take();
    first->assign(all.loop(0));
    BOOST_TEST(first->enter(from("192.0.2.1")));
    {
        const permit second{std::move(*first)};
        first.reset();
        BOOST_TEST(all.taken() == 1u);
        BOOST_TEST(all.on(0) == 1u);
        BOOST_TEST(!all.admits("192.0.2.1"));
    }
    BOOST_TEST(all.taken() == 0u);
    BOOST_TEST(all.on(0) == 0u);
    BOOST_TEST(all.admits("192.0.2.1"));
}

BOOST_AUTO_TEST_CASE(one_that_was_given_back_has_nothing_left_for_its_destructor)
{
    const permits all;
    {
        auto place = all.take();
        place->assign(all.loop(0));
        BOOST_TEST(place->enter(from("192.0.2.1")));
        place->give_back();
        BOOST_TEST(all.taken() == 0u);
        BOOST_TEST(all.on(0) == 0u);
        place->give_back();
    }
    BOOST_TEST(all.taken() == 0u);
    BOOST_TEST(all.on(0) == 0u);
    BOOST_TEST(all.ledger->ended == 1);
}

BOOST_AUTO_TEST_CASE(one_that_comes_back_wakes_those_who_want_one_and_no_other_does)
{
    const permits all;
    all.take();
    BOOST_TEST(all.ledger->resumed == 0);
    auto first = all.take();
    auto second = all.take();
    all.ledger->want_permit();
    BOOST_TEST(!all.take());
    BOOST_TEST(all.ledger->resumed == 0);
    first.reset();
    BOOST_TEST(all.ledger->resumed == 1);
    second.reset();
    all.take(); // for nobody, again and again
    all.take();
    BOOST_TEST(all.ledger->resumed == 1);
    BOOST_TEST(all.ledger->ended == 5);
}

BOOST_AUTO_TEST_CASE(it_keeps_its_ledger)
{
    permits all;
    const std::weak_ptr<told_ledger> kept = all.ledger;
    auto place = all.take();
    all.ledger.reset();
    BOOST_TEST(!kept.expired());
    place.reset();
    BOOST_TEST(kept.expired());
}
