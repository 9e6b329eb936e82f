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
#include <utility>

namespace hawser::detail {
namespace {

constexpr duration grace_after_cut = 60ms; // of the 100 ms in which a process with a stuck handler has to end

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
    if ((step_ != step::draining && step_ != step::cutting) || server_.doors().taken() != 0 ||
        server_.open_listeners_.load() != 0)
        return;
    finish();
}

void drain::cut()
{
    step_ = step::cutting;
    const auto& loops = server_.runtime().loops();
    {
        const std::lock_guard lock{mutex_};
        answered_.assign(loops.size(), false);
    }
    for (const auto& l : server_.listeners())
        l->post_close();
    for (const auto& l : server_.datagram_listeners())
        l->post_cut();
    for (std::size_t i = 0; i < loops.size(); ++i)
        loops[i]->post([self = server_.shared_from_this(), on = loops[i], i] {
            for_each_session(*on, *self, [](session& s) { s.cut(); });
            const std::lock_guard lock{self->ending().mutex_};
            self->ending().answered_[i] = true;
        });
    due_ = after(server_.runtime().control().now(), grace_after_cut);
    server_.runtime().control().arm(*this, due_);
}

time_point drain::look(time_point now)
{
    if (step_ == step::waiting || step_ == step::done)
        return time_point::max();
    if (now < due_)
        return due_;
    if (step_ == step::draining)
        server_.runtime().control().post([self = server_.shared_from_this()] {
            if (self->ending().step_ == step::draining)
                self->ending().cut();
        });
    else
        server_.runtime().control().post([self = server_.shared_from_this()] {
            if (self->ending().step_ == step::cutting)
                self->ending().finish();
        });
    return time_point::max();
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
    for (std::size_t i = 0; i < answered_.size(); ++i) {
        if (answered_[i])
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
