// SPDX-License-Identifier: BSL-1.0

// How a connection sends what it has to write. The cork is sent when its owner waits for input, when another connection
// needs it, when it is full, and once in each turn of the loop. What the kernel does not take becomes pending.
#include "connection/core.hpp"
#include "values/system_call.hpp"

#include <algorithm>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t most_at_once = 256 * 1024; // sent for one connection before others get their turn

} // namespace

void connection_core::send_gathered(bytes_view bytes) noexcept
{
    write_through({bytes, {}});
}

void connection_core::write_through(two_pieces pieces) noexcept
{
    error_code e;
    const std::size_t n = with_stream([&](auto& s) { return s.write_now(pieces, e); });
    output_moved(n);
    if (e && !would_block(e))
        return break_off(e);
    switch (output_.gave(pieces, n)) {
    case output::given::all: return;
    case output::given::some: return start_sending();
    case output::given::no_memory: return break_off(make_error_code(boost::system::errc::not_enough_memory));
    }
}

void connection_core::start_sending() noexcept
{
    output_.begin_sending(acknowledged());
    look_by(deadlines_.begin_window(loop_.now()));
    with_stream([this](auto& s) { s.wait_writable(*this); });
}

void connection_core::on_writable()
{
    if (!is_closed() && output_.is_pending())
        return send_pending();
    output_.end_sending();
    if (!output_.has_ended() || ending_.is_broken() || is_closed())
        return;
    end_output();
    if (ending_.is_closing())
        continue_close();
}

void connection_core::send_pending() noexcept
{
    error_code e;
    for (std::size_t total = 0; total < most_at_once && output_.is_pending() && !e;) {
        const std::size_t n = with_stream([&](auto& s) { return s.write_now({output_.pending(), {}}, e); });
        output_moved(n);
        output_.sent(n);
        total += n;
    }
    if (e && !would_block(e)) {
        output_.end_sending();
        return break_off(e);
    }
    if (output_.went_on())
        return with_stream([this](auto& s) { s.wait_writable(*this); });
    follow(input_.output_flushed());
    if (ending_.is_closing())
        continue_close();
}

void connection_core::output_moved(std::size_t n) noexcept
{
    counts_.bytes_out += n;
    loop_.counts.bytes_out.add(n);
    if (deadlines_.of_input() == deadlines::kind::idle)
        deadlines_.output_moved(loop_.now());
}

std::uint64_t connection_core::acknowledged() noexcept
{
    const std::size_t in_flight = with_stream([](auto& s) { return s.unacknowledged(); });
    return counts_.bytes_out - std::min<std::uint64_t>(in_flight, counts_.bytes_out);
}

} // namespace hawser::inline v0_1::detail
