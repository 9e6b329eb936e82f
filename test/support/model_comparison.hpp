// SPDX-License-Identifier: BSL-1.0

// A session beside its models: sequences of events are played to both, and what can be seen of the session has to be
// what one of the models says.
#ifndef HAWSER_TEST_MODEL_COMPARISON_HPP
#define HAWSER_TEST_MODEL_COMPARISON_HPP

#include "connection_model.hpp"
#include "driven_session.hpp"
#include "kit_namespace.hpp"

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hawser::test {

inline bool is_as(const connection_model& m, const sight& seen)
{
    return m.look() == seen;
}

// What is known of a session: it does as one of these.
class possible_models
{
public:
    explicit possible_models(connection_model first) { all_.push_back(std::move(first)); }
    const connection_model& first() const { return all_.front(); }
    std::size_t size() const noexcept { return all_.size(); }

    void happens(event e)
    {
        for (auto& m : all_) {
            m.begin(e);
            m.settle();
        }
    }

    bool can_together(event a, event b) const;
    // Two in one turn of the loop: as if either had come first, or both before anything came of them. What the peer
    // does, it does in order and at once.
    void happen_together(event a, event b)
    {
        const std::vector<connection_model> before = std::exchange(all_, {});
        for (const auto& m : before) {
            if (b != event::step)
                begin_both(m, a, b);
            if (is_of_peer(a) && is_of_peer(b))
                continue;
            happen_in_order(m, {a, b});
            happen_in_order(m, {b, a});
            if (hand_of(a) != hands && hand_of(b) != hands)
                begin_both(m, b, a);
        }
    }

    // Deadlines that pass in one step: in any order.
    void pass_step()
    {
        std::vector<connection_model> before = std::exchange(all_, {});
        for (auto& m : before) {
            m.pass_step();
            expire_from(std::move(m));
        }
    }

    bool matches(const sight& seen)
    {
        const auto misses = [&](const connection_model& m) { return !is_as(m, seen); };
        if (all_.size() > 1 && std::any_of(all_.begin(), all_.end(), [&](auto& m) { return !misses(m); }))
            std::erase_if(all_, misses);
        return !misses(all_.front());
    }

    void forget_outcomes()
    {
        for (auto& m : all_)
            m.forget_outcomes();
    }

private:
    static bool is_of_peer(event e) noexcept { return e <= event::takes_a_few; }
    void happen_in_order(const connection_model& m, std::initializer_list<event> sequence)
    {
        possible_models then{m};
        for (const event e : sequence) {
            if (e == event::step)
                then.pass_step();
            else if (then.first().can(e))
                then.happens(e);
        }
        for (auto& end : then.all_)
            add(std::move(end));
    }
    void begin_both(connection_model m, event a, event b)
    {
        m.begin(a);
        if (m.can(b))
            m.begin(b);
        m.settle();
        add(std::move(m));
    }
    void expire_from(connection_model m)
    {
        bool any = false;
        for (const auto c : {connection_model::clock::input, connection_model::clock::output,
                             connection_model::clock::end, connection_model::clock::drain}) {
            if (!m.is_due(c))
                continue;
            any = true;
            connection_model then = m;
            then.expire(c);
            then.settle();
            expire_from(std::move(then));
        }
        if (!any) {
            m.settle();
            add(std::move(m));
        }
    }
    void add(connection_model m)
    {
        if (std::find(all_.begin(), all_.end(), m) == all_.end())
            all_.push_back(std::move(m));
    }
    std::vector<connection_model> all_;
};

// Those for which "one after the other" says all. One hand does one thing at a time. What else is left out:
//   - Two reads: the second is refused even where the first has all that it needs, as long as that has not ended.
//   - A read that waits for the flush at drain, which comes, and is cancelled: it may have taken what the next reads.
//   - Room that comes in the turn in which the write deadline expires: whether it is used before that.
//   - What a hand begins before its session is cut by the drain's deadline, and which fails in the cut.
inline bool possible_models::can_together(event a, event b) const
{
    using enum event;
    const auto of_hand = [](event e) { return hand_of(e) != hands || e == cancelled || e == other_cancelled; };
    const auto of_other = [](event e) { return e >= other_reads && e <= other_cancelled; };
    const auto is_last = [](event e) { return e == returns || e == throws; };
    if (a >= cuts || (b >= cuts && b != step) || a == b || !first().can(a) || !first().can(b))
        return false;
    if (is_of_peer(a) && is_of_peer(b)) {
        connection_model then = first();
        then.begin(a);
        return then.can(b);
    }
    if (hand_of(a) != hands && hand_of(b) != hands &&
        (hand_of(a) == hand_of(b) || (operation(a) == reads && operation(b) == reads)))
        return false;
    if ((is_last(a) && of_other(b)) || (of_other(a) && is_last(b)))
        return false;
    const auto is_cancel = [](event e) { return e == cancelled || e == other_cancelled; };
    const auto is_room = [](event e) { return e == turns || e == takes_a_few; };
    if (first().flushes_at_drain() && ((is_cancel(a) && is_room(b)) || (is_room(a) && is_cancel(b))))
        return false;
    if (is_room(a) && b == step) {
        connection_model then = first();
        then.pass_step();
        if (then.is_due(connection_model::clock::output))
            return false;
    }
    return b != step || !of_hand(a) || !first().drains();
}

class difference : public std::runtime_error
{
    using runtime_error::runtime_error;
};

constexpr unsigned steps_in(event e)
{
    return e == event::step ? 1 : e == event::pause ? 3 : e == event::long_wait ? 8 : 0;
}

// A session and its models. Throws a difference.
class comparison
{
public:
    explicit comparison(scenario& run) : session_{run} { compare(event::count); }

    bool over() const { return models_.first().over(); }
    const connection_model& model() const { return models_.first(); }

    void happens(event e)
    {
        for (unsigned steps = steps_in(e); steps > 0 && !over(); --steps)
            pass_step(e);
        if (steps_in(e) != 0)
            return;
        drained_ = drained_ || e == event::drains || e == event::cuts;
        models_.happens(e);
        session_.begin(e);
        session_.run();
        compare(e);
    }

    // False: these two are not to be compared so.
    bool happen_together(event a, event b)
    {
        if (!models_.can_together(a, b))
            return false;
        drained_ = drained_ || a == event::drains || b == event::drains;
        models_.happen_together(a, b);
        session_.begin(a);
        session_.begin(b);
        session_.run();
        compare(b);
        return true;
    }

    // Lets the handler return, and every deadline pass.
    void finish()
    {
        for (int rounds = 0; !over(); ++rounds) {
            if (rounds == 200)
                throw difference{"it never ends"};
            const event next = model().can(event::returns) ? event::returns : event::step;
            happens(next);
        }
        if (const std::string left = session_.left_behind(drained_); !left.empty())
            throw difference{left};
    }

private:
    void pass_step(event e)
    {
        models_.pass_step();
        session_.begin(event::step);
        session_.run();
        compare(e);
    }

    void compare(event e)
    {
        const sight seen = session_.look();
        if (!models_.matches(seen))
            throw difference{std::string{"after "} +
                             (e == event::count ? "the begin" : event_names[static_cast<std::size_t>(e)]) +
                             "\n  model:   " + to_string(models_.first().look()) +
                             (models_.size() > 1 ? "\n  or one of " + std::to_string(models_.size()) : "") +
                             "\n  session: " + to_string(seen)};
        models_.forget_outcomes();
        session_.forget_outcomes();
    }

    possible_models models_{connection_model{}};
    driven_session session_;
    bool drained_ = false;
};

// Where sessions live; a new world after each that has failed.
class stage
{
public:
    /// Plays what `next` gives, as long as it gives something. Empty, or what differs.
    template <class Next>
    std::string play(Next next)
    {
        ++played;
        auto one = std::make_unique<comparison>(*world_);
        try {
            while (!one->over()) {
                const std::optional<event> e = next(one->model());
                if (!e)
                    break;
                happen(*one, *e, next);
            }
            one->finish();
            return {};
        } catch (const difference& d) {
            kept_.push_back(std::move(one)); // somebody may still use it
            kept_worlds_.push_back(std::exchange(world_, std::make_unique<scenario>()));
            return d.what();
        }
    }

    std::string play_all(const events& sequence)
    {
        return play([at = sequence.begin(), end = sequence.end()](const connection_model&) mutable {
            return at != end ? std::optional{*at++} : std::nullopt;
        });
    }

    void print() const
    {
        std::printf("%llu sequences, %llu events\n", static_cast<unsigned long long>(played),
                    static_cast<unsigned long long>(happened));
    }

    std::uint64_t played = 0;
    std::uint64_t happened = 0;

private:
    template <class Next>
    void happen(comparison& one, event e, Next& next)
    {
        if (e == event::together) {
            const std::optional<event> a = next(one.model());
            const std::optional<event> b = next(one.model());
            if (a && b && one.happen_together(*a, *b)) {
                happened += 2;
                return;
            }
            for (const auto& alone : {a, b})
                if (alone && !one.over())
                    happen(one, *alone, next);
            return;
        }
        if (!one.model().can(e))
            return;
        one.happens(e);
        ++happened;
    }

    std::vector<std::unique_ptr<scenario>> kept_worlds_;
    std::vector<std::unique_ptr<comparison>> kept_;
    std::unique_ptr<scenario> world_ = std::make_unique<scenario>();
};

// Without the events that it fails without, one or two at a time.
inline events shrunk(stage& on, events sequence)
{
    const auto fails_without = [&](std::size_t i, std::size_t j) {
        events without = sequence;
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(j));
        if (i != j)
            without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
        if (on.play_all(without).empty())
            return false;
        sequence = std::move(without);
        return true;
    };
    for (bool shorter = true; std::exchange(shorter, false);)
        for (std::size_t i = sequence.size(); i-- > 0;)
            for (std::size_t j = i; j < sequence.size() && !shorter; ++j)
                shorter = fails_without(i, j);
    return sequence;
}

} // namespace hawser::test

#endif
