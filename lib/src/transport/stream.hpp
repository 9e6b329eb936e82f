// SPDX-License-Identifier: BSL-1.0

// What a connection runs over: a TCP or Unix socket, memory, or TLS over a socket.
//
// A stream does what it is told and keeps no policy: deadlines, buffers and the order of things are its owner's, the
// connection's (stream_owner.hpp). Each wait completes by calling its on_readable or on_writable from the loop's queue,
// and keeps the owner alive until then. A stream belongs to the owner in which it lies from attach() on. At most one
// wait for input, and one for room for output, at a time: one for input takes the place of another.
#ifndef HAWSER_SRC_TRANSPORT_STREAM_HPP
#define HAWSER_SRC_TRANSPORT_STREAM_HPP

#include "loop/loop.hpp"
#include "transport/polled_socket.hpp"

#include <hawser/bytes.hpp>
#include <hawser/error.hpp>
#include <hawser/tls.hpp>

#include <memory>
#include <optional>
#include <span>
#include <variant>

namespace hawser::inline v0_1::detail {

class stream_owner;
class handshake_places;
class memory_stream;
class tls_configuration;
class tls_context;
class tls_engine;

class socket_stream final : private polled_socket
{
public:
    using polled_socket::attach;
    using polled_socket::family;
    using polled_socket::polled_socket;

    void wait_readable(stream_owner& c) noexcept;
    void wait_writable(stream_owner& c) noexcept;
    /// In the place of wait_readable(): until the peer has reset the connection.
    /// Waits for whatever comes, and for a reset, which is for those who do not read.
    void wait_arrival(stream_owner& c) noexcept { wait_readable(c); }
    void wait_gone(stream_owner& c) noexcept;
    using polled_socket::look_at_peer;

    /// Reads or writes what is possible at once; would_block if that is nothing, eof at the end of the stream.
    std::size_t read_now(char* into, std::size_t size, error_code& e) noexcept { return receive(into, size, e); }
    std::size_t write_now(two_pieces from, error_code& e) noexcept { return send(from, e); }
    /// The same for up to most_pieces.
    std::size_t write_all_now(std::span<const bytes_view> from, error_code& e) noexcept { return send_all(from, e); }
    /// As read_now(), for bytes that are not wanted.
    std::size_t drop_now(char* into, std::size_t size, error_code& e) noexcept { return receive(into, size, e); }

    /// At a look of the wheel, now and then while it waits for input.
    using polled_socket::look_again;
    /// Ends the wait for readability with operation_aborted.
    using polled_socket::cancel;
    /// Drops it: it will not complete.
    using polled_socket::drop_read;
    /// False: there is no room for the end yet; to be called again once writable. A stream that is not `whole` gets no
    /// end of its own over TLS, so that nobody takes it for one that is.
    bool end_output(bool whole) noexcept;
    using polled_socket::close;
    using polled_socket::reset;
    /// Drops the waits under way, which will not complete: the loop ends.
    using polled_socket::abandon;

    using polled_socket::descriptor;
    using polled_socket::unacknowledged;
};

/// One end of a pair in memory; both ends live on one loop. memory_link.hpp has the other half.
class memory_stream
{
public:
    explicit memory_stream(std::shared_ptr<class memory_link> link, unsigned side) noexcept;
    memory_stream(memory_stream&&) noexcept = default;
    memory_stream& operator=(memory_stream&&) noexcept = default;
    ~memory_stream();

    static void attach(stream_owner&) noexcept {}

    void wait_readable(stream_owner& c);
    void wait_writable(stream_owner& c);
    void wait_arrival(stream_owner& c) { wait_readable(c); }
    void wait_gone(stream_owner& c);
    peer_sight look_at_peer(error_code& e) const noexcept;
    std::size_t read_now(char* into, std::size_t size, error_code& e) noexcept;
    std::size_t write_now(two_pieces from, error_code& e) noexcept;
    std::size_t write_all_now(std::span<const bytes_view> from, error_code& e) noexcept;
    std::size_t drop_now(char* into, std::size_t size, error_code& e) noexcept { return read_now(into, size, e); }
    static void look_again() noexcept {}
    void cancel() noexcept;
    void drop_read() noexcept;
    bool end_output(bool whole) noexcept;
    void close() noexcept;
    void abandon() noexcept;
    void reset() noexcept;
    std::size_t unacknowledged() noexcept;
    static int descriptor() noexcept { return -1; }

private:
    std::shared_ptr<class memory_link> link_;
    unsigned side_;
};

/// TLS over a socket. Begins with handshake(); the rest as socket_stream. A write that would block has to be repeated
/// with the same bytes, or with those and more behind them.
class tls_stream final : private polled_socket
{
public:
    using polled_socket::attach;
    using polled_socket::family;

