// SPDX-License-Identifier: BSL-1.0

// A coroutine under test: whether it has ended, what it returned or threw, and a way to cancel it.
//
//     auto read = run.start(connection.read_frame());
//     read.done();       // false: it waits
//     read.cancel();
//     read.outcome();    // "ECANCELED"
#ifndef HAWSER_TEST_TASK_HPP
#define HAWSER_TEST_TASK_HPP

#include <hawser/bytes.hpp>
#include <hawser/error.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace hawser::inline v0_1::test {
class world;
}

namespace hawser::inline v0_1::detail {

/// What a task's copies and its coroutine share.
struct task_state {
    bool done = false;
    std::exception_ptr error;
    boost::asio::cancellation_signal signal;

    void rethrow() const;
    std::string outcome() const;
    std::string what() const;
    void cancel(test::world& run, boost::asio::cancellation_type type);
};

template <class T>
struct task_value : task_state {
    std::optional<T> value;
};
template <>
struct task_value<void> : task_state {};

} // namespace hawser::inline v0_1::detail

namespace hawser::inline v0_1::test {

/// A coroutine that was started by world::start(). Copies share it; it runs on when all are gone. Used, as everything
/// of the world, on the thread that runs it.
template <class T>
class task
{
public:
    /// Whether it has returned or thrown.
    bool done() const noexcept { return state_->done; }

    /// What it returned; rethrows what it threw. It must be done.
    const auto& value() const requires(!std::is_void_v<T>)
    {
        rethrow();
        return *state_->value;
    }

    /// Takes what it returned, once; rethrows what it threw. It must be done.
    T take()
    {
        rethrow();
        if constexpr (!std::is_void_v<T>)
            return std::move(*state_->value);
    }

    /// Throws what it threw, if it did.
    void rethrow() const { state_->rethrow(); }

    /// How it ended: "suspended" if it has not, "done", or the symbol of the error that it threw (else its words).
    std::string outcome() const { return state_->outcome(); }

    /// The words of what it threw; empty if nothing.
    std::string what() const { return state_->what(); }

    /// Cancels what it waits for, and runs on until nothing more can happen.
    void cancel(boost::asio::cancellation_type type = boost::asio::cancellation_type::terminal)
    {
        state_->cancel(*run_, type);
    }

private:
    friend class world;
    task(world& run, std::shared_ptr<hawser::detail::task_value<T>> s) noexcept : run_{&run}, state_{std::move(s)} {}

    world* run_;
    std::shared_ptr<hawser::detail::task_value<T>> state_;
};

/// What a read yielded, as a string; "(nothing)" for the end, else outcome().
std::string text(const task<std::optional<bytes_view>>& read);

} // namespace hawser::inline v0_1::test

#endif
