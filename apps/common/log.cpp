// SPDX-License-Identifier: BSL-1.0
#include "common/log.hpp"

#include "common/shown.hpp"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>

namespace app {
namespace {

constexpr std::size_t queue_lines = 8192;

// Standard error, which may be a pipe that nobody reads or a file on a full disk. O_NONBLOCK would change it for every
// process that shares it, so it is asked first: a pipe or terminal that is writable takes a line of ours whole.
class standard_error : public spdlog::sinks::base_sink<spdlog::details::null_mutex>
{
public:
    explicit standard_error(std::shared_ptr<spdlog::details::thread_pool> queue) : queue_{std::move(queue)} {}

    void posted()
    {
        const std::lock_guard lock{mutex_};
        ++posted_;
    }

    void wait_until_written(hawser::duration most)
    {
        std::unique_lock lock{mutex_};
        progress_.wait_for(lock, most, [&] { return written_ + queue_->overrun_counter() >= posted_; });
    }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override
    {
        const std::size_t left_out = refused_ + queue_->overrun_counter();
        if (left_out > said_ &&
            put("left out " + std::to_string(left_out - said_) + " log lines: standard error did not take them"))
            said_ = left_out;
        if (!put({message.payload.data(), message.payload.size()}))
            ++refused_;
        {
            const std::lock_guard lock{mutex_};
            ++written_;
        }
        progress_.notify_all();
    }

    void flush_() override {}

private:
    // A line of which the disk took a part is finished before the next one begins.
    bool put(std::string_view line)
    {
        if (!finish())
            return false;
        rest_.assign(line).push_back('\n');
        const std::size_t whole = rest_.size();
        if (finish() || rest_.size() < whole)
            return true;
        rest_.clear();
        return false;
    }

    bool finish()
    {
        while (!rest_.empty()) {
            pollfd ready{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
            if (::poll(&ready, 1, -1) < 0 && errno == EINTR)
                continue;
            const auto size = ::write(STDERR_FILENO, rest_.data(), rest_.size());
            if (size > 0)
                rest_.erase(0, static_cast<std::size_t>(size));
            else if (errno != EINTR && errno != EAGAIN)
                return false;
        }
        return true;
    }

    std::shared_ptr<spdlog::details::thread_pool> queue_;
    std::string rest_;
    std::size_t refused_ = 0;
    std::size_t said_ = 0;

    std::mutex mutex_;
    std::condition_variable progress_;
    std::size_t posted_ = 0;
    std::size_t written_ = 0; // or refused
};

struct logger {
    std::shared_ptr<spdlog::details::thread_pool> queue =
        std::make_shared<spdlog::details::thread_pool>(queue_lines, 1);
    std::shared_ptr<standard_error> sink = std::make_shared<standard_error>(queue);
    std::shared_ptr<spdlog::async_logger> front =
        std::make_shared<spdlog::async_logger>("log", sink, queue, spdlog::async_overflow_policy::overrun_oldest);
};

std::atomic<bool> used{false};

// A thread that is started meanwhile takes no signal: they are for the loops.
class signals_blocked
{
public:
    signals_blocked() noexcept
    {
        sigset_t every;
        ::sigfillset(&every);
        ::pthread_sigmask(SIG_SETMASK, &every, &before_);
    }
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

logger* make_logger()
{
    const signals_blocked meanwhile;
    return new logger;
}

// Never destroyed: its thread may wait for a reader that never comes, and a session that was left behind may still log.
logger& instance()
{
    static auto* const made = make_logger();
    return *made;
}

} // namespace

void start_log() noexcept
try {
    instance();
} catch (...) { // log() tries again
}

void log(std::string_view line) noexcept
try {
    used.store(true, std::memory_order_relaxed);
    logger& l = instance();
    const std::string text = one_line(line);
    l.sink->posted();
    l.front->log(spdlog::level::info, text);
} catch (...) { // no memory for a line: it is left out
}

void flush_log(hawser::duration most) noexcept
try {
    if (used.load(std::memory_order_relaxed))
        instance().sink->wait_until_written(most);
} catch (...) {
}

} // namespace app
