// How a connection gives up its place: what it does with it, and its end in one turn, without a linger.
//
//     yield --> lingers:                  what has come is dropped --> closed
//           --> silent, unfinished, idle: read once more --> nothing has come ---------> closed; the reader is told
//                                                        `-> its handler goes on with it. Is the first unit still not
//                                                            whole? closed. Otherwise it stays.
//           --> flushes:                  reset
//
// What is closed so has nothing to send and nothing unread, so that its peer sees an end and no reset.
#include "claim.hpp"
#include "core.hpp"

namespace hawser::detail {

claim core::claims() const noexcept
{
    using enum claim::kind;
    if (state_ == connection_state::closing) {
        if (sending_)
            return {flushes, sending_since_};
        return end_since_ != time_point::max() && !torn_ ? claim{lingers, end_since_} : claim{};
    }
    const bool reads = reading_ && wait_since_ != time_point::max() && interruption_ == interruption::none;
    if (state_ != connection_state::open || !reads || sending_ || queued() != 0)
        return {};
    if (waits_for_ == waiting_for::handshake) {
        const auto& tls = std::get<tls_stream>(stream_);
        if (tls.waits_for_place()) // which is not its own time
            return {};
        return {tls.opened() ? unfinished : silent, after(opened_, tls.waited_for_place(loop_.now()))};
    }
    if (counts_.bytes_in == 0)
        return {over_tls() ? unfinished : silent, opened_};
    switch (waits_for_) {
    case waiting_for::next_unit: return {idle, wait_since_};
    case waiting_for::rest_of_unit: return first_unit_ ? claim{unfinished, opened_} : claim{};
    case waiting_for::stream:
    case waiting_for::handshake: break;
    }
    return {};
}

bool core::yield()
{
    const boost::intrusive_ptr<core> keep{this};
    switch (claims().what) {
    case claim::kind::lingers:
        drop_wait();
        linger();
        close_now();
        return true;
    case claim::kind::flushes: break_off(errc::shed); return is_closed();
    case claim::kind::silent:
    case claim::kind::unfinished:
    case claim::kind::idle: return waits_for_ == waiting_for::handshake ? yield_handshake() : yield_reader();
    case claim::kind::works: break;
    }
    return false;
}

// What has come of a handshake goes on by itself.
bool core::yield_handshake()
{
    if (has_more_than(0))
        return false;
    drop_wait();
    waits_for_ = waiting_for::next_unit;
    yield_now();
    return true;
}

bool core::yield_reader()
{
    const bool unfinished = claims().what == claim::kind::unfinished;
    drop_wait();
    const bool parked = input_.capacity() == 0;
    if (const auto how = receive_now()) {
        finish_input(*how);
        if (!unfinished || claims().what != claim::kind::unfinished)
            return false;
        drop_wait();
    } else if (parked) {
        input_.release();
    }
    yield_now();
    return true;
}

// The reader's wait has been dropped.
void core::yield_now()
{
    const bool between = waits_for_ == waiting_for::next_unit;
    if (!between)
        fail(errc::shed);
    if (over_tls())
        std::get<tls_stream>(stream_).end_output(true); // if the kernel takes it
    close_now();
    finish_input(between ? input::drained : input::failed);
}

void core::drop_wait() noexcept
{
    with_stream([](auto& s) { s.drop_read(); });
    reading_ = lingering_ = false;
}

} // namespace hawser::detail
