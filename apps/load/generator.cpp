// SPDX-License-Identifier: BSL-1.0
#include "generator.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

namespace load {

namespace {

constexpr unsigned most_attempts = 1'000;

void raise_descriptor_limit()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void send_signal(pid_t process, int number)
{
    if (::kill(process, number) != 0)
        throw std::system_error{errno, std::generic_category(),
                                std::string{"SIG"} + ::sigabbrev_np(number) + " to process " + std::to_string(process)};
}

// Meanwhile the process stands still; what else it was signalled it hears of at the end.
class pause
{
public:
    explicit pause(pid_t process) : process_{process} { send_signal(process_, SIGSTOP); }
    pause(const pause&) = delete;
    pause& operator=(const pause&) = delete;
    ~pause() { ::kill(process_, SIGCONT); }

private:
    pid_t process_;
};

void control(int epoll, int operation, int socket, std::uint32_t events, std::size_t index)
{
    epoll_event event{};
    event.events = events;
    event.data.u64 = index;
    if (::epoll_ctl(epoll, operation, socket, &event) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
}

} // namespace

generator::generator(const options& o)
    : options_{o}, schedule_{o.rate, o.connections}, epoll_{::epoll_create1(EPOLL_CLOEXEC)},
      output_watched_(o.connections), buffer_(256 * 1024)
{
    if (epoll_.get() < 0)
        throw std::system_error{errno, std::generic_category(), "epoll_create1"};
    if (options_.cpu_of != 0)
        server_clock_.emplace(options_.cpu_of);
    if (!options_.json)
        progress_line_.emplace(std::nullopt, "messages");
    raise_descriptor_limit();
    connections_.reserve(options_.connections);
    for (unsigned i = 0; i < options_.connections; ++i) {
        auto& c = connections_.emplace_back(i, options_, schedule_, report_.counts);
        if (i == 0 || options_.until_end)
            c.connect();
        else
            c.try_connect();
        if (c.open())
            control(epoll_.get(), EPOLL_CTL_ADD, c.socket(), EPOLLIN, i);
        else
            missing_.push_back(i);
    }
}

report generator::run()
{
    start_ = last_progress_ = timeouts_seen_ = now();
    schedule_.start(start_);
    measure(start_);
    for (auto& c : connections_)
        pump(c);
    while (!over()) {
        serve_ready_connections();
        begin_what_is_due();
        const auto time = now();
        if (progress_line_)
            progress_line_->reach(report_.counts.answered, report_.counts.errors.total());
        measure(time);
        gather(time);
        give_up_when_stuck(time);
        see_timeouts(time);
        replace_connections(time);
    }
    progress_line_.reset();
    conclude();
    return report_;
}

// How long nothing but an answer is waited for.
std::int64_t generator::until_next(std::int64_t time) const
{
    constexpr std::int64_t longest = 20'000'000;
    if (!schedule_.open() || phase_ != phase::running)
        return longest;
    return std::clamp<std::int64_t>(schedule_.time_of(begun_) - time, 0, longest);
}

// A connection whose window is full begins what is due once answers come.
void generator::begin_what_is_due()
{
    for (const auto due = schedule_.due_before(now()); begun_ < due; ++begun_)
        pump(connections_[begun_ % connections_.size()]);
}

void generator::serve_ready_connections()
{
    std::array<epoll_event, 256> events;
    timespec wait{};
    wait.tv_nsec = until_next(now());
    const int ready = ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &wait, nullptr);
    for (int i = 0; i < ready; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        serve(connections_[event.data.u64], event.events);
    }
}

void generator::serve(connection& c, std::uint32_t events)
{
    if (c.connecting())
        c.finish_connect();
    else if (events & ~std::uint32_t{EPOLLOUT})
        c.receive(buffer_);
    if (c.open())
        pump(c);
    else
        settle(c);
}

void generator::pump(connection& c)
{
    if (!c.open() || c.connecting())
        return;
    if (phase_ == phase::running || schedule_.open())
        c.begin();
    else
        c.send();
    settle(c);
}

// After every use of a connection that had a socket before.
void generator::settle(connection& c)
{
    const auto index = index_of(c);
    if (!c.open()) {
        missing_.push_back(index);
    } else if (output_watched_[index] != c.blocked()) {
        output_watched_[index] = c.blocked();
        control(epoll_.get(), EPOLL_CTL_MOD, c.socket(), EPOLLIN | (c.blocked() ? EPOLLOUT : 0u), index);
    }
}

void generator::replace_connections(std::int64_t time)
{
    if (missing_.empty() || options_.until_end)
        return;
    std::erase_if(missing_, [&](std::size_t index) {
        auto& c = connections_[index];
        if ((phase_ != phase::running && !c.behind(time)) || !c.replace(time))
            return false;
        output_watched_[index] = true;
        control(epoll_.get(), EPOLL_CTL_ADD, c.socket(), EPOLLIN | EPOLLOUT, index);
        return true;
    });
}

// A tenth of the patience late at most.
void generator::see_timeouts(std::int64_t time)
{
    if (time - timeouts_seen_ < options_.patience.count() / 10)
        return;
    timeouts_seen_ = time;
    for (auto& c : connections_)
        if (c.open()) {
            c.see_timeout(time);
            settle(c);
        }
}

std::size_t generator::index_of(const connection& c) const noexcept
{
    return static_cast<std::size_t>(&c - connections_.data());
}

void generator::measure(std::int64_t time)
{
    auto& counts = report_.counts;
    if (!measuring_ && counts.settled() >= options_.warm_up) {
        measuring_ = true;
        measure_start_ = counts.from = time;
        answered_at_start_ = counts.answered;
        refused_at_start_ = counts.refused;
        cpu_start_ = server_clock_ ? server_clock_->read() : 0;
        own_cpu_start_ = read_clock(CLOCK_PROCESS_CPUTIME_ID);
        if (options_.duration.count() != 0 && !options_.until_end)
            schedule_.end(time + options_.duration.count());
    }
    if (!measuring_ || measured_)
        return;
    const auto end = measure_start_ + options_.duration.count();
    if (options_.duration.count() != 0 && time >= end)
        finish_measurement(schedule_.open() ? end : time); // in an open loop however late that is seen
    else if (messages_measured())
        finish_measurement(time);
}

bool generator::messages_measured() const
{
    const auto& counts = report_.counts;
    const auto answered = schedule_.open() ? counts.latency.total() : counts.answered - answered_at_start_;
    return options_.messages != 0 && answered + counts.refused - refused_at_start_ >= options_.messages;
}

// What begins or comes due from then on does not belong to it.
void generator::finish_measurement(std::int64_t time)
{
    measured_ = true;
    if (!measuring_)
        measure_start_ = time;
    report_.counts.to = time;
    report_.elapsed = time - measure_start_;
    report_.measured = report_.counts.answered - answered_at_start_;
    report_.due = schedule_.due_before(time) - schedule_.due_before(measure_start_);
    read_processor_clocks(time);
    if (!options_.until_end) {
        phase_ = phase::finishing;
        schedule_.end(time);
    }
}

void generator::read_processor_clocks(std::int64_t time)
{
    report_.clocked = time - measure_start_;
    report_.own_cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) - own_cpu_start_;
    if (server_clock_)
        report_.server_cpu = server_clock_->read() - cpu_start_;
}

