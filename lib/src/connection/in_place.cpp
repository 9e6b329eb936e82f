// SPDX-License-Identifier: BSL-1.0

// How protocols wait that parse a connection's input where it arrived. Not beside the reads of frames, for a file with
// two kinds of waits makes each of them dearer: Asio's cancellation_slot is then no longer inlined.
#include "connection/core.hpp"

namespace hawser::inline v0_1::detail {

awaitable<std::optional<bytes_view>> connection_core::fill(std::size_t have)
{
    begin_read();
    if (has_at_most(have))
        co_await await_input(*this, have);
    if (input_.empty())
        co_return std::nullopt;
    co_return input_.data();
}

void connection_core::begin_input_wait(std::size_t have, resumption&& then, bool cancellable)
{
    begin_read();
    input_.set_reader_in_place(std::move(then), have);
    const purpose what = next_or_rest();
    if (!cancellable)
        return fail_input(what);
    if (has_at_most(have))
        return start_input(what);
    input_.begin(what);
    follow(input_.post(outcome::more));
}

void connection_core::resume_in_place()
{
    if (input_.how() != outcome::more) {
        std::exception_ptr error = error_in_place();
        input_.resume_in_place(&error);
    } else if (has_at_most(input_.seen())) {
        start_input(next_or_rest());
    } else {
        input_.resume_in_place(nullptr);
    }
}

// Null at an end between two units, which the reader sees by itself.
std::exception_ptr connection_core::error_in_place() const
{
    try {
        if (!input_came() && !input_.between_units())
            throw_unexpected_end(input_.seen() + 1);
    } catch (...) {
        return std::current_exception();
    }
    return nullptr;
}

void begin_input_wait(connection_core& c, std::size_t have, resumption&& then, bool cancellable)
{
    c.begin_input_wait(have, std::move(then), cancellable);
}

} // namespace hawser::inline v0_1::detail
