// SPDX-License-Identifier: BSL-1.0
#include "server/shedding.hpp"

#include "server/ledger.hpp"
#include "server/session.hpp"
#include "values/scope_exit.hpp"

#include <algorithm>

namespace hawser::inline v0_1::detail {
namespace {

using kind = claim::kind;

constexpr duration unhurried = 5s;
constexpr duration at_least_every = 250ms; // is looked while room is wanted: what works now may end its work
constexpr int looked_at_in_a_turn = 256;
constexpr duration rest_for_each = 2us; // twenty times what it costs to look at a connection that is in no cache
constexpr duration least_rest = 5ms;
constexpr std::size_t most_found = 1024; // that one loop finds
constexpr duration same_rush = 100ms;    // newcomers who wait within it of others are as many again
constexpr duration longest_round = 10s;  // of which no more is expected then: there was no memory for an answer

// How old a claim is before it may be given up.
constexpr duration least_age(kind what, bool urgent) noexcept
{
    switch (what) {
    case kind::lingers: return duration::zero();
    case kind::silent: return urgent ? duration{250ms} : unhurried;
    case kind::unfinished:
    case kind::flushes: return urgent ? duration{1s} : unhurried;
    case kind::idle: return unhurried;
    case kind::works: break;
    }
    return never;
}

} // namespace

// What one loop has found. Used there, and then on the control loop.
struct shedding::search {
    search(std::shared_ptr<shedding> s, std::shared_ptr<loop> l, unsigned number, bool newcomers_wait, std::size_t n)
        : of{std::move(s)}, on{std::move(l)}, round{number}, urgent{newcomers_wait}, most{n}
    {
        place.start(of->ledger_.sessions_on(*on));
    }

    const std::shared_ptr<shedding> of;
    const std::shared_ptr<loop> on;
    const unsigned round;
    const bool urgent;
    const std::size_t most;
    const time_point begun = on->now();
    session_list::cursor place;   // on its loop
    std::vector<candidate> first; // a heap, the last of them in front
    std::size_t looked_at = 0;
    time_point next = after(begun, at_least_every);

    void consider(session& s)
    {
        const claim has = s.claims();
        if (has.what == kind::works)
            return;
        const time_point ripe = after(has.since, least_age(has.what, urgent));
        if (begun < ripe) {
            next = std::min(next, ripe);
            return;
        }
        if (first.size() == most && !(has < first.front().found))
            return;
        first.push_back({has, s.place()});
        std::push_heap(first.begin(), first.end());
        if (first.size() > most) {
            std::pop_heap(first.begin(), first.end());
            first.pop_back();
        }
    }
};

// The sessions of one loop that are to be ended there. However that goes, the control loop hears of it, after those
// whose handlers ended with it have given their permits back.
struct shedding::ending {
    std::shared_ptr<shedding> of;
    unsigned round;
    loop& on;
    std::vector<candidate> chosen;

    void tell() const noexcept
    {
        try {
            on.post([s = of, n = round] { s->control().post([s, n] { s->ended(n); }); });
        } catch (const std::bad_alloc&) { // the round is given up later
        }
    }
    void operator()()
    {
        const scope_exit finally{[this] { tell(); }};
        for (const candidate& c : chosen)
            if (c.place->has != nullptr)
                c.place->has->shed(c.found);
    }
};

// Looks again at an instant. Belongs to the control loop's wheel, so it may outlive the server.
class shedding::alarm final : public std::enable_shared_from_this<alarm>, private wheel::entry, private owned_call
{
public:
    alarm(loop& control, std::weak_ptr<shedding> of) : control_{control}, of_{std::move(of)} {}

    void set(time_point at) noexcept { control_.arm(*this, at); }
    /// From any thread.
    void cancel() noexcept
    {
        cancelled_ = true;
        control_.ask(*this, shared_from_this());
    }

private:
    time_point on_due(time_point) override
    {
        control_.ask(*this, shared_from_this());
        return time_point::max();
    }
    void called() override
    {
        if (cancelled_)
            return control_.cancel(*this);
        if (const auto of = of_.lock())
            of->look();
    }

