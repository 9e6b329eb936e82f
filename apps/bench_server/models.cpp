// SPDX-License-Identifier: BSL-1.0
#include "bench_server/models.hpp"

#include "bench_server/talk.hpp"
#include "common/log.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

namespace app {
namespace {

using clock = std::chrono::steady_clock;

// The two lines that every server writes at its end.
class drain_lines
{
public:
    explicit drain_lines(std::size_t connections) : connections_{connections}
    {
        log("caught " + std::string{plain_listeners::caught()} + ", draining " + std::to_string(connections) +
            " connections");
    }

    std::size_t ended(std::size_t cut) const
    {
        std::array<char, 32> took{};
        std::snprintf(took.data(), took.size(), "%.1f", std::chrono::duration<double>(clock::now() - since_).count());
        log("drained " + std::to_string(connections_ - cut) + " connections in " + took.data() + " s, cut " +
            std::to_string(cut));
        return cut;
    }

private:
    std::size_t connections_;
    clock::time_point since_ = clock::now();
};

clock::time_point deadline(hawser::duration drain)
{
    return drain == hawser::never ? clock::time_point::max() : clock::now() + drain;
}

// The sockets that threads talk on. A thread may leave after everything else has gone: shared by all of them.
class guests
{
public:
    void enter(int peer)
    {
        const std::lock_guard lock{mutex_};
        peers_.insert(peer);
    }

    void leave(int peer)
    {
        const std::lock_guard lock{mutex_};
        peers_.erase(peer);
        ::close(peer);
        changed_.notify_all();
    }

    std::size_t drain(hawser::duration most)
    {
        const auto until = deadline(most);
        const auto empty = [this] { return peers_.empty(); };
        std::unique_lock lock{mutex_};
        const drain_lines lines{peers_.size()};
        for (const int peer : peers_)
            ::shutdown(peer, SHUT_RD);
        if (until == clock::time_point::max())
            changed_.wait(lock, empty);
        else
            changed_.wait_until(lock, until, empty);
        const auto cut = peers_.size();
        for (const int peer : peers_)
            ::shutdown(peer, SHUT_RDWR);
        changed_.wait(lock, empty);
        return lines.ended(cut);
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<int> peers_;
};

// Takes away the children that have ended; a second has passed or `most` at the latest when it returns.
void wait_for_some(std::set<pid_t>& children, clock::duration most)
{
    while (!children.empty()) {
        const pid_t ended = ::waitpid(-1, nullptr, WNOHANG);
        if (ended > 0) {
            children.erase(ended);
            most = {};
            continue;
        }
        if (most <= clock::duration::zero())
            return;
        sigset_t child;
        ::sigemptyset(&child);
        ::sigaddset(&child, SIGCHLD);
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(most).count();
        const timespec wait{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        ::sigtimedwait(&child, nullptr, &wait);
        most = {};
    }
}

std::size_t drain_children(std::set<pid_t>& children, hawser::duration drain)
{
    const drain_lines lines{children.size()};
    const auto until = deadline(drain);
    for (const pid_t child : children)
        ::kill(child, SIGTERM);
    while (!children.empty() && clock::now() < until)
        wait_for_some(children, std::min<clock::duration>(until - clock::now(), std::chrono::seconds{1}));
    const auto cut = children.size();
    for (const pid_t child : children)
        ::kill(child, SIGKILL);
    while (!children.empty())
        wait_for_some(children, std::chrono::seconds{1});
    return lines.ended(cut);
}

[[noreturn]] void be_child(plain_listeners& listeners, int peer, reply what)
{
    listeners.close();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    {
        const ends_reading at_signal{peer};
        talk(peer, what, life::kept);
    }
    ::_exit(0);
}

} // namespace

std::size_t serve_with_threads(plain_listeners& listeners, reply what, hawser::duration drain)
{
    const auto open = std::make_shared<guests>();
    while (const auto peer = listeners.accept()) {
        open->enter(*peer);
        try {
            std::thread{[open, peer = *peer, what] {
                talk(peer, what, life::kept);
                open->leave(peer);
            }}.detach();
        } catch (const std::system_error&) {
            open->leave(*peer); // no thread more: this connection is closed
        }
    }
    return open->drain(drain);
}

std::size_t serve_with_processes(plain_listeners& listeners, reply what, hawser::duration drain)
{
    sigset_t child_ended;
    ::sigemptyset(&child_ended);
    ::sigaddset(&child_ended, SIGCHLD);
    ::pthread_sigmask(SIG_BLOCK, &child_ended, nullptr);

    std::set<pid_t> children;
    while (const auto peer = listeners.accept()) {
        const pid_t child = ::fork();
        if (child == 0)
            be_child(listeners, *peer, what);
        if (child > 0)
            children.insert(child);
        ::close(*peer);
        wait_for_some(children, {});
    }
    return drain_children(children, drain);
}

std::size_t serve_one_by_one(plain_listeners& listeners, reply what, hawser::duration)
{
    while (const auto peer = listeners.accept()) {
        {
            const ends_reading at_signal{*peer};
            talk(*peer, what, life::once);
        }
        ::close(*peer);
    }
    return drain_lines{0}.ended(0);
}

} // namespace app
