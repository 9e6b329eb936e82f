#include "drain.hpp"

#include "datagram_listener.hpp"
#include "listener.hpp"
#include "server_core.hpp"
#include "service_manager.hpp"
#include "session.hpp"
#include "wait_queue.hpp"
#include "watchdog.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace hawser::detail {
namespace {

constexpr duration grace_after_cut = 100ms;       // for cut sessions to end, once the last thing has moved
constexpr duration longest_cut = 5s;              // in all
constexpr duration between_looks_at_loops = 10ms; // at loops that have not answered yet
constexpr int cut_in_a_turn = 256;

// Calls `f` with every session of `s` on one loop. From that loop.
template <class F>
void for_each_session(loop& on, const server_core& s, F&& f)
{
    std::vector<boost::intrusive_ptr<core>> all;
    for (core& c : on.connections)
        if (c.owner != nullptr && &c.owner->server() == &s)
            all.emplace_back(&c);
    for (const auto& c : all)
        if (c->owner != nullptr)
            f(*c->owner);
}

} // namespace

drain::~drain() = default;

void drain::begin(std::string cause)
{
    if (begun_.exchange(true))
        return;
    server_.runtime().control().post(
        [self = server_.shared_from_this(), c = std::move(cause)] { self->ending().start(c); });
}

void drain::cut_now()
{
    begin("stop");
    server_.runtime().control().post([self = server_.shared_from_this()] {
        if (self->ending().step_ == step::draining)
            self->ending().cut();
    });
}

void drain::start(const std::string& cause)
{
    loop& control = server_.runtime().control();
    step_ = step::draining;
    begun_at_ = control.now();
    ended_before_ = ended();
    const std::size_t connections = server_.statistics().connections;
    if (const auto manager = server_.supervisor())
        manager->stopping(connections);
    server_.watched_by().drain_started(cause, connections);
    for (const auto& l : server_.listeners())
        l->post_drain();
    for (const auto& l : server_.datagram_listeners())
        l->post_close();
    for (const auto& l : server_.runtime().loops())
        l->post([self = server_.shared_from_this(), on = l] {
            for_each_session(*on, *self, [](session& s) { s.on_connection().begin_drain(); });
        });
    due_ = after(begun_at_, server_.options().timeouts.drain);
    control.arm(*this, due_);
    check();
}

void drain::something_ended() noexcept
{
    if (begun())
        server_.runtime().control().post([self = server_.shared_from_this()] { self->ending().check(); });
}

void drain::check()
{
    if (step_ == step::cutting) {
        moved_at_ = server_.runtime().control().now();
        check_cut();
    } else if (step_ == step::draining && server_.doors().taken() == 0 && server_.open_listeners_.load() == 0) {
        finish();
    }
}

void drain::cut()
{
    step_ = step::cutting;
    loop& control = server_.runtime().control();
    const auto& loops = server_.runtime().loops();
    cut_at_ = moved_at_ = control.now();
    for (const auto& l : loops)
        loops_.push_back({.standstill = loop_standstill{*l, cut_at_}});
    for (const auto& l : server_.listeners())
        l->post_close();
    for (const auto& l : server_.datagram_listeners())
        l->post_cut();
    for (std::size_t i = 0; i < loops.size(); ++i)
        loops[i]->post([self = server_.shared_from_this(), i] {
            self->ending().something_ended(); // what ran before this, that is
            cut_some(self, i, nullptr);
        });
    due_ = after(cut_at_, between_looks_at_loops);
    control.arm(*this, due_);
}

// From the loop. Between two turns a reference to the next one keeps the place in the list, which has the oldest first.
void drain::cut_some(const std::shared_ptr<server_core>& s, std::size_t index, boost::intrusive_ptr<core> place)
{
    loop& on = *s->runtime().loops()[index];
    connection_list& all = on.connections;
    if (!place && !all.empty())
        place = &all.front();
    for (int i = 0; i < cut_in_a_turn && place; ++i) {
        const boost::intrusive_ptr<core> it = std::move(place);
        const auto next = std::next(all.iterator_to(*it));
        place = next != all.end() ? &*next : nullptr;
        if (it->owner != nullptr && &it->owner->server() == s.get())
            it->owner->cut();
    }
    if (!place)
        return s->ending().note_all_cut(index);
    on.post([s, index, place] { cut_some(s, index, place); });
}

// From the loop.
void drain::note_all_cut(std::size_t index)
{
    server_.runtime().control().post([self = server_.shared_from_this(), index] {
        drain& it = self->ending();
        it.loops_[index].all_cut = true;
        it.check();
    });
}

// Whether all has been done that can be, or has had its time.
void drain::check_cut()
{
    const time_point now = server_.runtime().control().now();
    const bool wait_for_loops = std::any_of(loops_.begin(), loops_.end(),
                                            [](const cut_loop& l) { return !l.all_cut && !l.standstill.is_blocked(); });
    if (now - cut_at_ < longest_cut && (wait_for_loops || (now - moved_at_ < grace_after_cut && sessions_run())))
        return;
    finish();
}

