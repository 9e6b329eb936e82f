// SPDX-License-Identifier: BSL-1.0

// The list of a server's sessions on a loop, against a vector that does the same at length.
#include "server/session_list.hpp"

#define BOOST_TEST_MODULE session_list
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <vector>

using hawser::detail::session_entry;
using hawser::detail::session_list;

namespace {

struct entry : session_entry {
    explicit entry(int n) : number{n} {}
    const int number;
};

std::optional<int> number_of(session_entry* e)
{
    return e != nullptr ? std::optional{static_cast<entry*>(e)->number} : std::nullopt;
}

// A list and its model: the numbers in it, and the one that each cursor stands at.
class modelled
{
public:
    explicit modelled(std::size_t cursors) : expected_at_(cursors)
    {
        for (std::size_t i = 0; i < cursors; ++i)
            cursors_.push_back(std::make_unique<session_list::cursor>());
    }
    modelled(const modelled&) = delete;
    modelled& operator=(const modelled&) = delete;
    ~modelled()
    {
        while (size() != 0)
            remove(size() - 1);
    }

    std::size_t size() const { return expected_.size(); }
    void add()
    {
        entries_.push_back(std::make_unique<entry>(next_));
        list_.add(*entries_.back());
        expected_.push_back(next_++);
    }
    void remove(std::size_t i)
    {
        for (auto& at : expected_at_)
            if (at == expected_[i])
                at = behind(i);
        expected_.erase(expected_.begin() + static_cast<std::ptrdiff_t>(i));
        list_.remove(*entries_[i]);
        entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    void start(std::size_t cursor)
    {
        cursors_[cursor]->start(list_);
        expected_at_[cursor] = expected_.empty() ? std::nullopt : std::optional{expected_.front()};
    }
    void step(std::size_t cursor)
    {
        auto& at = expected_at_[cursor];
        BOOST_REQUIRE((number_of(cursors_[cursor]->step()) == at));
        if (at)
            at = behind(
                static_cast<std::size_t>(std::find(expected_.begin(), expected_.end(), *at) - expected_.begin()));
    }
    void leave(std::size_t cursor)
    {
        cursors_[cursor]->leave();
        expected_at_[cursor].reset();
    }
    void replace(std::size_t cursor) // one that is destroyed where it stands
    {
        cursors_[cursor] = std::make_unique<session_list::cursor>();
        expected_at_[cursor].reset();
    }
    void compare()
    {
        std::vector<int> found;
        for (session_entry& e : list_)
            found.push_back(static_cast<entry&>(e).number);
        BOOST_REQUIRE(found == expected_);
        BOOST_REQUIRE(list_.empty() == expected_.empty());
        for (std::size_t i = 0; i < cursors_.size(); ++i)
            BOOST_REQUIRE(cursors_[i]->is_at_end() == !expected_at_[i]);
    }

private:
    std::optional<int> behind(std::size_t i) const
    {
        return i + 1 < expected_.size() ? std::optional{expected_[i + 1]} : std::nullopt;
    }

    session_list list_;
    std::vector<std::unique_ptr<entry>> entries_; // in the list's order
    std::vector<std::unique_ptr<session_list::cursor>> cursors_;
    std::vector<int> expected_;
    std::vector<std::optional<int>> expected_at_;
    int next_ = 0;
};

// What is in the list, and leaves it at the end of the test.
struct listed {
    explicit listed(int count)
    {
        for (int i = 0; i < count; ++i)
            add();
    }
    listed(const listed&) = delete;
    listed& operator=(const listed&) = delete;
    ~listed()
    {
        for (const auto& e : all)
            if (e != nullptr)
                list.remove(*e);
    }
    void add()
    {
        all.push_back(std::make_unique<entry>(static_cast<int>(all.size())));
        list.add(*all.back());
    }
    void remove(std::size_t i)
    {
        list.remove(*all[i]);
        all[i].reset();
    }

