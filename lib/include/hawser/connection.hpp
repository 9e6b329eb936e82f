// SPDX-License-Identifier: BSL-1.0

// A connection: frames and bytes, in and out, over TCP, a Unix socket or memory, with deadlines, back-pressure and a
// graceful end. Start at read_frame and write_frame.
//
// Every member function is called from the connection's own loop, which is where its handler runs; handle() is the one
// thing to give to other threads. At most one coroutine reads at a time; any number may write, and frames never
// interleave.
#ifndef HAWSER_CONNECTION_HPP
#define HAWSER_CONNECTION_HPP

#include <hawser/awaitable.hpp>
#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/detail/input_wait.hpp>
#include <hawser/detail/posted_function.hpp>
#include <hawser/detail/stream_operation.hpp>
#include <hawser/endpoint.hpp>
#include <hawser/framing.hpp>
#include <hawser/options.hpp>
#include <hawser/tls.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace boost::beast {
enum class role_type; // Beast's, for what its websocket::stream looks for
}

namespace hawser::inline v0_1 {

class connection;
class encoded_frame;
class connection_handle;

/// The complete frames that had arrived when read_frames() was called: a range of bytes_view, at least one.
/// A view into the connection's input, valid until its next read.
class frames
{
public:
    class iterator
    {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = bytes_view;
        using difference_type = std::ptrdiff_t;
        using pointer = const bytes_view*;
        using reference = bytes_view;

        iterator() = default;
        bytes_view operator*() const noexcept { return current_.frame; }
        iterator& operator++()
        {
            rest_.remove_prefix(current_.consumed);
            decode();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.rest_.empty(); }

    private:
        friend class frames;
        iterator(const framing* format, bytes_view rest) : format_{format}, rest_{rest} { decode(); }
        void decode()
        {
            if (!rest_.empty())
                current_ = format_->decode(rest_);
        }
        const framing* format_ = nullptr;
        bytes_view rest_;
        decoded current_{};
    };

    iterator begin() const { return {format_, encoded_}; }      ///< the first frame
    std::default_sentinel_t end() const noexcept { return {}; } ///< the end of the range
    std::size_t size() const noexcept { return count_; }        ///< how many frames

private:
    friend struct detail::core_access;
    // `count` whole frames, one after the other in `encoded`.
    frames(const framing& format, bytes_view encoded, std::size_t count) noexcept
        : format_{&format}, encoded_{encoded}, count_{count}
    {}

    const framing* format_;
    bytes_view encoded_;
    std::size_t count_;
};

/// What a connection has carried.
struct transfer_statistics {
    std::uint64_t bytes_in = 0;   ///< received
    std::uint64_t bytes_out = 0;  ///< handed to the kernel
    std::uint64_t frames_in = 0;  ///< whole frames read
    std::uint64_t frames_out = 0; ///< frames accepted
};

/// Where a connection stands.
enum class connection_state : std::uint8_t {
    open,     ///< both directions
    draining, ///< asked to end at the next place between two frames
    closing,  ///< output is being flushed and ended, and input dropped
    closed,
};

/// What a connection waits for.
enum class wait_kind : std::uint8_t {
    nothing,        ///< the handler runs, or awaits something that is not this connection's
    handshake,      ///< the peer's part of the TLS handshake; the handler has yet to begin
    readability,    ///< the first byte of the next frame, without a buffer (parked)
    input,          ///< more input
    turn,           ///< its next turn, after 64 frames or 64 KiB at once
    output_room,    ///< the output to fall to the low-water mark
    output_flushed, ///< the output to be in the kernel's hands
    end,            ///< the peer's end of the stream
};
HAWSER_EXPORT const char* to_string(wait_kind what) noexcept; ///< in words

/// What the bytes that were written last are to the peer.
enum class answer_state : std::uint8_t {
    whole, ///< the end of an answer
    part,  ///< a part of one, which must not look whole
};

/// One unit of a protocol that is layered above a connection (a request, a message), from its first byte that has come
/// to its last: connection::begin_unit(). While it is open, reads are inside a unit: the frame clock runs while the
/// session reads, the stream's end is errc::unexpected_end, and a drain waits. Movable, not copyable; used on the
/// connection's loop, which it must not outlive, as it may the connection.
///
/// Destroyed without end(), as when a read in the middle was cancelled or has failed, it is no longer open, and the
/// connection's next unit goes on with its clock.
class HAWSER_EXPORT unit
{
public:
    unit() noexcept = default;              ///< none
    unit(unit&&) noexcept;                  ///< leaves the other without one
    unit& operator=(unit&& other) noexcept; ///< what it held is as destroyed
    ~unit();

