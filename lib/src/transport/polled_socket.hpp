// SPDX-License-Identifier: BSL-1.0

// A connection's socket, and the two that wait for it: a reader and a writer. The streams over sockets are made of it.
//
// It knows whether a read may find anything. On TCP a read that found less than it had room for has emptied the socket,
// unless an end or an urgent byte is behind it (epoll(7), question 9). On a Unix socket such a read may have stopped at
// a descriptor that was passed, so that there only a read that finds nothing tells.
//
// What the kernel has announced once it does not announce again, so that one read that finds nothing where there is
// something would leave its connection waiting for ever. Such a read is repeated once, if nothing else comes meanwhile,
// when the wheel looks at the connection next: look_again().
#ifndef HAWSER_SRC_TRANSPORT_POLLED_SOCKET_HPP
#define HAWSER_SRC_TRANSPORT_POLLED_SOCKET_HPP

#include "loop/poller.hpp"
#include "sockets/descriptor.hpp"
#include "values/pieces.hpp"

#include <hawser/bytes.hpp>

#include <sys/uio.h>

#include <span>

namespace hawser::inline v0_1::detail {

class address;
class stream_owner;

/// What the input is behind what was read, as far as one can see without reading on.
enum class peer_sight : std::uint8_t {
    nothing, // yet
    unread,  // bytes
    ended,   // the peer's end, and nothing before it: a read of any size says so
    gone,    // the peer has reset it, whatever is unread
    failed,  // the kernel's error, which it does not tell again
};

class polled_socket : private poller::entry
{
public:
    enum class family : std::uint8_t { ip, unix_path };

    /// Registers the socket, and owns it; `e`: the kernel has refused it, and it is closed.
    polled_socket(poller& on, detail::descriptor socket, family of, error_code& e) noexcept;
    /// Until attach().
    polled_socket(polled_socket&& other) noexcept;
    polled_socket& operator=(polled_socket&&) = delete;
    ~polled_socket();

    /// To the connection in which it lies from now on.
    void attach(stream_owner& c) noexcept;

    /// Has the reader that waits try again, if the last read found nothing and was not repeated yet.
    void look_again() noexcept;
    /// Ends the reader's wait with operation_aborted.
    void cancel() noexcept;
    /// Drops it: it will not be called.
    void drop_read() noexcept;
    /// Ends both with operation_aborted.
    void close() noexcept;
    void reset() noexcept;
    /// Drops the waits, which will not be called: the loop ends.
    void abandon() noexcept;

    /// Bytes written and not yet acknowledged by the peer (SIOCOUTQ).
    std::size_t unacknowledged() const noexcept;
    int descriptor() const noexcept { return socket_.get(); }

    /// Looks at the input, and takes none of it. `e`: what has failed.
    peer_sight look_at_peer(error_code& e) noexcept;

protected:
    enum class way : std::uint8_t {
        in,
        out,
        gone, // an error alone
        news, // whatever is announced next: nobody reads meanwhile
    };

    // Called once from the loop's queue.
    using function = void (*)(polled_socket& socket, stream_owner& c, const error_code& e);

    // What waits; it keeps the connection alive until it is called.
    struct wait {
        function then = nullptr;
        way what = way::in;
        bool due = false;
        bool cancelled = false;
    };
    // Waits until `what` may be possible, in the place of a wait that is under way.
    void begin(wait& w, way what, function then) noexcept;
    // The same for what need not wait.
    void begin_now(wait& w, function then) noexcept;
    // Ends a wait from the loop's queue: calls what it waits for, at once.
    void end_now(wait& w);

    // One recv or send that does not block; would_block if nothing is possible, eof at the end of the stream.
    std::size_t receive(char* into, std::size_t size, error_code& e) noexcept;
    std::size_t send(two_pieces from, error_code& e) noexcept;
    std::size_t send_all(std::span<const bytes_view> from, error_code& e) noexcept;
    // Whether receive() may find something, as far as is known.
    bool may_receive() const noexcept { return can_read_; }
    // A read, of somebody else's too, has found nothing.
    void emptied() noexcept
    {
        can_read_ = false;
        if (doubt_ == doubt::none)
            doubt_ = doubt::open;
    }
    void shut_down_output() noexcept;

    wait reader_;
    wait writer_;

private:
    void ready(std::uint32_t events) override;
    void due() override;
    void start(wait& w, way what, function then) noexcept;
    void go_on(wait& w, bool can_write, bool broken);
    bool is_possible(way what, bool can_write, bool broken) const noexcept;
    std::size_t send_message(iovec* pieces, std::size_t count, error_code& e) noexcept;
    void complete(wait& w, const error_code& e);
    void complete_later(wait& w) noexcept;

    detail::descriptor socket_;
    // About the last read, which found nothing: whether there was nothing to be found.
    enum class doubt : std::uint8_t {
        none,    // something has been found, or announced, since
        open,    // it may be repeated
        settled, // it was
    };

    bool empties_ = false;  // by a read that finds less than it has room for
    bool can_read_ = false; // as far as is known
    doubt doubt_ = doubt::none;
    poller* poller_;
    stream_owner* owner_ = nullptr;
};

polled_socket::family family_of(const address& peer) noexcept;

} // namespace hawser::inline v0_1::detail

#endif
