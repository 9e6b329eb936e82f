// SPDX-License-Identifier: BSL-1.0
#include <hawser/test/world.hpp>

#include "server/server_core.hpp"
#include "test/world_inside.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace hawser::inline v0_1::detail {

settings settings_of(const framing& format, const timeouts& t, const limits& l)
{
    return {.framing = format,
            .timeouts = t,
            .data_limit = l.data_limit.value_or(~std::uint64_t{0}),
            .high_water = l.output_high_water,
            .low_water = l.output_low_water};
}

namespace {

constexpr std::size_t most_sessions = 1'000'000; // of a world that has said no limit

address loopback(std::uint16_t port)
{
    socket_address from{};
    from.v4.sin_family = AF_INET;
    from.v4.sin_port = htons(port);
    from.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return {from, sizeof from.v4};
}

std::string count(std::size_t n, const char* one, const char* many)
{
    return std::to_string(n) + ' ' + (n == 1 ? one : many);
}

} // namespace

world_inside::world_inside(const clock& time, server_options o, disturbance* sweep)
    : by{sweep != nullptr ? sweep : &undisturbed}, runtime{std::make_unique<hawser::runtime>(runtime_options{
                                                       .loops = 1, .blocked_after = never, .time = &time})},
      options{std::move(o)}
{
    if (options.observer != nullptr)
        throw std::invalid_argument{"server_options.observer: expected none, the world has its own"};
    options.observer = seen;
}

// The server first: its listeners use the loop, and its sessions share what they need of it.
world_inside::~world_inside()
{
    server.reset();
    runtime.reset();
}

server_core& world_inside::serving()
{
    if (!server) {
        server_options made = options;
        if (!made.limits.connections) // what descriptors there are says nothing of sessions in memory
            made.limits.connections = most_sessions;
        server = std::make_unique<hawser::server>(*runtime, std::move(made));
    }
    return server_access::get(*server);
}

std::shared_ptr<memory_link> world_inside::link(const test::path& inbound, const test::path& outbound)
{
    auto made = std::make_shared<memory_link>(on(), by);
    set_path(made->from(1), inbound);
    set_path(made->from(0), outbound);
    std::erase_if(links, [](const auto& l) { return l.expired(); });
    links.push_back(made);
    return made;
}

void world_inside::begin_session(session_handler handler, const listen_options& how, any_stream stream)
{
    const address from = loopback(next_port++);
    server_core& core = serving();
    std::optional<permit> place = permit::take(core.shared_from_this());
    if (!place)
        throw std::logic_error{"limits.connections: the world's server has all the sessions that it may have"};
    core.counts.accepted.fetch_add(1);
    loop& l = core.choose_loop();
    place->assign(l);
    place->enter(from);
    session::start(l,
                   std::make_shared<session_config>(
                       session_config{std::move(handler),
                                      std::make_shared<const settings>(settings_of(
                                          how.framing, how.timeouts.value_or(options.timeouts), options.limits)),
                                      core.shared_from_this(), endpoint{"tcp://127.0.0.1:7000"}}),
                   std::move(stream), from, std::move(*place));
}

void world_inside::poll()
{
    if (!runtime)
        return;
    do {
        if (!by->cancels())
            runtime->poll();
        while (by->cancels() && poll_by_handler())
            continue;
    } while (pump());
}

bool world_inside::pump()
{
    bool moved = false;
    for (const auto& r : relays)
        moved |= r->pump();
    std::erase_if(relays, [](const auto& r) { return r->is_over(); });
    return moved;
}

// Handler by handler, with a step for each coroutine in between.
bool world_inside::poll_by_handler()
{
    loop& control = runtime_access::get(*runtime).control();
    bool ran = control.poll() != 0;
    on().tick();
    on().context().restart();
    while (on().context().poll_one() != 0) {
        ran = true;
        cancel_suspended();
    }
    return ran;
}

void world_inside::cancel_suspended()
{
    using kind = disturbance::kind;
    std::size_t number = 0;
    for (const auto& t : std::vector{tasks}) {
        const auto state = t.lock();
        ++number;
        if (state && !state->done && by->strikes(kind::cancellation, "task " + std::to_string(number)))
            state->signal.emit(by->how());
    }
    std::vector<boost::intrusive_ptr<connection_core>> open; // a cancellation may end some
    for (tenant& t : on().connections)
        open.emplace_back(&connection_of(t));
    for (const auto& c : open)
        if (session* const s = session_of(*c);
            s != nullptr && s->runs_handler() &&
            by->strikes(kind::cancellation, "session of " + c->peer().to_endpoint().to_string()))
            s->cancel_handler(by->how());
}

// ---- task_state

namespace {

template <class F>
std::string words_of(const std::exception_ptr& error, F&& of_system_error)
{
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        return of_system_error(e);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "something that is not a std::exception";
    }
}

} // namespace

void task_state::rethrow() const
{
    if (error != nullptr)
        std::rethrow_exception(error);
}

std::string task_state::outcome() const
{
    if (!done)
        return "suspended";
    if (error == nullptr)
        return "done";
    return words_of(error, [](const system_error& e) { return symbol(e.code()); });
}

std::string task_state::what() const
{
    return error == nullptr ? std::string{} : words_of(error, [](const system_error& e) { return e.what(); });
}

