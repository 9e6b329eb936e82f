// SPDX-License-Identifier: BSL-1.0
#include "server/drain.hpp"

#include "loop/wait_queue.hpp"
#include "loop/watchdog.hpp"
#include "server/ledger.hpp"
#include "server/session.hpp"
#include "values/scope_exit.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace hawser::inline v0_1::detail {
namespace {

constexpr duration grace_after_cut = 100ms;       // for cut sessions to end, once the last thing has moved
constexpr duration longest_cut = 5s;              // in all
constexpr duration between_looks_at_loops = 10ms; // at loops that have not answered yet
constexpr int cut_in_a_turn = 256;

} // namespace

drain::drain(ledger& l, drained_server& s) : ledger_{l}, server_{s}, record_{l.drain_record()}
{
    for (const auto& each : l.runtime().loops())
        loops_.emplace_back(*this, *each);
}

drain::~drain() = default;

void drain::begin(const char* cause) noexcept
{
    if (!record_.begin())
        return;
    cause_ = cause;
    ask(request::start);
}

void drain::cut_now() noexcept
{
    begin("drain");
    ask(request::cut);
}

void drain::something_ended() noexcept
{
    if (record_.begun())
        ask(request::check);
}

void drain::ask(unsigned requests) noexcept
{
    requests_.fetch_or(requests);
    if (auto server = ledger_.weak_from_this().lock()) // unless it is being destroyed
        ledger_.runtime().control().ask(*this, std::move(server));
}

void drain::called()
{
    const unsigned requests = requests_.exchange(0);
    try {
        carry_out(requests);
    } catch (const std::bad_alloc&) { // each step may be begun again
        failed_requests_ |= requests;
        loop& control = ledger_.runtime().control();
        control.arm(*this, after(control.now(), between_looks_at_loops));
    }
}

void drain::carry_out(unsigned requests)
{
    const auto asked_to = [requests](request what) { return (requests & static_cast<unsigned>(what)) != 0; };
    if (asked_to(request::start))
        start();
    cut_wanted_ = cut_wanted_ || asked_to(request::cut); // by one who may have overtaken the start
    if (cut_wanted_ && step_ == step::draining)
        cut();
    if (asked_to(request::check))
        check();
    else if (asked_to(request::look) && step_ == step::cutting)
        check_cut();
}

void drain::start()
{
    loop& control = ledger_.runtime().control();
    if (step_ == step::waiting) {
        step_ = step::draining;
        ledger_.memory().stop();
        begun_at_ = control.now();
        ended_before_ = ended();
        due_ = after(begun_at_, ledger_.options().timeouts.drain);
    }
    if (!start_told_)
        tell_start();
    if (step_ == step::draining) { // and no cut has overtaken this, should it be begun again
        server_.drain_listeners();
        for (on_loop& l : loops_)
            l.ask(step::draining);
    }
    control.arm(*this, due_);
    check();
}

void drain::tell_start()
{
    server_.drain_started(cause_, ledger_.connections());
    start_told_ = true;
}

void drain::check()
{
    if (step_ == step::cutting) {
        moved_at_ = ledger_.runtime().control().now();
        check_cut();
    } else if (step_ == step::draining && ledger_.admission().taken() == 0 && server_.open_listeners() == 0) {
        finish();
    }
}

void drain::cut()
{
    loop& control = ledger_.runtime().control();
    const time_point now = control.now();
    for (on_loop& l : loops_)
        l.standstill.emplace(l.on(), now);
    record_.reserve(ledger_.admission().taken());
    step_ = step::cutting;
    record_.begin_cut();
    cut_at_ = moved_at_ = now;
    server_.cut_listeners();
    for (on_loop& l : loops_)
        l.ask(step::cutting);
    due_ = after(cut_at_, between_looks_at_loops);
    control.arm(*this, due_);
}

// ---- On each loop

void drain::on_loop::ask(step what) noexcept
{
    asked_.store(what);
    if (what == step::draining)
        on_.deliver(beginning_, of_.ledger_.shared_from_this());
    else
        ask();
}

void drain::on_loop::ask() noexcept
{
    on_.ask(*this, of_.ledger_.shared_from_this());
}

void drain::on_loop::called()
{
    const step asked = asked_.load();
    if (done_ == step::waiting) {
        done_ = step::draining;
        begin_drain();
    }
    if (asked == step::draining)
        return;
    if (std::exchange(done_, step::cutting) != step::cutting) {
        of_.something_ended(); // what ran before this, that is
        place_.start(of_.ledger_.sessions_on(on_));
    }
    cut_some();
}

void drain::on_loop::begin_drain() noexcept
{
    for (session_entry& e : of_.ledger_.sessions_on(on_)) // which ends nothing before this function has returned
        session_of(e).on_connection().begin_drain();
}

