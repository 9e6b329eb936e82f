// SPDX-License-Identifier: BSL-1.0
#include "end.hpp"

#include <stdexcept>

namespace fuzz {

using hawser::errc;
using hawser::framing;
using hawser::system_error;

void end::begin(connection& c, std::size_t high_water)
{
    peer = &c;
    high_water_ = high_water;
    asked_ = c.framing().max_payload() + framing::max_head;
}

void end::over()
{
    check();
    views_.clear();
    unit = {};
    peer = nullptr;
}

void end::check() const
{
    for (const held& h : views_)
        require(h.view == h.bytes, "a view's bytes stay until the next read");
    if (peer != nullptr)
        require(peer->queued() <= high_water_ + largest_, "output is bounded by the high-water mark and one unit");
}

// A buffer holds twice what it is asked for at most, rounded up to a power of two.
std::size_t end::most_memory() const noexcept
{
    return 4 * (high_water_ + largest_ + asked_) + 160 * 1024;
}

awaitable<void> end::act(unsigned what, unsigned how)
{
    {
        const counted running{running_};
        try {
            co_await perform(what, how);
        } catch (const system_error& e) {
            failed(e);
        } catch (const std::runtime_error&) {
            require(life_.lossy, "what a posted function has thrown ends the session");
        }
    }
    done();
}

awaitable<void> end::perform(unsigned what, unsigned how)
{
    connection& c = *peer;
    switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6: co_await read(what, how); break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
    case 16: co_await write(what, how); break;
    case 17: co_await c.flush(); break;
    case 18: co_await c.closed(); break;
    case half_closes: co_await half_close(); break;
    case closes:
        life_.lossy = true;
        co_await c.close();
        break;
    case 21:
        life_.lossy = true;
        c.reset();
        break;
    case 22:
        if (!unit.is_open())
            unit = c.begin_unit();
        break;
    case 23: unit.end(); break;
    case 24: post(how); break;
    case 25: // a deadline, as below
        life_.lossy = true;
        if (unit.is_open())
            unit.allow(std::chrono::milliseconds{how});
        break;
    default: // shorter deadlines
        life_.lossy = true;
        c.set_timeouts({.idle = std::chrono::seconds{1 + how}, .frame = std::chrono::seconds{1}});
    }
}

void end::failed(const system_error& e) const
{
    if (life_.lossy)
        return;
    if (e.code() == boost::asio::error::operation_aborted)
        return require(life_.cancelled, "only what is cancelled is aborted");
    if (e.code() == errc::shut_down)
        return require(ended_output, "only a half-closed connection refuses writes");
    if (e.code() == errc::unexpected_end)
        return require(other->ended_output, "only the end of the stream cuts what is read");
    std::fprintf(stderr, "%s: %s\n", hawser::symbol(e.code()).c_str(), e.what());
    require(false, "nothing fails without a cause");
}

} // namespace fuzz
