// SPDX-License-Identifier: BSL-1.0

// A handler that reads in every way, in any order, and holds what it has read over other awaits. What another coroutine
// may do to it meanwhile stands here too: cancel its read, or win a race against it.
//
// A view has to say what it said at first, until the next read.
#ifndef HAWSER_TEST_RANDOM_READER_HPP
#define HAWSER_TEST_RANDOM_READER_HPP

#include "kit_namespace.hpp"
#include "moments.hpp"
#include "sent_stream.hpp"

#include <hawser/connection.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hawser::test {

class random_reader
{
public:
    /// `some` gives a number below the one that it is called with. `text` is what the peer sends.
    random_reader(detail::loop& on, sent_stream& text, bool any_place, std::function<unsigned(unsigned)> some)
        : began{on}, text_{text}, any_place_{any_place}, some_{std::move(some)}, others_{on}, holds_{on}
    {}

    moments began; ///< a read, or a hold

    /// One read of any kind; false: it gave nothing, which is the end.
    awaitable<bool> read(connection& c)
    {
        held_.clear();
        began.happens();
        const std::size_t rest = text_.rest_of_frame();
        if (rest != 0 && (!any_place_ || some_(2) == 0)) {
            const auto got = co_await c.read_exactly(rest);
            co_return took_bytes(got);
        }
        if (std::exchange(cancelled_, false) && some_(2) == 0) // what the cancelled read has seen goes another way
            co_return took_bytes(co_await c.read_some());
        switch (some_(8)) {
        case 0:
        case 1: co_return took_frame(co_await c.read_frame());
        case 2: co_return took_frames(co_await c.read_frames());
        case 3: co_return took_bytes(co_await c.read_some());
        case 4: co_return co_await read_beside_another(c);
        default: co_return co_await read_that_is_cancelled(c);
        }
    }

    /// Until end_hold(), or for a few turns of the loop.
    awaitable<void> hold()
    {
        look_at_views();
        began.happens();
        if (some_(2) == 0)
            co_await some_turns(some_(4));
        else
            co_await holds_.next();
        look_at_views();
    }

    void look_at_views() const
    {
        for (const held& h : held_)
            if (h.view != h.said)
                throw std::logic_error{"a view of " + std::to_string(h.said.size()) + " bytes has changed"};
    }

    // ---- For another coroutine

    void end_hold() noexcept { holds_.happens(); }
    /// For good: neither a hold nor the other of a race, whose read has failed, keeps it.
    void let_go() noexcept
    {
        holds_.happens();
        others_.happens();
    }

    /// Something else has won the race, if the read still waits.
    void end_race() noexcept
    {
        if (reads_)
            others_.happens();
    }

    /// The same at this very moment.
    void cancel_read()
    {
        if (!reads_)
            return;
        cancelled_ = true;
        cancellation_.emit(boost::asio::cancellation_type::terminal);
    }

private:
    struct held {
        bytes_view view;
        std::string said;
    };
    void hold(bytes_view v) { held_.push_back({v, std::string{v}}); }

    bool took_frame(const std::optional<bytes_view>& got)
    {
        if (got) {
            hold(*got);
            text_.take_frame(*got);
        }
        return got.has_value();
    }
    bool took_frames(const std::optional<frames>& got)
    {
        if (got)
            for (const bytes_view frame : *got)
                took_frame(frame);
        return got.has_value();
    }
    bool took_bytes(const std::optional<bytes_view>& got)
    {
        if (got) {
            hold(*got);
            text_.take_bytes(*got);
        }
        return got.has_value();
    }

    awaitable<std::optional<bytes_view>> read_and_say_so(connection& c)
    {
        struct reading {
            bool& now;
            explicit reading(bool& n) : now{n} { now = true; }
            reading(const reading&) = delete;
            reading& operator=(const reading&) = delete;
            ~reading() { now = false; }
        } const waits{reads_};
        co_return co_await c.read_frame();
    }

    // Has the other won, the read has taken nothing.
    awaitable<bool> read_beside_another(connection& c)
    {
        using namespace boost::asio::experimental::awaitable_operators;
        const auto first = co_await (read_and_say_so(c) || others_.next());
        cancelled_ = first.index() == 1;
        co_return cancelled_ || took_frame(std::get<0>(first));
    }

    awaitable<bool> read_that_is_cancelled(connection& c)
    {
        cancelled_ = false;
        std::optional<bytes_view> got;
        try {
            got = co_await boost::asio::co_spawn(
                co_await boost::asio::this_coro::executor, read_and_say_so(c),
                boost::asio::bind_cancellation_slot(cancellation_.slot(), boost::asio::use_awaitable));
        } catch (const system_error& e) {
            if (!cancelled_ || e.code() != boost::asio::error::operation_aborted)
                throw;
            co_return true;
        }
        co_return cancelled_ || took_frame(got); // whoever cancels looks at no result
    }

    sent_stream& text_;
    const bool any_place_; // frames end at a delimiter, so that one may be read from any place on
    std::function<unsigned(unsigned)> some_;
    std::vector<held> held_;
    bool reads_ = false;     // a read that may be cancelled
    bool cancelled_ = false; // it was
    boost::asio::cancellation_signal cancellation_;
    moments others_;
    moments holds_;
};

} // namespace hawser::test

#endif
