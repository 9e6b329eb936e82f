// SPDX-License-Identifier: BSL-1.0

// How protocols wait that parse a connection's input where it arrived. Not beside the reads of frames, for a file with
// two kinds of waits makes each of them dearer: Asio's cancellation_slot is then no longer inlined.
#include "connection/core.hpp"

namespace hawser::detail {

awaitable<std::optional<bytes_view>> connection_core::read_more(std::size_t have)
{
    begin_read();
    if (has_at_most(have))
        co_await await_input(*this, have);
    if (input_.empty())
        co_return std::nullopt;
    co_return input_.data();
}

void connection_core::begin_input_wait(std::size_t have, resumption then, bool cancellable)
{
    begin_read();
    input_.has_seen(have);
    input_.set_reader(std::move(then));
    const waiting_for what = next_or_rest();
    if (!cancellable)
        return fail_input(what);
    if (has_at_most(have))
        return start_input(what);
    input_.begin(what);
    follow(input_.post(outcome::more));
}

bool connection_core::is_input_wait_over(std::exception_ptr& error) noexcept
{
    try {
        return !more_came() || !has_at_most(input_.seen());
    } catch (...) {
        error = std::current_exception();
        return true;
    }
}

void connection_core::continue_input_wait(resumption then)
{
    input_.set_reader(std::move(then));
    start_input(next_or_rest());
}

bool connection_core::more_came()
{
    if (input_came())
        return true;
    if (input_.between_units())
        return false;
    throw_unexpected_end(input_.seen() + 1);
}

} // namespace hawser::detail
