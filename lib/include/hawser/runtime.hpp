// SPDX-License-Identifier: BSL-1.0

// The threads that everything runs on: one loop each, and a connection lives on one loop for its whole life.
#ifndef HAWSER_RUNTIME_HPP
#define HAWSER_RUNTIME_HPP

#include <hawser/awaitable.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/time.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace boost::asio {
class io_context;
}

namespace hawser::inline v0_1 {

namespace detail {
class runtime_core;
struct runtime_access;
} // namespace detail

/// What a runtime may be told.
struct runtime_options {
    /// Loops, each with a thread of its own. 0: as many as this process may use processors.
    unsigned loops = 0;

    /// A handler that keeps its loop longer than this without suspending is reported once. `never`: not watched.
    duration blocked_after = std::chrono::milliseconds{100};

    /// Where deadlines read the time; must outlive the runtime. With a clock that is not the default one, no thread and
    /// no timer of the system's is used, and only poll() advances the deadlines: for tests.
    const clock* time = nullptr;
};

/// N loops. Threads start with start(), or with the first run(), and end with the runtime, which destroys whatever is
/// still suspended on them. Connections and timers on its loops must be gone before it is; servers, acceptors and
/// datagram sockets may outlive it, and are of no more use then.
class HAWSER_EXPORT runtime
{
public:
    /// Throws hawser::error if the kernel gives no epoll, event or timer descriptor.
    explicit runtime(const runtime_options& options = {});

    /// Wraps an io_context that one thread of the user's runs, always the same; everything of this runtime happens
    /// there. No thread is started, no handler is watched for keeping its loop, start(), poll() and run() throw
    /// std::logic_error, and server::drained() tells when a server has ended. The io_context is never stopped, and its
    /// other work is left alone; its run() returns once nothing of either waits there.
    /// A second thread in it is refused as soon as it comes upon a deadline, a new connection or connect(): that, every
    /// open connection and each later one ends with errc::second_thread.
    /// Destroying the runtime cuts the connections that are open, as the io_context runs on. Connections must be gone
    /// before the io_context is; the runtime, servers, acceptors and datagram sockets may outlive it.
    /// Throws std::logic_error if another runtime has or wraps the io_context.
    explicit runtime(boost::asio::io_context& yours);
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;
    ~runtime();

    unsigned loops() const noexcept; ///< how many, 1 or more

    /// Starts the threads; does nothing if they run. Not with a clock of one's own.
    void start();

    /// Runs everything that is ready, and every deadline that has passed, on the calling thread, until nothing is left.
    /// Returns how many handlers ran. For runtimes that were not started.
    std::size_t poll();

    /// The executor of a loop: what co_spawn, timers and other Asio objects take. `index` is below loops().
    /// Any thread may post to it and use timers on it; sockets and whatever else has a descriptor are used on the
    /// loop's own thread, or before the runtime starts.
    boost::asio::any_io_executor executor(unsigned index = 0) const;

    /// Starts a coroutine on the first loop and calls `done` there at its end. From any thread.
    void spawn(awaitable<void> work, std::function<void(std::exception_ptr)> done);

private:
    friend struct detail::runtime_access;

    std::shared_ptr<detail::runtime_core> core_;
};

namespace detail {
HAWSER_EXPORT_DETAIL void run_to_end(runtime& r, awaitable<void> work);

template <class T>
awaitable<void> keep(awaitable<T> work, std::optional<T>& result)
{
    result.emplace(co_await std::move(work));
}
} // namespace detail

/// Starts the runtime, runs one coroutine on its first loop, and returns what it returns or throws what it throws.
/// Blocks the calling thread, which must not be a loop's.
inline void run(runtime& r, awaitable<void> work)
{
    detail::run_to_end(r, std::move(work));
}

/// The same for a coroutine with a result.
template <class T>
T run(runtime& r, awaitable<T> work)
{
    std::optional<T> result;
    detail::run_to_end(r, detail::keep(std::move(work), result));
    return std::move(*result);
}

} // namespace hawser::inline v0_1

#endif
