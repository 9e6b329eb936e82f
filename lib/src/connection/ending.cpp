// SPDX-License-Identifier: BSL-1.0
#include "connection/ending.hpp"

#include <utility>

namespace hawser::inline v0_1::detail {

connection_state ending::public_state() const noexcept
{
    switch (state_) {
    case state::open: return connection_state::open;
    case state::draining: return connection_state::draining;
    case state::flushing:
    case state::acknowledging:
    case state::lingering: return connection_state::closing;
    case state::closed: break;
    }
    return connection_state::closed;
}

wait_kind ending::waiting_for(bool output_pending) const noexcept
{
    switch (state_) {
    case state::flushing: return drops_ || output_pending ? wait_kind::output_flushed : wait_kind::nothing;
    case state::acknowledging: return wait_kind::output_flushed;
    case state::lingering: return wait_kind::end;
    case state::open:
    case state::draining:
    case state::closed: break;
    }
    return wait_kind::nothing;
}

bool ending::begin_drain() noexcept
{
    draining_ = true;
    if (state_ != state::open)
        return false;
    state_ = state::draining;
    return true;
}

void ending::handler_ended(handler_end how, written last) noexcept
{
    if (!is_open())
        return;
    const bool threw = how == handler_end::threw;
    const bool torn = how != handler_end::returned && (last == written::torn || (threw && last != written::whole));
    if (torn)
        manner_ = manner::torn;
    else if (threw)
        manner_ = manner::cut_short;
}

bool ending::begin_close() noexcept
{
    if (!is_open())
        return false;
    state_ = state::flushing;
    return true;
}

ending::step ending::next(const facts& f) noexcept
{
    if (!is_closing())
        return step::nothing;
    if (is_broken())
        return step::reset;
    if (f.reader_waits || f.output_pending)
        return step::nothing;
    if (is_torn()) {
        state_ = state::acknowledging;
        return step::acknowledge;
    }
    if (!f.output_ended && (!f.peer_ended || f.over_tls))
        return step::end_output;
    if (f.sending) // TLS's end
        return step::nothing;
    if (f.peer_ended)
        return step::close;
    return std::exchange(state_, state::lingering) != state::lingering ? step::linger : step::nothing;
}

void ending::fail(const error_code& e) noexcept
{
    if (has_failed())
        return;
    failure_ = failure::failed;
    error_ = e;
}

void ending::break_off(const error_code& e) noexcept
{
    fail(e);
    failure_ = failure::broken;
}

void ending::fail(std::exception_ptr e) noexcept
{
    if (has_failed())
        return;
    failure_ = failure::failed;
    thrown_ = std::move(e);
}

} // namespace hawser::inline v0_1::detail