// What had begun or come due by the end of the measured part has its answer now, or is counted as an error.
void generator::conclude()
{
    report_.end = now();
    if (!measured_)
        finish_measurement(report_.end);
    if (stuck_)
        for (auto& c : connections_)
            c.give_up(report_.end);
    report_.answering = report_.elapsed;
    if (!schedule_.open())
        return;
    report_.measured = report_.counts.latency.total();
    report_.answering = std::max(report_.elapsed, report_.counts.last_answer - measure_start_);
    if (!options_.until_end)
        read_processor_clocks(report_.end);
}

void generator::gather(std::int64_t time)
{
    if (options_.term_pid == 0 || report_.signal || time - start_ < options_.term_after.count())
        return;
    phase_ = phase::gathering;
    if (!all_quiet())
        return;

    const pause meanwhile{options_.term_pid}; // so that every window is filled before it answers the first
    for (auto& c : connections_)
        if (c.open()) {
            c.begin();
            settle(c);
        }
    signal_sent signal;
    signal.attempts = ++attempts_;
    signal.answered = report_.counts.answered;
    std::uint64_t begun = 0;
    for (const auto& c : connections_) {
        signal.outstanding += c.outstanding();
        begun += c.quiet() ? 0 : options_.pipeline;
    }
    if (signal.outstanding < options_.term_outstanding) {
        most_outstanding_ = std::max(most_outstanding_, signal.outstanding);
        if (attempts_ == most_attempts)
            throw failure{"at most " + std::to_string(most_outstanding_) +
                          " messages were outstanding at one moment, " + std::to_string(options_.term_outstanding) +
                          " are wanted"};
        return;
    }
    signal.answered += begun - signal.outstanding;
    signal.time = now();
    for (auto& c : connections_)
        c.hold_to_account(); // the server has them, and has not heard of the signal
    send_signal(options_.term_pid, SIGTERM);
    if (!measured_)
        finish_measurement(signal.time);
    report_.signal = signal;
    phase_ = phase::running;
}

void generator::give_up_when_stuck(std::int64_t time)
{
    const auto progress = report_.counts.settled() + report_.counts.ended;
    if (progress != progress_ || (schedule_.open() && all_quiet() && missing_.empty())) {
        progress_ = progress;
        last_progress_ = time;
    } else if (time - last_progress_ >= options_.patience.count()) {
        report_.counts.errors.add("stuck", "nothing came for " + std::to_string(options_.patience.count() / 1'000'000) +
                                               " ms, with " + std::to_string(connections_.size() - missing_.size()) +
                                               " of " + std::to_string(connections_.size()) + " connections open and " +
                                               std::to_string(report_.counts.answered) + " messages answered");
        stuck_ = true;
    }
}

bool generator::over() const
{
    if (stuck_)
        return true;
    if (options_.until_end)
        return missing_.size() == connections_.size();
    return phase_ == phase::finishing && all_quiet() && !any_behind(now());
}

bool generator::all_quiet() const
{
    return std::all_of(connections_.begin(), connections_.end(), [](const connection& c) { return c.quiet(); });
}

bool generator::any_behind(std::int64_t time) const
{
    return schedule_.open() &&
           std::any_of(connections_.begin(), connections_.end(), [=](const connection& c) { return c.behind(time); });
}

} // namespace load