// On loops that can end them, and have not yet.
bool drain::sessions_run() const
{
    const auto& loops = server_.runtime().loops();
    for (std::size_t i = 0; i < loops_.size(); ++i)
        if (loops_[i].all_cut && loops[i]->assigned.load() != 0)
            return true;
    const std::lock_guard lock{mutex_};
    return std::any_of(report_.cut.begin(), report_.cut.end(), [](const cut_session& c) { return c.abandoned; });
}

time_point drain::look(time_point now)
{
    if (step_ == step::waiting || step_ == step::done)
        return time_point::max();
    if (now < due_)
        return due_;
    if (step_ == step::draining) {
        server_.runtime().control().post([self = server_.shared_from_this()] {
            if (self->ending().step_ == step::draining)
                self->ending().cut();
        });
        return time_point::max();
    }
    for (std::size_t i = 0; i < loops_.size(); ++i)
        if (!loops_[i].all_cut)
            loops_[i].standstill.look(*server_.runtime().loops()[i], now);
    server_.runtime().control().post([self = server_.shared_from_this()] {
        if (self->ending().step_ == step::cutting)
            self->ending().check_cut();
    });
    due_ = after(now, between_looks_at_loops);
    return due_;
}

std::size_t drain::note_cut(const core& c)
{
    return note_cut(
        {.peer = c.peer().to_endpoint(), .awaits = c.awaits(), .age = c.on().now() - c.opened(), .abandoned = true});
}

std::size_t drain::note_cut(cut_session c)
{
    const std::lock_guard lock{mutex_};
    report_.cut.push_back(std::move(c));
    return report_.cut.size() - 1;
}

void drain::note_ended(std::size_t place) noexcept
{
    const std::lock_guard lock{mutex_};
    report_.cut[place].abandoned = false;
}

void drain::finish()
{
    step_ = step::done;
    loop& control = server_.runtime().control();
    control.cancel(*this);
    const auto& loops = server_.runtime().loops();
    std::unique_lock lock{mutex_};
    for (std::size_t i = 0; i < loops_.size(); ++i) {
        if (loops_[i].all_cut)
            continue;
        loops[i]->blocked = true;
        const std::lock_guard alive{loops[i]->naming};
        const auto keeper = keeper_of(*loops[i]);
        report_.cut.push_back({.peer = keeper ? keeper->peer : endpoint{},
                               .awaits = awaiting::nothing,
                               .age = keeper ? control.now() - keeper->since : duration::zero(),
                               .abandoned = true,
                               .blocks_loop = true});
    }
    const bool abandoned =
        std::any_of(report_.cut.begin(), report_.cut.end(), [](const auto& c) { return c.abandoned; });
    if (abandoned)
        for (const auto& l : loops)
            l->abandoned = true;
    const auto ended_cut = std::count_if(report_.cut.begin(), report_.cut.end(), [](const auto& c) {
        return !c.abandoned && c.peer.scheme() != endpoint::scheme_type::udp;
    });
    report_.drained = ended() - ended_before_ - static_cast<std::size_t>(ended_cut);
    report_.datagrams = server_.counts.datagrams_drained.load();
    report_.took = control.now() - begun_at_;
    const drain_report copy = report_;
    lock.unlock();
    server_.watched_by().drain_ended(copy);
    lock.lock();
    done_ = true;
    reported_.notify_all();
    const auto told = std::exchange(told_, {});
    lock.unlock();
    for (const auto& f : told)
        f();
}

std::uint64_t drain::ended() const noexcept
{
    return server_.counts.completed.load() + server_.counts.failed.load();
}

drain_report drain::wait()
{
    std::unique_lock lock{mutex_};
    reported_.wait(lock, [this] { return done_; });
    return report_;
}

std::optional<drain_report> drain::report() const
{
    const std::lock_guard lock{mutex_};
    return done_ ? std::optional{report_} : std::nullopt;
}

bool drain::tell(std::function<void()> f)
{
    const std::lock_guard lock{mutex_};
    if (!done_)
        told_.push_back(std::move(f));
    return !done_;
}

awaitable<drain_report> drained(std::shared_ptr<server_core> s)
{
    const auto executor = co_await boost::asio::this_coro::executor;
    loop& on = loop_of(boost::asio::query(executor, boost::asio::execution::context));
    waiting node;
    const auto place = std::make_shared<waiting*>(&node); // on the loop: null when nobody waits there any more
    struct finally {
        waiting*& of;
        ~finally() { of = nullptr; }
    } const finally{*place};
    const bool to_wait = s->ending().tell([place, l = on.shared_from_this()] {
        l->post([place] {
            if (*place != nullptr && (*place)->is_linked())
                (*place)->end();
        });
    });
    if (to_wait)
        co_await on.waits->wait(node, on);
    if (node.cancelled)
        throw system_error{boost::asio::error::operation_aborted};
    co_return *s->ending().report();
}

} // namespace hawser::detail