    loop& control_;
    const std::weak_ptr<shedding> of_;
    std::atomic<bool> cancelled_{false};
};

shedding::~shedding()
{
    if (alarm_)
        alarm_->cancel();
}

// It lives as long as its server.
std::shared_ptr<shedding> shedding::shared()
{
    return {ledger_.shared_from_this(), this};
}

loop& shedding::control() const noexcept
{
    return ledger_.runtime().control();
}

void shedding::permit_taken()
{
    if (wanted() != 0)
        look_soon();
}

void shedding::newcomers_wait(bool begin)
{
    waiting_.fetch_add(begin ? 1 : -1);
    waited_at_.store(control().now().time_since_epoch());
    if (begin)
        look_soon();
}

void shedding::newcomer_refused()
{
    refused_.store(true);
    look_soon();
}

std::size_t shedding::wanted() const noexcept
{
    return ledger_.admission().shortfall();
}

// While newcomers take all that is made free, twice as many each time.
std::size_t shedding::batch(time_point now)
{
    const bool goes_on = batch_ != 0 && now - batch_at_ <= same_rush;
    batch_ = std::min(most_found, std::max(wanted(), goes_on ? 2 * batch_ : 0));
    batch_at_ = now;
    return batch_;
}

void shedding::look_soon()
{
    if (looking_soon_.exchange(true))
        return;
    try {
        control().post([self = shared()] { self->look(); });
    } catch (const std::bad_alloc&) { // the next one tries again
        looking_soon_.store(false);
    }
}

void shedding::look()
{
    looking_soon_.store(false);
    const time_point now = control().now();
    asked_ = missing_ != 0 && now - begun_ < longest_round;
    if (asked_)
        return look_again(after(begun_, longest_round));
    if (wanted() == 0 || ledger_.begun_draining())
        return;
    if (now < not_before_)
        return look_again(not_before_);
    const bool urgent = is_urgent();
    refused_.store(false);
    const std::size_t most = urgent ? batch(now) : std::min(most_found, wanted());
    const auto& loops = ledger_.runtime().loops();
    look_again(after(now, longest_round)); // should it come to nothing
    ++round_;
    begun_ = now;
    missing_ = loops.size();
    looked_at_ = 0;
    found_.clear();
    next_ = time_point::max();
    for (const auto& l : loops)
        l->post([of = shared(), on = l, round = round_, urgent, most] {
            look_at_some(std::make_shared<search>(of, on, round, urgent, most));
        });
}

void shedding::look_at_some(std::shared_ptr<search> s)
{
    try {
        for (int i = 0; i < looked_at_in_a_turn && !s->place.is_at_end(); ++i, ++s->looked_at)
            s->consider(session_of(*s->place.step()));
    } catch (const std::bad_alloc&) { // those that were found have to do
        s->place.leave();
    }
    loop& on = *s->on;
    if (!s->place.is_at_end())
        return on.post([s = std::move(s)]() mutable { look_at_some(std::move(s)); });
    loop& control = s->of->control();
    control.post([s = std::move(s)] { s->of->found(*s); });
}

void shedding::found(search& s)
{
    if (s.round != round_)
        return;
    found_.insert(found_.end(), std::make_move_iterator(s.first.begin()), std::make_move_iterator(s.first.end()));
    looked_at_ = std::max(looked_at_, s.looked_at);
    next_ = std::min(next_, s.next);
    if (--missing_ == 0)
        choose();
}

// Those that have done nothing wrong are not ended in batches.
void shedding::choose()
{
    not_before_ = after(control().now(), std::max(least_rest, rest_for_each * static_cast<duration::rep>(looked_at_)));
    std::vector<candidate> all = std::exchange(found_, {});
    std::sort(all.begin(), all.end());
    const std::size_t few = wanted();
    const std::size_t most = is_urgent() ? std::max(few, batch_) : few;
    std::size_t count = 0;
    while (count < all.size() && count < (all[count].found.what == kind::idle ? few : most))
        ++count;
    all.resize(count);
    if (!all.empty())
        return end(std::move(all));
    if (few != 0)
        look_again(asked_ ? not_before_ : std::max(next_, not_before_));
}

void shedding::end(std::vector<candidate> chosen)
{
    for (const auto& l : ledger_.runtime().loops()) {
        const auto here = [&](const candidate& c) { return &c.place->on == l.get(); };
        std::vector<candidate> of_loop;
        std::copy_if(chosen.begin(), chosen.end(), std::back_inserter(of_loop), here);
        if (of_loop.empty())
            continue;
        ++missing_;
        l->post(ending{.of = shared(), .round = round_, .on = *l, .chosen = std::move(of_loop)});
    }
}

void shedding::ended(unsigned round)
{
    if (round == round_ && --missing_ == 0)
        look();
}

void shedding::look_again(time_point at)
{
    if (!alarm_)
        alarm_ = std::make_shared<alarm>(control(), shared());
    alarm_->set(at);
}

} // namespace hawser::inline v0_1::detail
