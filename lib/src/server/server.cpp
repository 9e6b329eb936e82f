// SPDX-License-Identifier: BSL-1.0
#include <hawser/server.hpp>

#include "server/any_listener.hpp"
#include "server/server_core.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace hawser::inline v0_1 {

void listener_handle::suspend() const
{
    for (const auto& weak : listeners_)
        if (const auto l = weak.lock())
            l->suspend(true);
}

void listener_handle::resume() const
{
    for (const auto& weak : listeners_)
        if (const auto l = weak.lock())
            l->suspend(false);
}

bool listener_handle::suspended() const noexcept
{
    return std::any_of(listeners_.begin(), listeners_.end(), [](const std::weak_ptr<detail::any_listener>& weak) {
        const auto l = weak.lock();
        return l && l->suspended();
    });
}

server::server(runtime& r, server_options options)
    : core_{detail::server_core::make(detail::runtime_access::shared(r), std::move(options))}
{
    detail::runtime_access::get(r).escapes().add(core_);
}

server::~server()
{
    core_->forget_listeners();
}

listener_handle server::listen(const endpoint& where, session_handler handler, const listen_options& options)
{
    return core_->listen(where, handler, options);
}
void server::reload_tls()
{
    core_->reload_tls();
}
std::optional<std::chrono::system_clock::time_point> server::certificates_expire() const
{
    return core_->certificates_expire();
}
std::vector<endpoint> server::endpoints() const
{
    return core_->endpoints();
}
void server::drain()
{
    core_->drain().begin("drain");
}
void server::abort()
{
    core_->drain().cut_now();
}
drain_report server::wait()
{
    return core_->drain().wait();
}
awaitable<drain_report> server::drained() const
{
    return detail::drained({core_, &core_->drain()});
}
std::optional<drain_report> server::report() const
{
    return core_->drain().report();
}
server_statistics server::statistics() const
{
    return core_->statistics();
}

std::size_t raise_descriptor_limit()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        const rlimit raised{limit.rlim_max, limit.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return static_cast<std::size_t>(limit.rlim_cur);
}

} // namespace hawser::inline v0_1
