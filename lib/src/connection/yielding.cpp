// SPDX-License-Identifier: BSL-1.0

// How a connection gives up its place: what it does with it, and its end in one turn, without a linger.
//
//     yield --> lingers:                  what has come is dropped --> closed
//           --> silent, unfinished, idle: read once more --> nothing has come ---------> closed; the reader is told
//                                                        `-> its handler goes on with it. Is the first unit still not
//                                                            whole, and no younger for it? closed. Otherwise it stays.
//           --> flushes:                  reset
//
// What is closed so has nothing to send and nothing unread, so that its peer sees an end and no reset.
#include "connection/claim.hpp"
#include "connection/core.hpp"

#include <algorithm>

namespace hawser::inline v0_1::detail {
namespace {

constexpr int most_reads = 16; // of one that is about to be closed, before others get their turn

// A peer that sends so much of its first unit each second is not given up for it.
constexpr std::uint64_t bytes_for_second = 4 * 1024;
constexpr std::uint64_t most_seconds = 1'000'000;

duration time_for(std::uint64_t bytes) noexcept
{
    return std::chrono::seconds{std::min(bytes / bytes_for_second, most_seconds)};
}

} // namespace

claim connection_core::claims() const noexcept
{
    using enum claim::kind;
    if (ending_.is_closing()) {
        if (output_.is_sending())
            return {flushes, deadlines_.window_since()};
        return ending_.now() == ending::state::lingering ? claim{lingers, deadlines_.end_since()} : claim{};
    }
    const bool reads = input_.waits() && deadlines_.of_input() != deadlines::kind::none && !input_.is_interrupted();
    if (ending_.now() != ending::state::open || !reads || output_.is_sending() || queued() != 0)
        return {};
    if (input_.what() == purpose::handshake) {
        const auto& tls = std::get<tls_stream>(stream_);
        if (tls.handshake_waits_for_us())
            return {};
        const time_point shakes = tls.handshake_waits_since();
        return {tls.opened() ? unfinished : silent, shakes != time_point::max() ? shakes : opened()};
    }
    if (counts_.bytes_in == 0)
        return {over_tls() ? unfinished : silent, after(deadlines_.began(), time_for(came()))};
    switch (input_.what()) {
    case purpose::next_unit: return {idle, deadlines_.wait_since()};
    case purpose::rest_of_unit:
        return input_.at_first_unit() && output_.last() == written::whole
                   ? claim{unfinished, after(deadlines_.began(), time_for(came()))}
                   : claim{};
    case purpose::stream:
    case purpose::handshake: break;
    }
    return {};
}

bool connection_core::yield()
{
    const boost::intrusive_ptr<connection_core> keep{this};
    switch (claims().what) {
    case claim::kind::lingers:
        drop_wait();
        drop_input();
        close_now();
        return true;
    case claim::kind::flushes: break_off(errc::shed); return is_closed();
    case claim::kind::silent:
    case claim::kind::unfinished:
    case claim::kind::idle: return input_.what() == purpose::handshake ? yield_handshake() : yield_reader();
    case claim::kind::works: break;
    }
    return false;
}

// What has come of a handshake goes on by itself.
bool connection_core::yield_handshake()
{
    if (has_more_than(0))
        return false;
    drop_wait();
    input_.handshake_ended();
    follow(input_.finish(close_to_yield()));
    return true;
}

// Its reader goes on from the queue: this may be called by the wheel, while it looks at the connection.
bool connection_core::yield_place(bool waits_to_send)
{
    const bool has_answer = !waits_to_send && has_more_than(0); // that nobody has read
    if (!input_.waits() || input_.is_interrupted() || has_answer)
        return false;
    drop_wait();
    follow(input_.post(close_to_yield()));
    return true;
}

bool connection_core::yield_reader()
{
    const claim before = claims();
    const std::uint64_t had = came();
    drop_wait();
    for (int reads = 0; reads < most_reads; ++reads) {
        const bool parked = input_.holds_no_block();
        const auto how = receive_now();
        if (!how && has_more_than(input_.size())) // a false alarm
            continue;
        if (!how) {
            if (parked)
                input_.release();
            const bool more = before.what == claim::kind::unfinished ? time_for(came()) > time_for(had) : came() > had;
            if (more) // of a record that is not whole
                break;
            follow(input_.finish(close_to_yield()));
            return true;
        }
        follow(input_.finish(*how));
        const claim now = claims();
        if (before.what != claim::kind::unfinished || now.what != before.what || now.since > before.since)
            return false;
        drop_wait();
    }
    follow(input_.wait_again());
    return false;
}

// The reader's wait has been dropped. What it is to be told.
connection_core::outcome connection_core::close_to_yield() noexcept
{
    const bool between = input_.what() == purpose::next_unit;
    if (!between)
        fail(errc::shed);
    if (over_tls())
        std::get<tls_stream>(stream_).end_output(between); // if the kernel takes it
    close_now();
    return between ? outcome::drained : outcome::failed;
}

// Of its units: over TLS also of a record that is not whole yet.
std::uint64_t connection_core::came() const noexcept
{
    return over_tls() ? std::max(counts_.bytes_in, std::get<tls_stream>(stream_).received()) : counts_.bytes_in;
}

void connection_core::drop_wait() noexcept
{
    with_stream([](auto& s) { s.drop_read(); });
    input_.drop_wait();
    ending_.drop(false);
}

} // namespace hawser::inline v0_1::detail
