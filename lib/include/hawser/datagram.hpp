// SPDX-License-Identifier: BSL-1.0

// Datagrams over UDP: a socket by itself for programs that ask, and what a server's handler gets for each datagram.
//
//     hawser::datagram_socket socket{runtime};               // a client
//     co_await socket.connect("udp://127.0.0.1:10017");
//     co_await socket.send("");                              // an empty datagram is one too
//     std::array<char, 512> room;
//     const auto reply = co_await socket.receive(room, 2s);
//
//     hawser::awaitable<void> echo(hawser::datagram_request& request)
//     {
//         co_await request.send(request.payload());
//     }
//     hawser::listen_datagrams(server, "udp://127.0.0.1:7000", echo); // a server
#ifndef HAWSER_DATAGRAM_HPP
#define HAWSER_DATAGRAM_HPP

#include <hawser/awaitable.hpp>
#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/endpoint.hpp>
#include <hawser/error.hpp>
#include <hawser/runtime.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace hawser::inline v0_1 {

class listener_handle;
class server;

namespace detail {
struct datagram_address_access;
class datagram_session;
} // namespace detail

/// The errors that datagrams add to those of errc. The symbol of each, as symbol() gives it, is its name here.
enum class datagram_errc {
    receive_timeout = 1, ///< no datagram within the timeout given to receive() or receive_from()
    send_timeout,        ///< the kernel had no room for a datagram within the timeout given to send() or send_to()
    answer_too_large,    ///< more than datagram_options::max_answer in answer to one datagram
};

/// The category of datagram_errc: its name is "hawser.datagram".
HAWSER_EXPORT const boost::system::error_category& datagram_category() noexcept;

/// Lets datagram_errc be compared with, and stored as, an error_code.
inline error_code make_error_code(datagram_errc e) noexcept
{
    return {static_cast<int>(e), datagram_category()};
}

/// Where a datagram comes from or goes to: an IPv4 or IPv6 address and a port. A plain value. IPv4 that came through an
/// IPv6 socket is IPv4.
class HAWSER_EXPORT datagram_address
{
public:
    /// No address: to_endpoint() is udp://:0.
    datagram_address() = default;

    /// The address of a udp:// endpoint whose host is numeric. Throws endpoint_error for a name (see
    /// datagram_addresses()) and for another scheme.
    explicit datagram_address(const endpoint& where);

    endpoint to_endpoint() const;        ///< as a udp:// endpoint
    std::uint16_t port() const noexcept; ///< 0 if it has none

    friend bool operator==(const datagram_address&, const datagram_address&) = default;

private:
    friend struct detail::datagram_address_access;
    alignas(4) std::array<unsigned char, 28> bytes_{}; // a sockaddr_in or sockaddr_in6
    std::uint32_t size_ = 0;                           // of which so many count
};

/// Every address that the host of a udp:// endpoint has, in the resolver's order. A literal address is not looked up; a
/// name is, beside the loop, within `timeout`. Throws endpoint_error, whose code() is errc::invalid_endpoint,
/// errc::lookup_timeout, errc::resolver_busy or a resolver's EAI_ error. Awaited on a loop of a runtime.
HAWSER_EXPORT awaitable<std::vector<datagram_address>> datagram_addresses(endpoint where, duration timeout = never);

/// One datagram that was received.
struct datagram {
    bytes_view payload;      ///< within the caller's buffer: what of it had room there
    datagram_address sender; ///< who sent it, as the kernel says; on the internet it may be forged
    std::size_t size = 0;    ///< of the whole datagram, in bytes

    /// The buffer was shorter than the datagram, whose rest is lost.
    bool truncated() const noexcept { return payload.size() < size; }
};

/// How a datagram socket is bound.
struct datagram_bind_options {
    /// [::] takes IPv4 datagrams too, shown as IPv4.
    bool dual_stack = false;
};

/// A UDP socket over IPv4 or IPv6. Belongs to one loop of a runtime: use it from there, or before the runtime starts.
/// At most one receive and any number of sends may be under way at once; destroying or closing it ends them with
/// operation_aborted.
class HAWSER_EXPORT datagram_socket
{
public:
    /// On loop `index` of the runtime.
    explicit datagram_socket(runtime& r, unsigned index = 0);
    /// On the loop of an executor: `co_await boost::asio::this_coro::executor` inside a handler.
    /// Throws std::logic_error if it is none of a runtime's.
    explicit datagram_socket(const boost::asio::any_io_executor& on);
    datagram_socket(datagram_socket&&) noexcept;            ///< takes the socket over
    datagram_socket& operator=(datagram_socket&&) noexcept; ///< closes what it held
    ~datagram_socket();

    /// Binds to a numeric address (or a name with one address); port 0 is a free port. Once, and before anything else;
    /// a socket that is not bound is when it first sends or connects. Throws endpoint_error naming the endpoint.
    void bind(const endpoint& where, const datagram_bind_options& options = {});

    /// Makes an address the only one that is sent to and received from, and errors that come back from it (ICMP) errors
    /// of this socket: a send or receive then throws ECONNREFUSED when nobody has that port. Sends nothing. May be
    /// called again. Throws hawser::error with the kernel's code.
    void connect(const datagram_address& peer);

    /// The same with the first of an endpoint's addresses that the kernel takes; a name is looked up as
    /// datagram_addresses() does, within `timeout`. Throws endpoint_error naming the endpoint.
    awaitable<void> connect(endpoint where, duration timeout = never);