    /// A server's, and a client's of a server that is called so; otherwise as polled_socket's.
    tls_stream(poller& on, detail::descriptor socket, family of, std::shared_ptr<const tls_configuration> from,
               block_pool& pool, error_code& e);
    tls_stream(poller& on, detail::descriptor socket, family of, std::shared_ptr<const tls_context> context,
               std::string host, block_pool& pool, error_code& e);
    tls_stream(tls_stream&&) noexcept;
    tls_stream& operator=(tls_stream&&) = delete;
    ~tls_stream();

    /// Completes by calling the owner's on_handshake: eof if the peer has ended without a byte; else failure() has the
    /// words. A server's needs one of `places`; a client's needs none.
    void handshake(stream_owner& c, std::shared_ptr<handshake_places> places);
    /// It is over, without success.
    void give_up_handshake() noexcept;
    /// For a place or its turn.
    bool handshake_waits_for_us() const noexcept;
    /// Since when it first waited for its peer behind the hello; time_point::max() before that.
    time_point handshake_waits_since() const noexcept;
    /// Until when its peer has time, if others wait for the place that it has; time_point::max(): it has none, or does
    /// not wait for its peer.
    time_point peer_has_until() const noexcept;
    /// That time is over, and others wait.
    bool holds_up_others() const noexcept;
    /// For how long it waits, or has waited, for its place.
    duration waited_for_place(time_point now) const noexcept;
    /// It waits to send, and reads nothing.
    bool handshake_waits_to_send() const noexcept { return reader_.what == way::out; }
    /// Bytes of TLS since the handshake.
    std::uint64_t received() const noexcept;
    /// Whether the last read has taken a part of a record.
    bool record_has_begun() const noexcept;
    /// Whether the peer has sent anything.
    bool has_begun() const noexcept;
    /// Whether the handshake has been given any of it.
    bool opened() const noexcept;

    void wait_readable(stream_owner& c);
    void wait_writable(stream_owner& c);
    void wait_arrival(stream_owner& c);
    void wait_gone(stream_owner& c);
    /// look_at_peer() has seen the end of the socket's input, before TLS's own.
    error_code end_without_notice() noexcept;
    peer_sight look_at_peer(error_code& e) noexcept; ///< what the engine holds, and ciphertext, is unread
    std::size_t read_now(char* into, std::size_t size, error_code& e) noexcept;
    std::size_t write_now(two_pieces from, error_code& e) noexcept;
    std::size_t drop_now(char* into, std::size_t size, error_code& e) noexcept;
    using polled_socket::cancel;
    using polled_socket::drop_read;
    using polled_socket::look_again;
    bool end_output(bool whole) noexcept;
    void close() noexcept;
    void reset() noexcept;
    using polled_socket::abandon;
    std::size_t unacknowledged() noexcept; ///< in plaintext, about
    using polled_socket::descriptor;

    tls_error failure() const;
    std::optional<tls_info> facts() const;

private:
    template <auto member>
    static void call(polled_socket& s, stream_owner& c, const error_code& e);
    friend class shaking_hands;
    void turn_came();
    void ask_for_turn(stream_owner& c);
    void gather(stream_owner& c, const error_code& e);
    void can_shake(stream_owner& c, const error_code& e);
    void waits_for_turn(stream_owner& c, const error_code& e);
    void handshake_step(stream_owner& c, const error_code& e);
    void waits_for_peer(stream_owner& c, way what, function then);
    void readable(stream_owner& c, const error_code& e);
    void writable(stream_owner& c, const error_code& e);

    std::unique_ptr<tls_engine> engine_; // until closed
};

using any_stream = std::variant<socket_stream, memory_stream, tls_stream>;

} // namespace hawser::inline v0_1::detail

#endif
