// SPDX-License-Identifier: BSL-1.0
#include "server/server_core.hpp"

#include "server/listener.hpp"
#include "server/refusing_handler.hpp"
#include "server/service_manager.hpp"
#include "tls/context.hpp"
#include "values/scope_exit.hpp"

#include <ifaddrs.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>

namespace hawser::inline v0_1::detail {
namespace {

std::size_t descriptor_limit() noexcept
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1U << 30));
}

server_options checked(server_options o)
{
    validate(o.limits);
    validate(o.timeouts);
    if (!o.limits.connections)
        o.limits.connections = default_permits(descriptor_limit());
    if (!o.observer)
        o.observer = std::make_shared<log_observer>();
    return o;
}

bool is_every_interface(const endpoint& where)
{
    const bool has_host = where.scheme() == endpoint::scheme_type::tcp || where.scheme() == endpoint::scheme_type::tls;
    return has_host && where.host().empty();
}

bool has_ipv6() noexcept
{
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return true; // who knows
    bool found = false;
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next)
        found = found || (i->ifa_addr != nullptr && i->ifa_addr->sa_family == AF_INET6);
    ::freeifaddrs(list);
    return found;
}

std::shared_ptr<tls_configuration> tls_for(const endpoint& where, const listen_options& options)
{
    const bool over_tls = where.scheme() == endpoint::scheme_type::tls || (where.is_inherited() && options.tls);
    if (over_tls && !options.tls)
        throw std::invalid_argument{"listen_options.tls: expected a certificate chain and a key for " +
                                    where.to_string() + ", got none"};
    if (!over_tls && options.tls)
        throw std::invalid_argument{"listen_options.tls: expected a tls://, fd: or systemd: endpoint, got " +
                                    where.to_string()};
    return over_tls ? std::make_shared<tls_configuration>(*options.tls) : nullptr;
}

} // namespace

server_core::server_core(std::shared_ptr<runtime_core> r, server_options options)
    : ledger{std::move(r), checked(std::move(options))}, drain_{*this, *this}
{
    if (ledger::options().limits.shed)
        shedding_.emplace(*this);
}

std::shared_ptr<server_core> server_core::make(std::shared_ptr<runtime_core> r, server_options options)
{
    return {new server_core{std::move(r), std::move(options)}, [](server_core* s) {
                if (!s->runtime().control().ask(s->destruction_))
                    delete s;
            }};
}

void server_core::refuse_once_draining(const endpoint& where) const
{
    if (begun_draining())
        throw std::logic_error{where.to_string() + ": listen once the server drains, which ends it for good"};
}

listener_handle server_core::listen(const endpoint& where, const session_handler& handler,
                                    const listen_options& options)
{
    refuse_once_draining(where);
    if (options.timeouts)
        validate(*options.timeouts);
    const server_options& own = ledger::options();
    settings configured{.framing = options.framing,
                        .timeouts = options.timeouts.value_or(own.timeouts),
                        .data_limit = own.limits.data_limit.value_or(~std::uint64_t{0}),
                        .high_water = own.limits.output_high_water,
                        .low_water = own.limits.output_low_water};
    const auto shared = std::make_shared<const settings>(configured);
    const std::shared_ptr<tls_configuration> tls = tls_for(where, options);
    const auto* const refusing = handler.target<refusing_handler>();
    const session_handler& run = refusing != nullptr ? refusing->run : handler;
    std::optional<std::string> refusal;
    if (options.when_full == when_full::refuse)
        refusal = refusing != nullptr && !tls ? refusing->words : std::string{};

    // The sockets of each loop that accepts: the first alone, or with reuse_port every one.
    std::vector<std::vector<listening_socket>> bound;
    bound.push_back(bind_all(where, options));
    while (options.reuse_port && bound.size() < runtime().loops().size()) {
        std::vector<listening_socket>& next = bound.emplace_back();
        for (const listening_socket& first : bound.front())
            next.push_back(std::move(bind_all(first.where(), options).front()));
    }
    for (std::vector<listening_socket>& sockets : bound)
        for (listening_socket& socket : sockets)
            socket.listen();
    if (is_every_interface(where) && !has_ipv6())
        observer().ipv6_left_out(bound.front().front().where());

    std::vector<std::shared_ptr<any_listener>> made;
    for (std::size_t i = 0; i < bound.size(); ++i)
        for (listening_socket& socket : bound[i]) {
            const auto what = std::make_shared<session_config>(
                session_config{run, shared, shared_from_this(), socket.where(), tls, refusal});
            made.push_back(
                std::make_shared<listener>(what, std::move(socket), *runtime().loops()[i], !options.reuse_port));
        }
    return add(where, made, bound.front().size(), tls);
}