void task_state::cancel(test::world& run, boost::asio::cancellation_type type)
{
    signal.emit(type);
    run.poll();
}

} // namespace hawser::inline v0_1::detail

namespace hawser::inline v0_1::test {

using namespace hawser::detail;

std::string text(const task<std::optional<bytes_view>>& read)
{
    if (read.outcome() != "done")
        return read.outcome();
    return read.value() ? std::string{*read.value()} : "(nothing)";
}

// ---- world

world::world(server_options options) : inside_{std::make_unique<world_inside>(time, std::move(options), nullptr)} {}

world::world(server_options options, disturbance& by)
    : inside_{std::make_unique<world_inside>(time, std::move(options), &by)}
{}

world::~world() = default;

void world::poll()
{
    inside_->poll();
}

void world::advance(duration by)
{
    time.advance(by);
    for (const auto& l : inside_->links)
        if (const auto link = l.lock())
            link->changed(); // what was delayed may have arrived
    poll();
}

void world::steps(duration by, duration step)
{
    for (duration gone{}; gone < by; gone += step)
        advance(std::min(step, by - gone));
}

peer world::open(session_handler handler, const listen_options& how)
{
    return open(std::move(handler), {}, how);
}

peer world::open(session_handler handler, bytes_view sent, const listen_options& how)
{
    if (how.tls)
        throw std::invalid_argument{"listen_options.tls: expected none, a scripted peer does not speak TLS"};
    auto link = inside_->link(inbound, outbound);
    peer other{*this, link};
    other.send_later(sent);
    inside_->begin_session(std::move(handler), how, any_stream{memory_stream{std::move(link), 0}});
    poll();
    return other;
}

std::pair<connection, peer> world::connect(const connect_options& how)
{
    auto link = inside_->link(inbound, outbound);
    return {core_access::make(new connection_core{
                inside_->on(),
                memory_stream{link, 0},
                std::make_shared<const settings>(settings_of(how.framing, how.timeouts, how.limits)),
                {}}),
            peer{*this, link}};
}

wire world::last_wire()
{
    auto link = inside_->links.empty() ? nullptr : inside_->links.back().lock();
    if (!link)
        throw std::logic_error{"no connection was made in this world, or the last one has gone"};
    return {*this, std::move(link)};
}

void world::launch(awaitable<void> work, const std::shared_ptr<task_state>& state)
{
    inside_->tasks.push_back(state);
    boost::asio::co_spawn(boost::asio::any_io_executor{inside_->on().executor()}, std::move(work),
                          boost::asio::bind_cancellation_slot(state->signal.slot(), [state](std::exception_ptr e) {
                              state->done = true;
                              state->error = std::move(e);
                          }));
    poll();
}

void world::refuse_suspended()
{
    throw std::logic_error{"the coroutine still waits when nothing more can happen"};
}

hawser::runtime& world::runtime() noexcept
{
    return *inside_->runtime;
}

hawser::server& world::server()
{
    inside_->serving();
    return *inside_->server;
}

recorder& world::seen()
{
    return *inside_->seen;
}

std::string world::last_end() const
{
    if (inside_->seen->ends.empty())
        return {};
    const session_end& end = inside_->seen->ends.back();
    std::string words = to_string(end.reason);
    if (end.error)
        words += ": " + symbol(end.error);
    else if (!end.what.empty())
        words += ": " + end.what;
    return words;
}

void world::end_runtime()
{
    inside_->runtime.reset();
}

bool world::disturbed() const noexcept
{
    return inside_->by->has_struck();
}

error_code world::step(std::string_view operation)
{
    return inside_->by->strikes(disturbance::kind::failure, std::string{operation})
               ? error_code{boost::asio::error::connection_reset}
               : error_code{};
}

// ---- What is left

// A coroutine that was spawned by anybody counts as work of its context, whatever it waits for.
static bool has_work(loop& l)
{
    l.executor().on_work_finished(); // the loop's own
    l.context().restart();
    l.context().poll();
    const bool some = !l.context().stopped();
    l.executor().on_work_started();
    l.context().restart();
    return some;
}

remains world::left()
{
    poll();
    remains r;
    loop& l = inside_->on();
    for (tenant& t : l.connections) {
        const connection_core& c = connection_of(t);
        ++r.connections;
        r.queued += c.queued();
        if (const session* const s = session_of(c); s != nullptr && s->runs_handler())
            ++r.coroutines;
    }
    for (const auto& t : inside_->tasks)
        if (const auto state = t.lock(); state && !state->done)
            ++r.coroutines;
    if (r.coroutines == 0 && has_work(l))
        r.coroutines = 1;
    r.timers = l.timers().size();
    r.buffers = l.blocks().in_use();
    return r;
}

remains world::settle()
{
    steps(5s, 250ms);
    return left();
}

std::string remains::to_string() const
{
    std::string all;
    const auto add = [&](std::size_t n, const char* one, const char* many) {
        if (n != 0)
            all += (all.empty() ? "" : ", ") + count(n, one, many);
    };
    add(connections, "connection", "connections");
    add(timers, "timer", "timers");
    add(coroutines, "coroutine", "coroutines");
    add(buffers, "byte of buffers", "bytes of buffers");
    add(queued, "byte of queued output", "bytes of queued output");
    return all.empty() ? "nothing" : all;
}

} // namespace hawser::inline v0_1::test
