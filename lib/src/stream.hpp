// What a connection runs over: a TCP or Unix socket, memory, or TLS over a socket.
//
// A stream does what it is told and keeps no policy: deadlines, buffers and the order of things are core's. Each
// operation completes by calling core::on_read, on_readable or on_writable from the loop's queue, and keeps the core
// alive until then. At most one read or wait for readability, and one wait for writability, at a time.
#ifndef HAWSER_SRC_STREAM_HPP
#define HAWSER_SRC_STREAM_HPP

#include "loop.hpp"

#include <hawser/bytes.hpp>
#include <hawser/error.hpp>
#include <hawser/tls.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <memory>
#include <optional>
#include <variant>

namespace hawser::detail {

class core;
class memory_stream;
class tls_engine;

/// Where pieces of output lie: a head and a payload, or one of them.
struct two_pieces {
    bytes_view first;
    bytes_view second;
    std::size_t size() const noexcept { return first.size() + second.size(); }
};

class socket_stream
{
public:
    using socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, loop::executor_type>;

    explicit socket_stream(socket s) noexcept : socket_{std::move(s)} {}

    void read(core& c, char* into, std::size_t size);
    void wait_readable(core& c);
    void wait_writable(core& c);

    /// Reads or writes what is possible at once; would_block if that is nothing, eof at the end of the stream.
    std::size_t read_now(char* into, std::size_t size, error_code& e) noexcept;
    std::size_t write_now(two_pieces from, error_code& e) noexcept;
    /// As read_now(), for bytes that are not wanted.
    std::size_t drop_now(char* into, std::size_t size, error_code& e) noexcept { return read_now(into, size, e); }

    /// Ends every operation with operation_aborted, reads and waits alike.
    void cancel() noexcept;
    /// False: there is no room for the end yet; to be called again once writable.
    bool end_output() noexcept;
    void close() noexcept;
    void reset() noexcept;

    /// Drops the operations under way, which will not complete: the loop ends.
    static void abandon() noexcept {}

    /// Bytes written and not yet acknowledged by the peer (SIOCOUTQ).
    std::size_t unacknowledged() noexcept;
    int descriptor() noexcept { return socket_.native_handle(); }

private:
    socket socket_;
};

/// One end of a pair in memory; both ends live on one loop. memory_link.hpp has the other half.
class memory_stream
{
public:
    explicit memory_stream(std::shared_ptr<class memory_link> link, unsigned side) noexcept;
    memory_stream(memory_stream&&) noexcept = default;
    memory_stream& operator=(memory_stream&&) noexcept = default;
    ~memory_stream();

    void read(core& c, char* into, std::size_t size);
    void wait_readable(core& c);
    void wait_writable(core& c);
    std::size_t read_now(char* into, std::size_t size, error_code& e) noexcept;
    std::size_t write_now(two_pieces from, error_code& e) noexcept;
    std::size_t drop_now(char* into, std::size_t size, error_code& e) noexcept { return read_now(into, size, e); }
    void cancel() noexcept;
    bool end_output() noexcept;
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
class tls_stream
{
public:
    using socket = socket_stream::socket;

    tls_stream(socket s, std::unique_ptr<tls_engine> engine) noexcept;
    tls_stream(tls_stream&&) noexcept;
    tls_stream& operator=(tls_stream&&) noexcept;
    ~tls_stream();

    /// Completes by calling core::on_handshake: eof if the peer has ended without a byte; else failure() has the words.
    void handshake(core& c);
    /// Whether the peer has sent anything.
    bool has_begun() const noexcept;

    void read(core& c, char* into, std::size_t size);
    void wait_readable(core& c);
    void wait_writable(core& c);
    std::size_t read_now(char* into, std::size_t size, error_code& e) noexcept;
    std::size_t write_now(two_pieces from, error_code& e) noexcept;
    std::size_t drop_now(char* into, std::size_t size, error_code& e) noexcept;
    void cancel() noexcept;
    bool end_output() noexcept;
    void close() noexcept;
    void reset() noexcept;
    static void abandon() noexcept {}
    std::size_t unacknowledged() noexcept; ///< in plaintext, about
    int descriptor() noexcept { return socket_.native_handle(); }

    tls_error failure() const;
    std::optional<tls_facts> facts() const;

private:
    template <auto function>
    struct handler;
    void shake(core& c, const error_code& e);
    void receive(core& c);
    void received(core& c, const error_code& e, std::size_t n);
    void decrypt(core& c, const error_code& e);
    void readable(core& c, const error_code& e);
    void writable(core& c, const error_code& e);

    socket socket_;
    std::unique_ptr<tls_engine> engine_; // until closed
};

using any_stream = std::variant<socket_stream, memory_stream, tls_stream>;

// What the streams over sockets share.
std::size_t receive_now(int descriptor, char* into, std::size_t size, error_code& e) noexcept;
std::size_t unacknowledged_by(int descriptor) noexcept;
void reset_on_close(int descriptor) noexcept;

} // namespace hawser::detail

#endif