listener_handle server_core::add(const endpoint& where, const std::vector<std::shared_ptr<any_listener>>& made,
                                 std::size_t shown, const std::shared_ptr<tls_configuration>& tls)
{
    std::vector<std::weak_ptr<any_listener>> handles{made.begin(), made.end()};
    std::vector<endpoint> places;
    for (std::size_t i = 0; i < shown; ++i)
        places.push_back(made[i]->where());
    const std::lock_guard lock{mutex_};
    refuse_once_draining(where); // a drain that begins from here on finds these listeners
    listeners_.reserve(listeners_.size() + made.size());
    endpoints_.reserve(endpoints_.size() + shown);
    tls_.reserve(tls_.size() + 1); // from here on nothing throws
    if (tls)
        tls_.push_back(tls);
    std::move(places.begin(), places.end(), std::back_inserter(endpoints_));
    listeners_.insert(listeners_.end(), made.begin(), made.end());
    open_listeners_.fetch_add(made.size());
    working_listeners_.fetch_add(made.size());
    for (const auto& l : made)
        l->post_start();
    return listener_handle{std::move(handles)};
}

void server_core::reload_tls()
{
    const std::lock_guard one_at_a_time{reloading_};
    const auto manager = supervisor();
    if (manager)
        manager->reloading();
    const scope_exit over{[&manager] {
        if (manager)
            manager->reloaded();
    }};
    const auto all = configurations();
    std::vector<std::shared_ptr<const tls_context>> loaded;
    try {
        for (const auto& c : all)
            loaded.push_back(c->load());
    } catch (const tls_error& e) {
        observer().tls_reload_failed(e);
        throw;
    }
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i]->use(std::move(loaded[i]));
    observer().tls_reloaded(all.size());
}

std::vector<std::shared_ptr<tls_configuration>> server_core::configurations() const
{
    const std::lock_guard lock{mutex_};
    return tls_;
}

std::optional<std::chrono::system_clock::time_point> server_core::certificates_expire() const
{
    std::optional<std::chrono::system_clock::time_point> first;
    for (const auto& c : configurations())
        first = std::min(first.value_or(std::chrono::system_clock::time_point::max()), c->now()->expires());
    return first;
}

std::vector<endpoint> server_core::endpoints() const
{
    const std::lock_guard lock{mutex_};
    return endpoints_;
}

std::vector<std::shared_ptr<any_listener>> server_core::listeners() const
{
    const std::lock_guard lock{mutex_};
    return listeners_;
}

void server_core::forget_listeners()
{
    std::vector<std::shared_ptr<any_listener>> all;
    {
        const std::lock_guard lock{mutex_};
        all.swap(listeners_);
    }
    for (const auto& l : all)
        l->post_close();
}

void server_core::exception_escaped(std::string_view what) noexcept
{
    observer().exception_escaped(what);
}

void server_core::supervised_by(std::shared_ptr<service_manager> manager)
{
    const std::lock_guard lock{mutex_};
    supervisor_ = std::move(manager);
}

std::shared_ptr<service_manager> server_core::supervisor() const
{
    const std::lock_guard lock{mutex_};
    return supervisor_;
}

void server_core::listener_closed() noexcept
{
    open_listeners_.fetch_sub(1);
    drain_.something_ended();
}

void server_core::listener_failed(const endpoint& where, const error_code& why) noexcept
{
    observer().listener_failed(where, why);
    if (working_listeners_.fetch_sub(1) != 1 || begun_draining())
        return;
    lost_ = true;
    observer().listeners_lost();
    if (drain_when_lost_)
        drain_.begin("lost");
}

void server_core::drain_when_lost()
{
    drain_when_lost_ = true;
    if (lost())
        drain_.begin("lost");
}

void server_core::resume_listeners() noexcept
{
    const std::lock_guard lock{mutex_};
    for (const auto& l : listeners_)
        l->post_resume();
}

void server_core::drain_listeners() noexcept
{
    const std::lock_guard lock{mutex_};
    for (const auto& l : listeners_)
        l->post_drain();
}

void server_core::cut_listeners() noexcept
{
    const std::lock_guard lock{mutex_};
    for (const auto& l : listeners_)
        l->post_cut();
}

void server_core::drain_started(const char* cause, std::size_t connections)
{
    if (const auto manager = supervisor())
        manager->stopping(connections);
    observer().drain_started(cause, connections);
}

server_statistics server_core::statistics() const
{
    server_statistics s = counted();
    for (const auto& l : listeners())
        s.datagram_handlers += l->handlers();
    for (const auto& l : runtime().loops()) {
        s.carried.bytes_in += l->counts.bytes_in.read();
        s.carried.bytes_out += l->counts.bytes_out.read();
        s.carried.frames_in += l->counts.frames_in.read();
        s.carried.frames_out += l->counts.frames_out.read();
    }
    return s;
}

} // namespace hawser::inline v0_1::detail