    /// Lets the unit's reads take `total` in all instead of timeouts().frame, counted from the first call for this
    /// unit, or the first after `never`: for a body, whose time grows with what has come of it. Throws std::logic_error
    /// if no unit is open.
    void allow(duration total);

    /// It has been read whole, and all that was written is whole answers (connection::answered): reads are between two
    /// units again, under the idle clock, and may end at drain. Nothing if no unit is open.
    void end() noexcept;

    bool is_open() const noexcept { return of_ != nullptr; } ///< neither ended nor moved from

private:
    friend class connection;
    HAWSER_HIDDEN explicit unit(boost::intrusive_ptr<detail::connection_core> of) noexcept;
    void leave() noexcept;
    boost::intrusive_ptr<detail::connection_core> of_;
};

/// One stream connection. Movable, not copyable; a moved-from one may only be destroyed or assigned to.
/// Destroying an open connection ends it as close() does, in the background.
class HAWSER_EXPORT connection
{
public:
    using executor_type = boost::asio::any_io_executor; ///< any executor of Asio's

    connection(connection&&) noexcept;            ///< leaves the other without a connection
    connection& operator=(connection&&) noexcept; ///< ends what it held
    ~connection();

    // ---- Frames

    /// The next frame, as the connection's framing delivers it. Nothing when the peer has closed between two frames,
    /// when the server drains, all output is flushed and no frame has begun, or when another coroutine has called
    /// close() and no frame has begun; after that, nothing for ever.
    ///
    /// The view is valid until the next read of this connection or until it is destroyed, whatever becomes of its
    /// socket. Throws frame_error for a frame that the format refuses or that the stream's end cuts, and hawser::error
    /// with the kernel's code or errc::idle_timeout, frame_timeout, write_timeout, drain_timeout, data_limit, or
    /// connection_closed where close() came inside a frame. Cancelling it loses no byte, wherever it waits: the next
    /// read goes on.
    awaitable<std::optional<bytes_view>> read_frame();

    /// The same with another format for this one frame, for protocols that switch.
    awaitable<std::optional<bytes_view>> read_frame(framing format);

    /// Every complete frame that has arrived: at least one, at most 64, and none after the one that reaches 64 KiB.
    /// Otherwise as read_frame().
    awaitable<std::optional<frames>> read_frames();

    /// Appends one frame to the output. Completes when the frame is accepted, at once unless the output stands at the
    /// high-water mark; several writers then get their turns in order. What is accepted leaves in the same turn of the
    /// loop, together with its neighbours; an error shows at the next operation or at flush().
    ///
    /// `payload` has to stay valid until completion. Throws frame_error if the format cannot carry it, and then
    /// nothing is written; otherwise hawser::error as read_frame(). Cancelled while suspended, it has written nothing.
    awaitable<void> write_frame(any_bytes payload);
    awaitable<void> write_frame(any_bytes payload, framing format); ///< in another format

    /// The same for a payload that lies in several pieces. They, and what holds them, have to stay valid until
    /// completion:
    ///     const std::array<hawser::bytes_view, 2> reply{head, body};
    ///     co_await peer.write_frame(reply);
    awaitable<void> write_frame(std::span<const bytes_view> payload);

    /// Appends one frame if there is room for it now, and says whether it did: what a function that was posted through
    /// a handle uses, as it cannot wait. False: the output stands at the high-water mark, and nothing was written.
    /// Errors as write_frame().
    bool try_write_frame(any_bytes payload);

