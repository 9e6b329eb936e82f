// SPDX-License-Identifier: BSL-1.0

// The model of a session: what events do, and the two ways of bytes.
#include "connection_model.hpp"

namespace hawser::test {

// ---- What happens

bool connection_model::can(event e) const
{
    using enum event;
    if (told_)
        return false;
    const bool peer_sends = !peer_fin_ && !peer_reset_ && !closed();
    switch (e) {
    case sends_some:
    case sends_frame:
    case ends: return peer_sends;
    case sends_rubbish: return peer_sends && of_frame_ == 0;
    case resets: return !peer_reset_ && !closed();
    case turns: return !peer_reset_;
    case takes_a_few: return !peer_reset_ && !reset_ && !peer_reads_ && received_ < sent_;
    case returns:
    case throws: return handler_waits() && !hands_[other].busy();
    case cancelled: return hands_[handler].busy();
    case other_cancelled: return hands_[other].busy();
    case drains: return !drain_since_;
    case cuts:
    case step:
    case pause:
    case long_wait: return true;
    case together:
    case count: return false;
    default: return hand_of(e) == handler ? handler_waits() : runs_ && !hands_[other].busy();
    }
}

void connection_model::begin(event e)
{
    using enum event;
    const auto send_to = [this](std::size_t end) {
        const std::string whole = framed(text_of_peer(frames_begun_));
        arriving_ += whole.substr(of_frame_, end - of_frame_);
        of_frame_ = end % whole.size();
        frames_begun_ += of_frame_ == 0 ? 1 : 0;
        looks_for_ack_ = true;
    };
    switch (e) {
    case sends_some: return send_to(of_frame_ == 0 ? 1 : of_frame_ == 1 ? 4 : 6);
    case sends_frame: return send_to(6);
    case sends_rubbish:
        arriving_ += "\xff\xff";
        looks_for_ack_ = true;
        return;
    case ends:
        looks_for_ack_ = true;
        peer_fin_ = true;
        return;
    case resets: peer_reset_ = true; return arriving_.clear();
    case turns: peer_reads_ = !peer_reads_; return;
    case takes_a_few: received_ += std::min(room::sip, sent_ - received_); return;
    case returns:
    case throws: return end_handler(e);
    case cancelled: return cancel(handler);
    case other_cancelled: return cancel(other);
    case drains:
        draining_ = true;
        drain_since_ = now_;
        if (end_since_ && !torn_ && !closed()) {
            keep_lingering();
            if (now_ >= end_until_)
                close_now();
        }
        if (state_ == connection_state::open)
            state_ = connection_state::draining;
        return;
    case cuts:
        draining_ = true;
        drain_since_ = drain_since_.value_or(now_);
        return cut();
    default: return start(hand_of(e), operation(e));
    }
}

void connection_model::settle()
{
    while (send() || admit_writers() || end_flushes() || read_on() || close_on() || end_closes() || tell() ||
           peer_takes()) // when the session has done what it can
        continue;
    looks_for_ack_ = false;
}

void connection_model::finish(hand h, outcome::kind how, const error_code& e, std::string text)
{
    if (h == handler)
        last_thrown_ = e;
    outcomes_[h].push_back({hands_[h].what, how, e, std::move(text)});
    hands_[h] = {};
}

void connection_model::start(hand h, event what)
{
    hands_[h].what = what;
    switch (what) {
    case event::reads:
        if (hands_[handler].what == hands_[other].what)
            finish(h, outcome::refused);
        return;
    case event::writes:
    case event::writes_much:
    case event::writes_a_byte: return start_write(h, what);
    case event::half_closes:
        if (!output_open_)
            finish(h, outcome::failed, why_no_output());
        return;
    case event::closes: return begin_close();
    default: return;
    }
}

void connection_model::start_write(hand h, event what)
{
    const std::string text = text_of_write(what, h, written_[h]++);
    hands_[h].bytes = what == event::writes_a_byte ? text : framed(text);
    if (!output_open_)
        finish(h, outcome::failed, why_no_output());
    else if (writers_.empty() && queued() < room::high)
        accept(h);
    else
        writers_.push_back(h);
}

void connection_model::accept(hand h)
{
    accepted_ += hands_[h].bytes;
    if (hands_[h].is(event::writes_a_byte))
        part_ = true;
    else
        ++frames_out_;
    finish(h, outcome::done);
}

void connection_model::cancel(hand h)
{
    std::erase(writers_, h);
    if (hands_[h].is(event::reads)) {
        if (reader_ == wait::rest_of_unit)
            unit_spent_ += now_ - reader_since_;
        reader_ = wait::none;
    }
    finish(h, outcome::failed, boost::asio::error::operation_aborted);
}

void connection_model::end_handler(event how)
{
    runs_ = false;
    ended_by_ = how;
    if (how == event::throws)
        thrown_ = last_thrown_;
    torn_ = open() && how == event::throws && !thrown_ && part_;
    begin_close();
}

// ---- Output

bool connection_model::peer_takes()
{
    if (!peer_reads_ || peer_reset_ || reset_ || received_ == sent_)
        return false;
    received_ = sent_;
    return true;
}

bool connection_model::send()
{
    if (closed() || broken_ || queued() == 0)
        return false;
    if (peer_reset_) {
        break_off(boost::asio::error::connection_reset);
        return true;
    }
    const std::size_t n = std::min(queued(), room::link - (sent_ - received_));
    sent_ += n;
    if (n != 0 && reader_ == wait::unit_to_come)
        reader_since_ = now_;
    if (queued() == 0) {
        sending_since_.reset();
    } else if (!sending_since_) {
        sending_since_ = now_;
        received_then_ = received_;
    }
    return n != 0;
}

// Those who have waited are let in once the output stands at the low-water mark, as many as the high one admits.
bool connection_model::admit_writers()
{
    if (writers_.empty() || queued() > room::low)
        return false;
    while (!writers_.empty() && queued() < room::high) {
        const hand h = writers_.front();
        writers_.erase(writers_.begin());
        accept(h);
    }
    return true;
}

bool connection_model::end_flushes()
{
    for (const hand h : {handler, other}) {
        if (!hands_[h].flushes() || (queued() != 0 && !closed()))
            continue;
        if (error_ || (hands_[h].is(event::half_closes) && !output_open_)) {
            finish(h, outcome::failed, why_no_output());
        } else {
            if (hands_[h].is(event::half_closes)) {
                output_open_ = false;
                fin_ = true;
            }
            finish(h, outcome::done);
        }
        return true;
    }
    return false;
}

bool connection_model::end_closes()
{
    for (const hand h : {handler, other})
        if (closed() && hands_[h].is(event::closes)) {
            finish(h, outcome::done);
            return true;
        }
    return false;
}

// ---- Input

bool connection_model::read_on()
{
    return (hands_[handler].is(event::reads) && read_by(handler)) || (hands_[other].is(event::reads) && read_by(other));
}

bool connection_model::wait_for(wait what)
{
    if (reader_ == what)
        return false;
    reader_ = what;
    reader_since_ = now_;
    return true;
}

bool connection_model::read_by(hand h)
{
    const auto ends = [&](outcome::kind how, const error_code& e = {}, std::string text = {}) {
        reader_ = wait::none;
        finish(h, how, e, std::move(text));
        return true;
    };
    if (taken_.size() >= 2 && taken_[0] != '\0')
        return ends(outcome::failed, errc::frame_too_large);
    if (taken_.size() >= 6) {
        const std::string text = taken_.substr(2, 4);
        taken_.erase(0, 6);
        ++frames_in_;
        unit_spent_ = 0;
        return ends(outcome::frame, {}, text);
    }
    const bool between = taken_.empty();
    if (error_)
        return ends(outcome::failed, error_);
    if (!open())
        return between ? ends(outcome::nothing) : ends(outcome::failed, why());
    if (end_seen_ && between)
        return ends(outcome::nothing);
    if (end_seen_)
        return ends(outcome::failed, taken_.size() < 2 ? errc::truncated_head : errc::truncated_payload);
    const bool drains = draining_ && between;
    if (drains && queued() != 0)
        return wait_for(wait::flush_at_drain);
    if (drains && drained_)
        return ends(outcome::nothing);
    if (peer_reset_) {
        break_off(boost::asio::error::connection_reset);
        return true;
    }
    if (!arriving_.empty()) {
        bytes_in_ += arriving_.size();
        taken_ += std::exchange(arriving_, {});
        return true;
    }
    if (peer_fin_)
        return end_seen_ = true;
    if (drains)
        return drained_ = true;
    return wait_for(between ? wait::unit_to_come : wait::rest_of_unit);
}

} // namespace hawser::test
