// SPDX-License-Identifier: BSL-1.0
#include "server/service_manager.hpp"

#include <ctime>
#include <string>
#include <utility>

namespace hawser::inline v0_1::detail {
namespace {

std::string ready_lines(const std::vector<endpoint>& listening)
{
    std::string lines = "READY=1\nSTATUS=listening on ";
    const char* separator = "";
    for (const endpoint& where : listening)
        lines += std::exchange(separator, ", ") + where.to_string();
    return lines;
}

// The instant by which a manager of Type=notify-reload tells this reload from an earlier one.
std::string now_in_microseconds()
{
    std::timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1000);
}

} // namespace

service_manager::service_manager(notify_socket socket, runtime_core& r, const std::vector<endpoint>& listening)
    : socket_{std::move(socket)}, runtime_{r}, ready_{ready_lines(listening)}, watchdog_{watchdog_time()}
{
    for (std::size_t i = 0; i < r.loops().size(); ++i)
        questions_.emplace_back(*this);
}

void service_manager::begin()
{
    ask_loops();
    if (watchdog_)
        runtime_.control().arm(*this, after(runtime_.control().now(), *watchdog_ / 2));
}

void service_manager::end() noexcept
{
    ended_ = true;
    runtime_.control().cancel(*this);
}

void service_manager::stopping(std::size_t connections)
{
    stopping_ = true;
    socket_.say("STOPPING=1\nSTATUS=draining " + std::to_string(connections) + " connections");
}

void service_manager::reloading() const
{
    if (said_ready_.load())
        socket_.say("RELOADING=1\nMONOTONIC_USEC=" + now_in_microseconds());
}

void service_manager::reloaded() const
{
    if (said_ready_.load())
        socket_.say("READY=1");
}

void service_manager::ask_loops() noexcept
{
    missing_ = questions_.size();
    for (std::size_t i = 0; i < questions_.size(); ++i)
        runtime_.loops()[i]->ask(questions_[i], shared_from_this());
}

// On that loop.
void service_manager::one_answered() noexcept
{
    if (missing_.fetch_sub(1) == 1)
        runtime_.control().ask(*this, shared_from_this());
}

// On the control loop, once all have answered.
void service_manager::called()
{
    if (ended_)
        return;
    if (!said_ready_.load() && !stopping_) {
        socket_.say(ready_);
        said_ready_.store(true);
    }
    if (watchdog_)
        socket_.say("WATCHDOG=1");
}

time_point service_manager::on_due(time_point now)
{
    if (missing_ == 0)
        ask_loops();
    return after(now, *watchdog_ / 2);
}

} // namespace hawser::inline v0_1::detail
