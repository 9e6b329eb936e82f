// What a connection runs over: a TCP or Unix socket, or memory. TLS takes its place beside them.
//
// A stream does what it is told and keeps no policy: deadlines, buffers and the order of things are core's. Each
// operation completes by calling core::on_read, on_readable or on_writable from the loop's queue, and keeps the core
// alive until then. At most one read or wait for readability, and one wait for writability, at a time.
#ifndef HAWSER_SRC_STREAM_HPP
#define HAWSER_SRC_STREAM_HPP

#include "loop.hpp"

#include <hawser/bytes.hpp>
#include <hawser/error.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <optional>
#include <variant>

namespace hawser::detail {

class core;
class memory_stream;

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

    /// Ends every operation with operation_aborted, reads and waits alike.
    void cancel() noexcept;
    void end_output() noexcept;
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
    void cancel() noexcept;
    void end_output() noexcept;
    void close() noexcept;
    void abandon() noexcept;
    void reset() noexcept;
    std::size_t unacknowledged() noexcept;
    static int descriptor() noexcept { return -1; }

private:
    std::shared_ptr<class memory_link> link_;
    unsigned side_;
};

using any_stream = std::variant<socket_stream, memory_stream>;

} // namespace hawser::detail

#endif
