// SPDX-License-Identifier: BSL-1.0

// The errors of Hawser's own, beside those of the kernel: each deadline, each way a frame can be wrong,
// each limit, each check of TLS, by its cause.
//
// The other parts of the library have enums of their own: http::errc (http/error.hpp), messages::errc
// (message/error.hpp), datagram_errc (datagram.hpp), name_errc and host_errc (names.hpp).
//
// Uses Boost.System alone. Kernel errors keep their own category; symbol() names any kind.
#ifndef HAWSER_ERROR_HPP
#define HAWSER_ERROR_HPP

#include <hawser/detail/boost_version.hpp>
#include <hawser/detail/export.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace hawser::inline v0_1 {

using boost::system::error_code;
using boost::system::system_error;

/// What the core of Hawser reports. The symbol of each, as symbol() gives it, is its name here.
enum class errc {
    // Deadlines, by cause.
    connect_timeout = 1, ///< no connection within connect_timeout
    handshake_timeout,   ///< the TLS handshake took too long
    accept_timeout,      ///< nobody connected within the timeout given to acceptor::accept()
    idle_timeout,        ///< no byte either way while waiting between two frames
    frame_timeout,       ///< a frame was begun and not finished in time: a slow sender
    write_timeout,       ///< the peer took too little of the waiting output: a slow reader
    drain_timeout,       ///< the session outlived the drain deadline

    // Frames.
    frame_too_large,   ///< longer than framing::max_payload(), or than the length field can say
    length_too_small,  ///< a length that is less than what it covers
    malformed_length,  ///< a varint or netstring head that no encoder writes
    malformed_frame,   ///< what follows the payload is not what the format says
    truncated_head,    ///< the stream ended inside a head
    truncated_payload, ///< the stream ended inside a payload

    // Connections and limits.
    data_limit,            ///< one byte more than limits::data_limit lets a peer send
    connection_closed,     ///< this side has closed the connection
    too_many_from_address, ///< over the limit of connections from one address
    too_many_connections,  ///< over the limit of all connections, at a listener that refuses then
    shed,                  ///< closed to make room for others, between two units or before its first was whole
    shut_down,             ///< this side has ended its output (half-close), and then wrote
    second_thread,         ///< a second thread runs the io_context that a runtime wraps
    unexpected_end,        ///< the peer ended the stream inside a unit, or before read_exactly() had its bytes

    // TLS: the stream.
    not_tls,                 ///< the peer's first bytes are not those of a TLS handshake
    handshake_failed,        ///< no version, cipher or group in common, or a handshake that makes no sense
    refused_by_peer,         ///< the peer ended TLS with an alert that is an error, or a handshake without one
    no_application_protocol, ///< none of the application protocols (ALPN) that the other side speaks
    stream_truncated,        ///< the connection ended without TLS's own end of the stream: what came may be a part
    record_refused,          ///< a record that is forged, damaged, too large or out of place

    // TLS: certificates, the peer's and one's own.
    certificate_missing,           ///< the peer showed none, and has to
    certificate_expired,           ///< its time is over
    certificate_not_yet_valid,     ///< its time has not come
    certificate_wrong_name,        ///< it is another host's
    certificate_unknown_authority, ///< nobody trusted issued it
    certificate_self_signed,       ///< nobody but itself issued it, and it is not trusted
    certificate_wrong_purpose,     ///< it is not for servers, not for clients, or not for issuing others
    certificate_revoked,           ///< its issuer has taken it back
    certificate_refused,           ///< another check of the chain failed
    invalid_certificate,           ///< a file or text that holds no certificate
    invalid_key,                   ///< a file or text that holds no private key
    key_mismatch,                  ///< a private key that is not the certificate's

    // Names and endpoints.
    invalid_endpoint, ///< an endpoint string that cannot be read
    out_of_ports,     ///< each port that this host could have connected from is in use
    resolver_busy,    ///< too many name look-ups are waiting already
    lookup_timeout,   ///< a name look-up took longer than its timeout
};

/// The category of errc: its name is "hawser".
HAWSER_EXPORT const boost::system::error_category& category() noexcept;

/// Lets errc be compared with, and stored as, an error_code.
inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), category()};
}

/// The symbol of an error as a reader can search for it: "ECONNREFUSED" for the kernel's own, "EAI_NONAME" for a
/// name look-up's, "HOST_NOT_FOUND" for an address's, "idle_timeout" for Hawser's. For a category that has no symbols,
/// "category:value".
HAWSER_EXPORT std::string symbol(const error_code& e);

/// What the library throws when something fails: the root of all of its exceptions that have a code, which stays to be
/// compared. Misuse is std::logic_error and what derives from it (an option out of range: std::invalid_argument), want
/// of memory is std::bad_alloc, and what a callback of the user's throws is thrown on.
class HAWSER_EXPORT error : public system_error
{
public:
    /// An error of this code; what() is the code's message.
    explicit error(const error_code& code) : error{code, code.message()} {}

    /// The same with a sentence of its own, which names the value and what was expected.
    error(const error_code& code, std::string sentence) : system_error{code}, sentence_{std::move(sentence)} {}

    const char* what() const noexcept override { return sentence_.c_str(); } ///< the sentence

private:
    std::string sentence_;
};

/// A frame that was refused, by its format or its limit, on the way in or out.
class HAWSER_EXPORT frame_error : public error
{
public:
    using error::error;
};

/// An endpoint that cannot be read, or cannot be had.
class HAWSER_EXPORT endpoint_error : public error
{
public:
    using error::error;
};

} // namespace hawser::inline v0_1

/// @cond
template <>
struct boost::system::is_error_code_enum<hawser::errc> : std::true_type {};
/// @endcond

#endif
