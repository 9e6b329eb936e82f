// SPDX-License-Identifier: BSL-1.0

// How a connection notices its peer's end while nobody reads, for those who await closed().
//
//     closed() --> a reader waits?            --> it notices, and when it goes on without reading again: watch_peer()
//                  otherwise: watch_peer()    --> reset?                        --> they are told
//                                             --> the end, nothing unread?      --> they are told
//                                             --> something unread before it?   --> wait for a reset, or for its reader
//                                             --> nothing?                      --> wait until something comes
//
// It looks and takes no byte. The wait is the stream's one for input; whoever begins to read takes it over.
#include "connection/core.hpp"

namespace hawser::inline v0_1::detail {

/// One coroutine that awaits the end.
class end_watch
{
public:
    explicit end_watch(connection_core& c) noexcept : core_{c} { ++core_.watchers_; }
    end_watch(const end_watch&) = delete;
    end_watch& operator=(const end_watch&) = delete;
    ~end_watch() { --core_.watchers_; }

private:
    connection_core& core_;
};

awaitable<void> connection_core::closed()
{
    const boost::intrusive_ptr<connection_core> keep{this};
    const end_watch counted{*this};
    for (;;) {
        watch_peer();
        if (has_ended())
            co_return;
        waiting node;
        co_await ending_.closers().wait(node, loop_, this);
        node.check();
    }
}

void connection_core::watch_peer()
{
    if (watchers_ == 0 || input_.has_reader() || has_ended() || !ending_.is_open())
        return;
    error_code e;
    const peer_sight seen = with_stream([&](auto& s) { return s.look_at_peer(e); });
    if (seen == peer_sight::failed) {
        stream_ended(e);
    } else if (seen == peer_sight::unread || (seen != peer_sight::gone && !input_.unread().empty())) {
        with_stream([this](auto& s) { s.wait_gone(*this); });
    } else if (seen == peer_sight::nothing) {
        with_stream([this](auto& s) { s.wait_arrival(*this); });
        look_soon(); // whether there really was nothing
    } else if (over_tls() && seen == peer_sight::ended && !input_.has_view()) {
        stream_ended(std::get<tls_stream>(stream_).end_without_notice());
    } else { // whoever reads or writes finds out how it has ended
        input_.see_end(input::peer_end::gone);
        ending_.closers().wake_all();
    }
}

} // namespace hawser::inline v0_1::detail
