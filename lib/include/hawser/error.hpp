// SPDX-License-Identifier: BSL-1.0

// The errors of Hawser's own, beside those of the kernel: each deadline, each way a frame can be wrong,
// each limit, each check of TLS, by its cause.
//
// Uses Boost.System alone. Kernel errors keep their own category; symbol() names either kind.
#ifndef HAWSER_ERROR_HPP
#define HAWSER_ERROR_HPP

#include <hawser/detail/export.hpp>

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace hawser {

using boost::system::error_code;
using boost::system::system_error;

/// What Hawser itself reports. The symbol of each, as symbol() gives it, is its name here.
enum class errc {
    // Deadlines, by cause.
    connect_timeout = 1, ///< no connection within the total connect deadline
    handshake_timeout,   ///< the TLS handshake took too long
    accept_timeout,      ///< nobody connected before the deadline given to acceptor::accept
    idle_timeout,        ///< no byte either way while waiting between two frames
    frame_timeout,       ///< a frame was begun and not finished in time: a slow sender
    write_timeout,       ///< the peer took too little of the waiting output: a slow reader
    drain_timeout,       ///< the session outlived the drain deadline

    // Frames.
    frame_too_large,   ///< longer than the limit, or than the length field can say
    length_too_small,  ///< a length that is less than what it counts
    malformed_length,  ///< a varint or netstring head that no encoder writes
    malformed_frame,   ///< what follows the payload is not what the format says
    truncated_head,    ///< the stream ended inside a head
    truncated_payload, ///< the stream ended inside a payload

    // Connections and limits.
    data_limit,            ///< one byte more than the connection may send in all
    connection_closed,     ///< this side has closed the connection
    too_many_from_address, ///< over the limit of connections from one address
    too_many_connections,  ///< over the limit of all connections, at a listener that refuses then
    shed,                  ///< closed to make room for others, between two units or before its first was whole
    shut_down,             ///< this side has ended its output (half-close), and then wrote
    second_thread,         ///< a second thread runs the io_context that a runtime wraps
    unexpected_end,        ///< the peer ended the stream inside what read(n) was promised

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

    // Datagrams.
    receive_timeout,  ///< no datagram before the deadline given to datagram_socket::receive_from
    send_timeout,     ///< the kernel had no room for a datagram before the deadline given
    answer_too_large, ///< more than datagram_options::answer_limit in answer to one datagram

    // HTTP: a server.
    request_refused, ///< a request that was answered with an error and its connection ended

    // HTTP, as a client meets it.
    invalid_url,        ///< a URL that cannot be read, or that is neither http nor https
    invalid_response,   ///< the server's head or the framing of its body breaks HTTP/1.1
    response_timeout,   ///< the head of the response did not come whole in time
    body_timeout,       ///< no byte of the body came for too long
    too_many_redirects, ///< one more than the limit
    redirect_loop,      ///< a redirection to a URL that was asked for before
    redirect_refused,   ///< a redirection from https to http, or without one clear target
    unsuccessful,       ///< the response's status is 400 or more

    // Application messages.
    invalid_message_header,  ///< a header that is no JSON object, or whose length is 0 or above the limit
    invalid_message_field,   ///< a field of the header that is missing, there twice, or of a value it may not have
    invalid_message_content, ///< content that is not what its header says
    message_too_large,       ///< content longer than the limit

    // Names and endpoints.
    invalid_endpoint, ///< an endpoint string that cannot be read
    out_of_ports,     ///< each port that this host could have connected from is in use
    resolver_busy,    ///< too many name look-ups are waiting already
    lookup_timeout,   ///< a name look-up took longer than its deadline
    invalid_name,     ///< a host or service name that no look-up can find
};

/// The category of errc: its name is "hawser".
HAWSER_EXPORT const boost::system::error_category& category() noexcept;

/// Lets errc be compared with, and stored as, an error_code.
inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), category()};
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

/// The symbol of an error as a reader can search for it: "ECONNREFUSED" for the kernel's own, "EAI_NONAME" for a
/// name look-up's, "HOST_NOT_FOUND" for an address's, "idle_timeout" for Hawser's. For a category that has no symbols,
/// "category:value".
HAWSER_EXPORT std::string symbol(const error_code& e);

/// An error with a sentence of its own: what() names the value and what was expected, code() stays to be compared.
class HAWSER_EXPORT described_error : public system_error
{
public:
    /// An error of this code; what() is the sentence.
    described_error(const error_code& code, std::string sentence) : system_error{code}, sentence_{std::move(sentence)}
    {}
    const char* what() const noexcept override { return sentence_.c_str(); } ///< the sentence

private:
    std::string sentence_;
};

/// A frame that was refused, by its format or its limit, on the way in or out.
class HAWSER_EXPORT frame_error : public described_error
{
public:
    using described_error::described_error;
};

/// An endpoint that cannot be read, or cannot be had.
class HAWSER_EXPORT endpoint_error : public described_error
{
public:
    using described_error::described_error;
};

} // namespace hawser

/// @cond
template <>
struct boost::system::is_error_code_enum<hawser::errc> : std::true_type {};
template <>
struct boost::system::is_error_code_enum<hawser::host_errc> : std::true_type {};
/// @endcond

#endif
