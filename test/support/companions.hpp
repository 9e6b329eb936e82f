// SPDX-License-Identifier: BSL-1.0

// Coroutines that run beside a test's own, of which each may be cancelled and all have to complete.
//
//     companions beside{run.loop()};
//     beside.begin(connection.flush());
//     run.poll();
//     BOOST_TEST(beside.all_done());
#ifndef HAWSER_TEST_COMPANIONS_HPP
#define HAWSER_TEST_COMPANIONS_HPP

#include "kit_namespace.hpp"
#include "loop/loop.hpp"
#include "moments.hpp"

#include <hawser/awaitable.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace hawser::test {

class companions
{
public:
    explicit companions(detail::loop& on) noexcept : loop_{on} {}

    /// Without running it yet, so that several begin in one turn. What it throws is dropped.
    void begin(awaitable<void> work)
    {
        all_.push_back(std::make_unique<companion>());
        companion& c = *all_.back();
        boost::asio::co_spawn(
            boost::asio::any_io_executor{loop_.executor()}, begun(c, std::move(work)),
            boost::asio::bind_cancellation_slot(c.stop.slot(), [&c](std::exception_ptr) { c.done = true; }));
    }

    std::size_t count() const noexcept { return all_.size(); }

    void cancel(std::size_t which)
    {
        companion& c = *all_[which];
        if (c.begun)
            c.stop.emit(boost::asio::cancellation_type::terminal);
    }

    bool all_done() const noexcept
    {
        return std::all_of(all_.begin(), all_.end(), [](const auto& c) { return c->done; });
    }

private:
    struct companion {
        boost::asio::cancellation_signal stop;
        bool begun = false; // Asio throws out of the loop for one that is cancelled before that
        bool done = false;
    };

    static awaitable<void> begun(companion& c, awaitable<void> work)
    {
        co_await some_turns(1);
        c.begun = true;
        co_await std::move(work);
    }

    detail::loop& loop_;
    std::vector<std::unique_ptr<companion>> all_;
};

} // namespace hawser::test

#endif