void drain::on_loop::cut_some() noexcept
{
    for (int i = 0; i < cut_in_a_turn && !place_.is_at_end(); ++i)
        session_of(*place_.step()).cut();
    if (!place_.is_at_end()) {
        ask();
    } else {
        all_cut_.store(true);
        of_.ask(request::check);
    }
}

// ---- The end

// Whether all has been done that can be, or has had its time.
void drain::check_cut()
{
    const time_point now = ledger_.runtime().control().now();
    const bool wait_for_loops = std::any_of(
        loops_.begin(), loops_.end(), [](const on_loop& l) { return !l.all_cut() && !l.standstill->is_blocked(); });
    if (now - cut_at_ < longest_cut && (wait_for_loops || (now - moved_at_ < grace_after_cut && sessions_run())))
        return;
    finish();
}

// On loops that can end them, and have not yet. Those of the runtime's other servers count as well there, but keep
// nobody waiting once this one has none.
bool drain::sessions_run() const
{
    const bool any = ledger_.admission().taken() != 0;
    for (const on_loop& l : loops_)
        if (any && l.all_cut() && l.on().assigned.load() != 0)
            return true;
    return record_.any_goes_on();
}

time_point drain::on_due(time_point now)
{
    if (failed_requests_ != 0)
        ask(std::exchange(failed_requests_, 0));
    if (step_ == step::waiting || step_ == step::done)
        return time_point::max();
    if (now < due_)
        return due_;
    if (step_ == step::draining) {
        ask(request::cut);
        return time_point::max();
    }
    for (on_loop& l : loops_)
        if (!l.all_cut())
            l.standstill->look(l.on(), now);
    ask(request::look);
    due_ = after(now, between_looks_at_loops);
    return due_;
}

void drain::finish()
{
    loop& control = ledger_.runtime().control();
    drain_report made;
    drain_record::entries noted = record_.all();
    made.cut = std::move(noted.cut);
    for (const on_loop& l : loops_) {
        if (step_ != step::cutting || l.all_cut())
            continue;
        l.on().blocked = true;
        const std::lock_guard alive{l.on().lifetime};
        const auto keeper = keeper_of(l.on());
        made.cut.push_back({.peer = keeper ? keeper->peer : endpoint{},
                            .waiting_for = wait_kind::nothing,
                            .age = keeper ? control.now() - keeper->since : duration::zero(),
                            .abandoned = true,
                            .blocks_loop = true});
    }
    const bool abandoned = std::any_of(made.cut.begin(), made.cut.end(), [](const auto& c) { return c.abandoned; });
    if (abandoned)
        for (const on_loop& l : loops_)
            l.on().abandoned = true;
    const auto ended_cut = std::count_if(made.cut.begin(), made.cut.end(), [](const auto& c) {
        return !c.abandoned && c.peer.scheme() != endpoint::scheme_type::udp;
    });
    const std::uint64_t of_those = static_cast<std::uint64_t>(ended_cut) - noted.refused;
    const std::uint64_t all_ended = ended() - ended_before_;
    made.drained = all_ended - std::min(all_ended, of_those); // one may be noted and not yet counted
    made.datagrams = ledger_.counts.datagrams_drained.load();
    made.took = control.now() - begun_at_;
    step_ = step::done;
    control.cancel(*this);
    ledger_.observer().drain_ended(made);
    std::unique_lock lock{mutex_};
    report_ = std::move(made);
    reported_.notify_all();
    const auto told = std::exchange(told_, {});
    lock.unlock();
    for (const auto& f : told)
        f();
}

std::uint64_t drain::ended() const noexcept
{
    return ledger_.counts.completed.load() + ledger_.counts.failed.load();
}

drain_report drain::wait()
{
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [this] { return report_.has_value(); });
    return *report_;
}

std::optional<drain_report> drain::report() const
{
    const std::lock_guard lock{mutex_};
    return report_;
}

bool drain::tell(std::function<void()> f)
{
    const std::lock_guard lock{mutex_};
    if (!report_)
        told_.push_back(std::move(f));
    return !report_;
}

namespace {

// Ends the wait of drained(), unless that has ended by itself.
class end_of_wait final : public owned_call
{
public:
    explicit end_of_wait(waiting& w) noexcept : of_{&w} {}
    void forget() noexcept { of_ = nullptr; } // on the loop

private:
    void called() override
    {
        if (of_ != nullptr && of_->is_linked())
            of_->end();
    }
    waiting* of_;
};

} // namespace

awaitable<drain_report> drained(std::shared_ptr<drain> of)
{
    const auto executor = co_await boost::asio::this_coro::executor;
    loop& on = loop_of(executor);
    waiting node;
    const auto end = std::make_shared<end_of_wait>(node);
    const scope_exit over{[&end] { end->forget(); }};
    const bool to_wait = of->tell([end, l = on.shared_from_this()] { l->ask(*end, end); });
    if (to_wait)
        co_await on.lookups->wait(node, on);
    node.check();
    co_return *of->report();
}

} // namespace hawser::inline v0_1::detail
