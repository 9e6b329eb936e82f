// SPDX-License-Identifier: BSL-1.0

// The model of a session: how it ends, its deadlines, and what can be seen of it.
#include "connection_model.hpp"

namespace hawser::test {

// ---- The end

void connection_model::fail(const error_code& e)
{
    if (closed())
        return;
    if (!error_)
        error_ = e;
    output_open_ = false;
    writers_.clear();
    for (const hand h : {handler, other})
        if (hands_[h].busy() && !hands_[h].is(event::closes)) {
            if (hands_[h].is(event::reads))
                reader_ = wait::none;
            finish(h, outcome::failed, error_);
        }
}

void connection_model::break_off(const error_code& e)
{
    if (closed())
        return;
    broken_ = true;
    accepted_.resize(sent_);
    sending_since_.reset();
    fail(e);
    if (state_ == connection_state::closing)
        reset();
}

void connection_model::begin_close()
{
    if (!open())
        return;
    state_ = connection_state::closing;
    output_open_ = false;
    for (const hand h : std::exchange(writers_, {}))
        finish(h, outcome::failed, why());
}

// What nobody reads any more is dropped, until the peer's end or silence.
bool connection_model::close_on()
{
    if (state_ != connection_state::closing)
        return false;
    if (broken_) {
        reset();
        return true;
    }
    const bool looks_for_ack = std::exchange(looks_for_ack_, false) || !end_since_;
    if (torn_ && queued() == 0 && received_ == sent_ && looks_for_ack) {
        reset();
        return true;
    }
    if (!end_seen_ && peer_reset_) {
        close_now();
        return true;
    }
    if (!end_seen_ && !arriving_.empty()) {
        bytes_in_ += std::exchange(arriving_, {}).size();
        if (end_since_ && !torn_)
            keep_lingering();
        return true;
    }
    if (!end_seen_ && peer_fin_)
        return end_seen_ = true;
    if (queued() != 0)
        return false;
    if (torn_) {
        if (end_since_)
            return false;
        end_since_ = now_;
        end_until_ = now_ + deadline::silence;
        return true;
    }
    fin_ = true;
    if (end_seen_) {
        close_now();
        return true;
    }
    if (end_since_)
        return false;
    end_since_ = now_;
    keep_lingering();
    return true;
}

void connection_model::keep_lingering()
{
    end_until_ = std::min(now_ + deadline::silence, *end_since_ + (draining_ ? deadline::silence : deadline::linger));
}

void connection_model::close_now()
{
    state_ = connection_state::closed;
    output_open_ = false;
    fin_ = true;
    accepted_.resize(sent_);
    sending_since_.reset();
}

void connection_model::reset()
{
    if (closed())
        return;
    if (!error_)
        error_ = errc::connection_closed;
    reset_ = true;
    close_now();
}

// A session that only waits for its peer has done all that it had to do.
void connection_model::cut()
{
    if (!runs_ && end_since_) {
        if (torn_)
            return reset();
        return close_now();
    }
    cut_ = true;
    break_off(errc::drain_timeout);
    reset();
    if (std::exchange(runs_, false))
        ended_by_ = event::cuts;
}

bool connection_model::tell()
{
    if (told_ || runs_ || !closed() || hands_[handler].busy() || hands_[other].busy())
        return false;
    return told_ = true;
}

// ---- Time

bool connection_model::is_due(clock which) const
{
    const auto passed = [this](int since, int limit) { return now_ >= since + limit; };
    if (told_)
        return false;
    switch (which) {
    case clock::input:
        if (reader_ == wait::unit_to_come)
            return passed(reader_since_, deadline::idle);
        return reader_ == wait::rest_of_unit && passed(reader_since_, deadline::frame - unit_spent_);
    case clock::output: return sending_since_ && passed(*sending_since_, deadline::write);
    case clock::end: return end_since_ && !closed() && now_ >= end_until_;
    case clock::drain: return drain_since_ && !cut_ && passed(*drain_since_, deadline::drain);
    }
    return false;
}

void connection_model::expire(clock which)
{
    switch (which) {
    case clock::input: return fail(reader_ == wait::unit_to_come ? errc::idle_timeout : errc::frame_timeout);
    case clock::output:
        if (received_ < received_then_ + 240 * deadline::in_time(deadline::write) / std::chrono::seconds{1})
            return break_off(errc::write_timeout);
        sending_since_ = now_;
        received_then_ = received_;
        return;
    case clock::end: return torn_ ? reset() : close_now();
    case clock::drain: return cut();
    }
}

sight connection_model::look() const
{
    sight s;
    s.outcomes = outcomes_;
    s.received = bytes_view{accepted_}.substr(0, received_);
    s.told = told_ ? 1 : 0;
    s.counts = {bytes_in_, sent_, frames_in_, frames_out_};
    s.state = state_;
    s.queued = queued();
    if (!peer_reset_) { // which looks no more
        s.fin = fin_;
        s.reset = reset_;
    }
    const auto flushes = [](const doing& d) { return d.flushes(); };
    if (closed())
        s.waiting_for = wait_kind::nothing;
    else if (reader_ != wait::none)
        s.waiting_for = reader_ == wait::flush_at_drain ? wait_kind::output_flushed : wait_kind::input;
    else if (state_ == connection_state::closing)
        s.waiting_for = end_since_ && !torn_ ? wait_kind::end : wait_kind::output_flushed;
    else if (!writers_.empty())
        s.waiting_for = wait_kind::output_room;
    else if (std::any_of(hands_.begin(), hands_.end(), flushes))
        s.waiting_for = wait_kind::output_flushed;
    if (!told_)
        return s;
    if (cut_) {
        s.reason = end_reason::cut;
        s.error = errc::drain_timeout;
    } else if (ended_by_ == event::throws) {
        s.reason = thrown_ ? end_reason::failed : end_reason::threw;
        s.error = thrown_;
    } else if (error_) {
        s.reason = end_reason::failed;
        s.error = error_;
    }
    return s;
}

} // namespace hawser::test
