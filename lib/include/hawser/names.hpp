// SPDX-License-Identifier: BSL-1.0

// Names and addresses of hosts, looked up beside the loop: what <netdb.h> does, as coroutines with a deadline.
//
//     const hawser::address_query web{.host = "localhost", .service = "http"};
//     const auto found = co_await hawser::resolve(web);
//     for (const auto& one : found)
//         std::cout << one.address.host << '\n';
//
// resolve() is the one to begin with. Those below it are named as in Python's `socket` module, and give what that gives
// on the same host. Write `hawser::` before them: <netdb.h> has some of the same names, which take a const char* rather
// sooner.
//
// Each look-up runs in a pool of four threads that all loops of the process share, connect() among them; 1,024 more may
// wait, and one more is errc::resolver_busy. It completes on the loop that awaits it. After `timeout` (above zero, or
// `never`) it is abandoned: errc::lookup_timeout. Its thread is busy for as long as the system's resolver makes it
// wait.
//
// They throw name_error. Cancelling one abandons it too, with operation_aborted. Any number may be under way at once;
// each may be called from any coroutine on a loop of a runtime.
#ifndef HAWSER_NAMES_HPP
#define HAWSER_NAMES_HPP

#include <hawser/awaitable.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>
#include <hawser/time.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hawser::inline v0_1 {

/// The error that look-ups add to those of errc. Its symbol, as symbol() gives it, is its name here.
enum class name_errc {
    invalid_name = 1, ///< a host or service name that no look-up can find
};

/// The category of name_errc: its name is "hawser.names".
HAWSER_EXPORT const boost::system::error_category& name_category() noexcept;

/// Lets name_errc be compared with, and stored as, an error_code.
inline error_code make_error_code(name_errc e) noexcept
{
    return {static_cast<int>(e), name_category()};
}

/// What the look-up of a host by its address reports, with the values and, as symbol() gives them, the names of
/// <netdb.h>.
enum class host_errc {
    host_not_found = 1, ///< no such host
    try_again,          ///< no answer this time
    no_recovery,        ///< an error that will not go away
    no_data,            ///< the name is there, without an address
};

/// The category of host_errc: its name is "host".
HAWSER_EXPORT const boost::system::error_category& host_category() noexcept;

/// Lets host_errc be compared with, and stored as, an error_code.
inline error_code make_error_code(host_errc e) noexcept
{
    return {static_cast<int>(e), host_category()};
}

/// A look-up that failed, or did not begin. what() names what was looked up; code() is one of the resolver's EAI_
/// errors, of host_errc, name_errc::invalid_name (too long, with a NUL, or not ASCII: the resolver has not seen it),
/// errc::lookup_timeout or errc::resolver_busy.
class HAWSER_EXPORT name_error : public error
{
public:
    using error::error;
};

/// How long a look-up may take unless told otherwise.
inline constexpr duration lookup_timeout = std::chrono::seconds{5};

/// Which addresses are wanted, or found: an AF_ number of the system's.
enum class address_family : int { any = AF_UNSPEC, inet = AF_INET, inet6 = AF_INET6 };

/// For which kind of socket: a SOCK_ number of the system's.
enum class socket_type : int { any = 0, stream = SOCK_STREAM, dgram = SOCK_DGRAM, raw = SOCK_RAW };

/// What resolve() is asked. RFC 3493, 6.1.
struct address_query {
    /// A name, or an address as text. Unset: every interface if `passive`, else this host. An empty name is EAI_NONAME.
    std::optional<std::string> host = std::nullopt;
    /// A name, as in /etc/services, or a port from 0 to 65535 as text. Unset: port 0. One of the two has to be there.
    std::optional<std::string> service = std::nullopt;

    address_family family = address_family::any; ///< addresses of this family alone
    socket_type type = socket_type::any;         ///< any: a result for each type that the service has
    int protocol = 0;                            ///< an IPPROTO_ number; 0: every protocol