    /// Appends every frame of a batch, as write_frame() does each.
    awaitable<void> write_frames(frames batch);

    /// Completes when all that was accepted is in the kernel's hands. Throws the error if it never will be.
    awaitable<void> flush();

    // ---- Bytes

    /// At least one byte: whatever has arrived. Nothing at the peer's end of the stream, and at drain outside a unit.
    /// The view is valid until the next read. Errors and cancellation as read_frame().
    awaitable<std::optional<bytes_view>> read_some();

    /// Exactly `n` bytes, 1 or more. Nothing if the stream ends, or the server drains, before the first of them;
    /// errc::unexpected_end if it ends after. The view is valid until the next read.
    awaitable<std::optional<bytes_view>> read_exactly(std::size_t n);

    /// Appends all of `bytes` to the output, in pieces as the high-water mark admits. Completion, errors and lifetimes
    /// as write_frame(); cancelled while suspended, it has written a part. Pieces of two writers may alternate.
    awaitable<void> write(any_bytes bytes);

    /// Appends several pieces as one: no other writer's bytes come between them, and cancelled, it has written nothing.
    /// Together at most limits::output_high_water bytes; throws std::length_error for more. Otherwise as write(bytes).
    awaitable<void> write(std::span<const bytes_view> pieces);

    /// Appends all of `bytes` if there is room for it now, and says whether it did, as try_write_frame() does.
    bool try_write(any_bytes bytes);

    /// Whether a write would be accepted now, without waiting for the output to fall.
    bool has_room() const noexcept;

    /// Appends as much as the high-water mark admits now, at least one byte, and says how much.
    awaitable<std::size_t> write_some(any_bytes bytes);

    /// Ends a read that waits, if one does: it throws operation_aborted and has lost no byte; the next goes on. For a
    /// deadline of the protocol's own, after which it still has something to say to its peer.
    void cancel_read() noexcept;

    // ---- Parsing in place: for protocols whose units say where they end only to a parser
    //
    //     for (;;) {
    //         hawser::bytes_view input = peer.buffered();
    //         while (!parser.parse(input)) {
    //             co_await peer.wait_for_input(input.size());
    //             input = peer.buffered();
    //             if (input.empty())
    //                 co_return; // the peer's end, or drain
    //         }
    //         co_await peer.write(answer_to(parser.result()));
    //         peer.consume(parser.size());
    //     }

    /// What has arrived and is not consumed, without waiting. Empty when others are to have their turn: fill(0)
    /// gives it after theirs. Valid until the next read or consume().
    bytes_view buffered() const noexcept;

    /// More than `have` bytes in one piece: what buffered() gave, unconsumed, and what arrives. Nothing when the peer
    /// has closed, or the server drains, before the first byte of a unit; errc::unexpected_end if the stream ends
    /// later. Otherwise as read_some().
    awaitable<std::optional<bytes_view>> fill(std::size_t have);

    /// Completes when more than `have` bytes are buffered(), or when none is and none will come: where fill()
    /// gives nothing. Errors and cancellation as fill().
    ///
    /// It is one of Asio's operations, with the signature void(std::exception_ptr), and is awaited at once. Unlike
    /// fill() it needs no coroutine of its own. It begins when it is awaited, as a read like the others, and
    /// completes through the loop's queue even if the bytes are there: look at buffered() first.
    /// Coroutines alone can await it; for Asio's awaitable operators,
    ///     peer.wait_for_input(0)(boost::asio::use_awaitable) || peer.closed()
    auto wait_for_input(std::size_t have) { return detail::await_input(*core_, have); }

    /// The first `n` bytes of buffered() are done with, and count as one frame of statistics(). They stay readable
    /// until the next read.
    void consume(std::size_t n);

    /// Whether more than the first `n` bytes of buffered() have come, to here or only as far as the kernel: what a
    /// protocol asks whose answers say which one is the last, before it says so at drain. Over TLS the kernel's bytes
    /// may turn out to be none of the user's, and a record that has not come whole does not count; nor does what lies
    /// unread in the test kit's network.
    bool has_more_than(std::size_t n) const noexcept;