    session_list list;
    std::vector<std::unique_ptr<entry>> all;
};

} // namespace

BOOST_AUTO_TEST_CASE(whatever_comes_leaves_and_is_passed_the_list_and_its_cursors_do_as_a_vector_does)
{
    constexpr std::size_t cursors = 4;
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random{seed};
        const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
        modelled list{cursors};
        const std::size_t crowd = 1 + below(12); // about so many are in the list
        BOOST_TEST_CONTEXT("seed " << seed)
        for (int i = 0; i < 1000; ++i) {
            const std::size_t cursor = below(cursors);
            switch (below(8)) {
            case 0:
            case 1:
                if (list.size() < crowd)
                    list.add();
                break;
            case 2:
            case 3:
                if (list.size() != 0)
                    list.remove(below(list.size()));
                break;
            case 4: list.start(cursor); break;
            case 5:
            case 6: list.step(cursor); break;
            default: below(2) != 0 ? list.leave(cursor) : list.replace(cursor);
            }
            list.compare();
        }
    }
}

BOOST_AUTO_TEST_CASE(a_session_pays_two_pointers_for_it)
{
    BOOST_TEST(sizeof(session_entry) == 2 * sizeof(void*));
}

BOOST_AUTO_TEST_CASE(a_cursor_goes_through_all_from_the_oldest_on)
{
    listed of{3};
    session_list::cursor c;
    c.start(of.list);
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(!c.is_at_end());
        BOOST_TEST((number_of(c.step()) == i));
    }
    BOOST_TEST(c.is_at_end());
    BOOST_TEST((c.step() == nullptr));
}

BOOST_AUTO_TEST_CASE(cursors_whose_session_leaves_stand_at_the_next_one)
{
    listed of{4};
    session_list::cursor first;
    session_list::cursor second;
    session_list::cursor elsewhere;
    for (session_list::cursor* const c : {&first, &second, &elsewhere})
        c->start(of.list);
    first.step();
    second.step();
    of.remove(1);
    of.remove(2);
    BOOST_TEST((number_of(first.step()) == 3));
    BOOST_TEST((number_of(second.step()) == 3));
    BOOST_TEST((number_of(elsewhere.step()) == 0));
    BOOST_TEST((number_of(elsewhere.step()) == 3));
}

BOOST_AUTO_TEST_CASE(a_cursor_whose_session_leaves_as_the_last_is_at_the_end_and_those_that_come_are_not_its)
{
    listed of{2};
    session_list::cursor c;
    c.start(of.list);
    c.step();
    of.remove(1);
    BOOST_TEST(c.is_at_end());
    of.add();
    BOOST_TEST(c.is_at_end());
    BOOST_TEST((c.step() == nullptr));
}

BOOST_AUTO_TEST_CASE(those_that_come_while_a_cursor_stands_at_the_last_are_its)
{
    listed of{1};
    session_list::cursor c;
    c.start(of.list);
    of.add();
    BOOST_TEST((number_of(c.step()) == 0));
    BOOST_TEST((number_of(c.step()) == 1));
    BOOST_TEST(c.is_at_end());
}

BOOST_AUTO_TEST_CASE(a_session_may_leave_when_a_cursor_has_just_passed_it)
{
    listed of{3};
    session_list::cursor c;
    c.start(of.list);
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST((number_of(c.step()) == i));
        of.remove(static_cast<std::size_t>(i));
    }
    BOOST_TEST(c.is_at_end());
    BOOST_TEST(of.list.empty());
}

BOOST_AUTO_TEST_CASE(a_cursor_at_the_end_outlives_its_list)
{
    session_list::cursor never_started;
    session_list::cursor of_an_empty_one;
    session_list::cursor stood;
    {
        listed of{1};
        stood.start(of.list);
        of.remove(0);
        of_an_empty_one.start(of.list);
    }
    for (session_list::cursor* const c : {&never_started, &of_an_empty_one, &stood}) {
        BOOST_TEST(c->is_at_end());
        BOOST_TEST((c->step() == nullptr));
    }
}

BOOST_AUTO_TEST_CASE(a_cursor_may_change_to_another_list)
{
    listed of{2};
    listed other{1};
    session_list::cursor c;
    c.start(of.list);
    c.step();
    c.start(other.list);
    of.remove(1); // where it stood before
    BOOST_TEST((number_of(c.step()) == 0));
    BOOST_TEST(c.is_at_end());
}