    bool canonical_name = false; ///< AI_CANONNAME: the first result carries the host's own name
    bool passive = false;        ///< AI_PASSIVE: addresses to bind to rather than to connect to
    bool numeric_host = false;   ///< AI_NUMERICHOST: the host is an address, and nothing is looked up
    bool configured_families =
        false; ///< AI_ADDRCONFIG: only families of which this host has an address, loopback apart
};

/// A numeric address and a port, with what IPv6 adds.
struct socket_address_info {
    std::string host;            ///< without a scope
    std::uint16_t port = 0;      ///< 0: none
    std::uint32_t flow_info = 0; ///< of IPv6 (RFC 6437)
    std::uint32_t scope_id = 0;  ///< the interface's index; 0: none

    friend bool operator==(const socket_address_info&, const socket_address_info&) = default;
};

/// One result of resolve(): what socket() and connect() or bind() take.
struct address_info {
    address_family family = address_family::any; ///< IPv4 or IPv6
    socket_type type = socket_type::any;         ///< also values without a name here, such as SOCK_SEQPACKET
    int protocol = 0;                            ///< IPPROTO_TCP, ...; 0: any
    std::string canonical_name;                  ///< empty unless it was asked for, and in all results but the first
    socket_address_info address;                 ///< where it is

    friend bool operator==(const address_info&, const address_info&) = default;
};

/// What a host is called and where it is.
struct host_entry {
    std::string name;                   ///< the canonical name
    std::vector<std::string> aliases;   ///< other names of it
    std::vector<std::string> addresses; ///< numeric

    friend bool operator==(const host_entry&, const host_entry&) = default;
};

/// Every address for a host and a service, in the order in which they should be tried (RFC 6724). At least one.
HAWSER_EXPORT awaitable<std::vector<address_info>> resolve(address_query query, duration timeout = lookup_timeout);

// ---- Named as in Python's socket module

/// The same as resolve().
inline awaitable<std::vector<address_info>> getaddrinfo(address_query query, duration timeout = lookup_timeout)
{
    return resolve(std::move(query), timeout);
}

/// The first IPv4 address of a host: resolve() with address_family::inet, but 0.0.0.0 for an empty name, and
/// 255.255.255.255 for "<broadcast>". A name with IPv6 addresses alone is EAI_ADDRFAMILY or EAI_NODATA: resolve() knows
/// those.
HAWSER_EXPORT awaitable<std::string> gethostbyname(std::string name, duration timeout = lookup_timeout);

/// The name, the aliases and all IPv4 addresses of a host. Errors as gethostbyname(), and those of host_errc.
HAWSER_EXPORT awaitable<host_entry> gethostbyname_ex(std::string name, duration timeout = lookup_timeout);

/// The same by an address, IPv4 or IPv6, or by a name, which is looked up first. Errors of that first look-up are EAI_,
/// those of the second host_errc.
HAWSER_EXPORT awaitable<host_entry> gethostbyaddr(std::string name_or_address, duration timeout = lookup_timeout);

/// The full name: of what gethostbyaddr() gives, the name and then the aliases, the first with a period; the name if
/// none has one. The name as it was given, without white space around it, if that look-up finds nothing. An empty name,
/// 0.0.0.0 and :: stand for gethostname().
HAWSER_EXPORT awaitable<std::string> getfqdn(std::string name, duration timeout = lookup_timeout);
HAWSER_EXPORT awaitable<std::string> getfqdn(); ///< of this host

/// This host's own name, which the kernel knows: there is nothing to wait for. Thread safe. Throws hawser::error.
HAWSER_EXPORT std::string gethostname();

} // namespace hawser::inline v0_1

/// @cond
template <>
struct boost::system::is_error_code_enum<hawser::name_errc> : std::true_type {};
template <>
struct boost::system::is_error_code_enum<hawser::host_errc> : std::true_type {};
/// @endcond

#endif