    // ---- Units and answers: for protocols layered above

    /// A unit has begun; what has come of it may still be in buffered(). Throws std::logic_error if one is open.
    [[nodiscard]] unit begin_unit();

    /// Says what the output ends with, and so whether a session that fails may end in FIN. Frames are whole by
    /// themselves; bytes (write(), write_some(), Asio's) may be a part of an answer: until they are said to be whole,
    /// an exception of the handler's own ends in a reset, and any other failure in FIN. After `part`, all that is
    /// written is a part, and every failure ends in a reset, until this or unit::end() says that the answer is whole.
    void answered(answer_state what) noexcept;

    /// Whether the server asks its sessions to end.
    bool draining() const noexcept;

    // ---- The end

    /// Flushes, then ends the output (FIN). Input goes on. A later write throws errc::shut_down. Throws
    /// errc::connection_closed if another coroutine closes meanwhile, and otherwise as flush(). Cancelled, it has not
    /// ended the output.
    awaitable<void> half_close();

    /// Ends the connection gracefully, from the handler or from another coroutine: what was accepted is flushed, then
    /// the output ended, and input dropped until the peer's end, 2 s of silence, or 30 s in all (at drain 2 s in all).
    /// Completes when it is closed. A read that waits meanwhile ends with nothing between two units and throws
    /// errc::connection_closed inside one; writes throw that. Cancelling it leaves the connection closing. README, "How
    /// a session ends", has every other end.
    awaitable<void> close();

    /// Closes at once; the peer sees a reset and what was not sent, or not acknowledged, is lost.
    void reset() noexcept;

    /// Completes when the connection has ended: at once when the peer resets it, whatever of its input is unread; when
    /// the peer has ended its stream and nothing unread lies before that end; when a deadline has passed, or this side
    /// has closed it. So frames that have come are not lost to
    ///     co_await (serve(peer) || peer.closed());
    /// A peer that ends its stream behind its request, and waits for the answer, has ended too: do not stop serving for
    /// that where such peers are to have their answers.
    /// It needs nobody who reads, takes no input, and reads may follow it. Can be awaited beside other work, by any
    /// number of coroutines. A peer that goes without a word is found by TCP's keep-alive, if that is on.
    ///
    /// Over TLS, what the kernel holds of the peer's records is unread input until a read has taken it: an alert, TLS's
    /// end of the stream and a server's session tickets too. Who awaits the end of such a peer has to read.
    awaitable<void> closed();

    // ---- Deadlines

    /// The deadlines that were passed down by the listener or by connect().
    const hawser::timeouts& timeouts() const noexcept;
    /// Changes them for this connection, from its next operation on. Throws std::invalid_argument.
    void set_timeouts(const hawser::timeouts& t);

    // ---- Facts

    const hawser::framing& framing() const noexcept; ///< how its frames are delimited
    endpoint peer_endpoint() const;                  ///< the other side's address
    endpoint local_endpoint() const;                 ///< this side's address
    duration age() const noexcept;                   ///< since it was opened
    transfer_statistics statistics() const noexcept; ///< what it has carried so far
    std::size_t queued() const noexcept;             ///< bytes of output not yet in the kernel's hands
    connection_state state() const noexcept;         ///< where it stands
    bool has_failed() const noexcept;       ///< for good: writes throw why, and reads once all that came is read
    wait_kind waiting_for() const noexcept; ///< what its coroutines wait for

    /// What the TLS handshake agreed on; nothing without TLS, and once the connection has closed.
    std::optional<tls_info> tls() const;

    /// A weak reference that any thread may hold and post through.
    hawser::connection_handle handle();

    // ---- Asio's AsyncReadStream and AsyncWriteStream, so that any Asio-based library runs on a connection:
    // asio::async_read_until, asio::ssl::stream<hawser::connection&>, Beast's HTTP and its websocket::stream.
    // Not a drain point. Like every member, they are called on the connection's loop, and so are their cancellation
    // signals: a composed operation, which calls them from its handlers, has to have its handler there too. The handler
    // of a single one is called through its associated executor, whichever that is, and until then counts as its work.