    /// Sends one datagram, of 0 bytes or more; completes when the kernel has taken it, which says nothing about its
    /// arrival. Waits while the kernel has no room, at most `timeout`: datagram_errc::send_timeout. `payload` has to
    /// stay valid until then. Throws hawser::error with the kernel's code: EMSGSIZE for more than 65,507 bytes over
    /// IPv4, and on a connected socket what an earlier datagram met. Cancelled while it waits, it has sent nothing.
    awaitable<void> send_to(bytes_view payload, datagram_address to, duration timeout = never);
    /// To the address that the socket is connected to; otherwise EDESTADDRREQ.
    awaitable<void> send(bytes_view payload, duration timeout = never);

    /// The next datagram, of 0 bytes or more, into a buffer that has to stay valid until completion. Waits at most
    /// `timeout`: datagram_errc::receive_timeout. What is longer than the buffer is cut, and says so. Throws
    /// hawser::error with the kernel's code. Cancelling it loses nothing.
    awaitable<datagram> receive_from(std::span<char> into, duration timeout = never);
    /// The same for a socket that is connected. Throws std::logic_error if it is not.
    awaitable<datagram> receive(std::span<char> into, duration timeout = never);

    /// The real address and port; udp://:0 before the socket is bound.
    endpoint local_endpoint() const;
    /// What it is connected to.
    std::optional<endpoint> peer_endpoint() const;

    void close() noexcept; ///< a wait ends with operation_aborted

private:
    struct HAWSER_HIDDEN impl;
    std::shared_ptr<impl> impl_;
};

/// How a server listens for datagrams, with defaults that are safe on the internet.
struct datagram_options {
    /// Datagrams a second, on average, that are taken from one address (IPv6: from one /64); more are dropped unseen.
    /// The sender's address may be forged, and whoever has it must not be flooded with our answers. 1 to 1,000,000.
    /// Unset: any number.
    std::optional<unsigned> rate_per_address = 10;

    /// Of these, how many at once after a silence. 1 to 1,000,000.
    unsigned burst_per_address = 20;

    /// Addresses whose rate is remembered, about 100 bytes each; for one more, that of the longest silence is
    /// forgotten. 1 or more.
    std::size_t max_addresses = 65'536;

    /// Bytes in answer to one datagram, all answers together: datagram_errc::answer_too_large beyond. 0: no answers.
    std::size_t max_answer = 512;

    /// Bytes of a datagram; a longer one is dropped. 0: only empty ones are taken.
    std::size_t max_payload = 65'535;

    /// Handlers that run at once; the kernel keeps what comes meanwhile, and drops what it has no room for. 1 or more.
    std::size_t max_handlers = 256;

    /// [::] takes IPv4 datagrams too, shown and counted as IPv4.
    bool dual_stack = false;
};

/// Checks the ranges of the fields. Throws std::invalid_argument naming the field, its value and what was expected.
HAWSER_EXPORT void validate(const datagram_options& o);

/// A datagram that a server has received, for as long as its handler runs. Used on the handler's loop.
class HAWSER_EXPORT datagram_request
{
public:
    datagram_request(const datagram_request&) = delete;
    datagram_request& operator=(const datagram_request&) = delete;
    ~datagram_request() = default;

    /// Valid as long as the handler runs.
    bytes_view payload() const noexcept;
    const datagram_address& sender() const noexcept; ///< who sent it
    /// Of the listener.
    const endpoint& local_endpoint() const noexcept;

    /// Sends one datagram to the sender, from the address that the request was sent to. Completion, lifetimes, errors
    /// and cancellation as datagram_socket::send_to(). Throws hawser::error with datagram_errc::answer_too_large if
    /// it would be more than datagram_options::max_answer together with the answers before it; then nothing is sent.
    awaitable<void> send(bytes_view payload);

    /// Whether the server asks its handlers to end.
    bool draining() const noexcept;

private:
    friend class detail::datagram_session;
    explicit datagram_request(detail::datagram_session& session) noexcept : session_{session} {}

    detail::datagram_session& session_;
};

/// What is done with one datagram. A capturing lambda is safe; the server keeps it. What it throws ends itself alone,
/// and reaches the observer. All handlers of one listener run on the same loop.
using datagram_handler = std::function<awaitable<void>(datagram_request&)>;

/// Listens for datagrams, as a part of that server (<hawser/server.hpp>), at a udp:// endpoint, at each address that
/// its host has (port 0: one port for all), or at inherited UDP sockets, which fd:N and systemd:NAME stand for as in
/// server::listen(). Binds now, and receives as soon as the runtime runs: a handler for each datagram that its sender's
/// rate and the limits admit. At drain nothing more is received, and the handlers that run are awaited, and cut, as
/// sessions are.
///
/// While the listeners are suspended, the kernel keeps what comes, as much as it has room for.
///
/// Throws endpoint_error naming the endpoint, std::invalid_argument naming the option, and std::logic_error once the
/// drain has begun or the runtime has ended; then nothing of it listens. May be called from any thread.
HAWSER_EXPORT listener_handle listen_datagrams(server& s, const endpoint& where, const datagram_handler& handler,
                                               const datagram_options& options = {});
listener_handle listen_datagrams(server& s, const endpoint& where, std::nullptr_t,
                                 const datagram_options& options = {}) = delete;

} // namespace hawser::inline v0_1

/// @cond
template <>
struct boost::system::is_error_code_enum<hawser::datagram_errc> : std::true_type {};
/// @endcond

#endif