    executor_type get_executor() const; ///< of its loop

    using lowest_layer_type = connection;                             ///< itself: what asio::ssl::stream asks for
    connection& lowest_layer() noexcept { return *this; }             ///< the same
    const connection& lowest_layer() const noexcept { return *this; } ///< the same

    /// AsyncReadStream: at least one byte into `buffers`, which stay valid until completion; Asio's eof at the end.
    template <class MutableBuffers, class Token = boost::asio::default_completion_token_t<executor_type>>
    auto async_read_some(const MutableBuffers& buffers, Token&& token = {})
    {
        return detail::async_stream_read(*core_, buffers, std::forward<Token>(token));
    }

    /// AsyncWriteStream: some of `buffers`, at least one byte; they stay valid until completion. The first 64 of them
    /// are taken together, as far as the high-water mark admits, and sent together.
    template <class ConstBuffers, class Token = boost::asio::default_completion_token_t<executor_type>>
    auto async_write_some(const ConstBuffers& buffers, Token&& token = {})
    {
        return detail::async_stream_write(*core_, buffers, std::forward<Token>(token));
    }

    // What beast::websocket::stream finds by argument-dependent look-up. Both roles end the connection alike.

    /// As close(): completes with no error when the connection is closed, with operation_aborted when it is cancelled,
    /// which leaves it closing.
    template <class Handler>
    friend void async_teardown(boost::beast::role_type, connection& c, Handler&& handler)
    {
        detail::async_stream_end(*c.core_, std::forward<Handler>(handler));
    }
    /// The same in the background, at once and without an error.
    friend HAWSER_EXPORT void teardown(boost::beast::role_type role, connection& c, error_code& e);
    /// As reset(): when one of Beast's timeouts has passed.
    friend void beast_close_socket(connection& c) noexcept { c.reset(); }

private:
    friend struct detail::core_access;
    explicit connection(boost::intrusive_ptr<detail::connection_core> core) noexcept;
    boost::intrusive_ptr<detail::connection_core> core_;
};

/// A weak, thread-safe reference to a connection. Cheap to copy; holds nothing open. Those of one connection are equal,
/// also when it has ended, and hash alike; those of none are too.
class HAWSER_EXPORT connection_handle
{
public:
    connection_handle() = default; ///< of none

    /// Whether post() finds nobody: the connection has closed or begins to, or this is of none. From any thread; one
    /// that is open may close at any time.
    bool expired() const noexcept;

    /// How many functions of one connection wait for its loop at most.
    static constexpr std::size_t max_posted = 1024;

    /// Runs `function`, which is called with the connection and may be movable alone, on the connection's loop, unless
    /// the session has ended by then. From any thread; returns at once. An exception from it ends that session.
    ///
    /// True: it waits for its turn, which does not say that it will run. False: the session has ended, or max_posted
    /// functions of this connection wait already; then it is dropped.
    template <detail::postable Function>
    bool post(Function&& function) const
    {
        return target_ && post_made(detail::make_posted(std::forward<Function>(function)));
    }

    friend bool operator==(const connection_handle&, const connection_handle&) = default;

private:
    friend struct std::hash<connection_handle>;
    friend class connection;
    friend std::size_t send_to_all(std::span<const connection_handle> to, const encoded_frame& frame,
                                   std::function<void(connection&)> behind);
    explicit connection_handle(std::shared_ptr<detail::handle_target> target) noexcept : target_{std::move(target)} {}
    bool post_made(std::unique_ptr<detail::posted_function> function) const;
    std::shared_ptr<detail::handle_target> target_;
};

} // namespace hawser::inline v0_1

/// For std::unordered_set and its like.
template <>
struct std::hash<hawser::connection_handle> {
    std::size_t operator()(const hawser::connection_handle& h) const noexcept ///< of its connection
    {
        return std::hash<std::shared_ptr<hawser::detail::handle_target>>{}(h.target_);
    }
};

#endif
