// SPDX-License-Identifier: BSL-1.0
#include <hawser/error.hpp>

#include <netdb.h>

#include <boost/asio/error.hpp>

#include <array>
#include <cstring>

namespace hawser {
namespace {

struct name_and_meaning {
    const char* name;
    const char* meaning;
};

name_and_meaning words(int value) noexcept
{
    switch (static_cast<errc>(value)) {
    case errc::connect_timeout: return {"connect_timeout", "no connection before the deadline"};
    case errc::handshake_timeout: return {"handshake_timeout", "no handshake before the deadline"};
    case errc::accept_timeout: return {"accept_timeout", "nobody connected before the deadline"};
    case errc::idle_timeout: return {"idle_timeout", "no byte before the idle deadline"};
    case errc::frame_timeout: return {"frame_timeout", "frame not finished before its deadline (slow sender)"};
    case errc::write_timeout: return {"write_timeout", "output not taken before the deadline (slow reader)"};
    case errc::drain_timeout: return {"drain_timeout", "session not ended before the drain deadline"};
    case errc::frame_too_large: return {"frame_too_large", "frame longer than the limit"};
    case errc::length_too_small: return {"length_too_small", "frame length less than what it counts"};
    case errc::malformed_length: return {"malformed_length", "frame length that no encoder writes"};
    case errc::malformed_frame: return {"malformed_frame", "frame that its format does not allow"};
    case errc::truncated_head: return {"truncated_head", "stream ended inside the head of a frame"};
    case errc::truncated_payload: return {"truncated_payload", "stream ended inside the payload of a frame"};
    case errc::data_limit: return {"data_limit", "more bytes than a connection may send"};
    case errc::connection_closed: return {"connection_closed", "connection was closed on this side"};
    case errc::too_many_from_address: return {"too_many_from_address", "more connections than one address may have"};
    case errc::too_many_connections: return {"too_many_connections", "too many connections"};
    case errc::shed: return {"shed", "closed to make room for others"};
    case errc::shut_down: return {"shut_down", "write after the output was ended"};
    case errc::unexpected_end: return {"unexpected_end", "stream ended before the bytes that were asked for"};
    case errc::second_thread: return {"second_thread", "a second thread in an io_context that one thread may run"};
    case errc::not_tls: return {"not_tls", "peer does not speak TLS"};
    case errc::handshake_failed: return {"handshake_failed", "TLS handshake failed"};
    case errc::refused_by_peer: return {"refused_by_peer", "peer ended TLS with an alert"};
    case errc::no_application_protocol: return {"no_application_protocol", "no application protocol (ALPN) in common"};
    case errc::stream_truncated: return {"stream_truncated", "connection ended without the end of its TLS stream"};
    case errc::record_refused: return {"record_refused", "TLS record that is damaged or out of place"};
    case errc::certificate_missing: return {"certificate_missing", "peer showed no certificate"};
    case errc::certificate_expired: return {"certificate_expired", "certificate has expired"};
    case errc::certificate_not_yet_valid: return {"certificate_not_yet_valid", "certificate is not yet valid"};
    case errc::certificate_wrong_name: return {"certificate_wrong_name", "certificate is another host's"};
    case errc::certificate_unknown_authority:
        return {"certificate_unknown_authority", "certificate's issuer is not trusted"};
    case errc::certificate_self_signed:
        return {"certificate_self_signed", "certificate is self-signed and not trusted"};
    case errc::certificate_wrong_purpose: return {"certificate_wrong_purpose", "certificate is for another purpose"};
    case errc::certificate_revoked: return {"certificate_revoked", "certificate was revoked"};
    case errc::certificate_refused: return {"certificate_refused", "certificate was refused"};
    case errc::invalid_certificate: return {"invalid_certificate", "no certificate in PEM form"};
    case errc::invalid_key: return {"invalid_key", "no private key in PEM form"};
    case errc::key_mismatch: return {"key_mismatch", "private key is not the certificate's"};
    case errc::receive_timeout: return {"receive_timeout", "no datagram before the deadline"};
    case errc::send_timeout: return {"send_timeout", "no room for a datagram before the deadline"};
    case errc::answer_too_large: return {"answer_too_large", "more than may answer one datagram"};
    case errc::request_refused: return {"request_refused", "HTTP request that was refused"};
    case errc::invalid_url: return {"invalid_url", "URL that cannot be asked for"};
    case errc::invalid_response: return {"invalid_response", "response that breaks HTTP/1.1"};
    case errc::response_timeout: return {"response_timeout", "head of the response not whole before its deadline"};
    case errc::body_timeout: return {"body_timeout", "no byte of the body before the deadline"};
    case errc::too_many_redirects: return {"too_many_redirects", "more redirections than the limit"};
    case errc::redirect_loop: return {"redirect_loop", "redirections that come back to where they were"};
    case errc::redirect_refused: return {"redirect_refused", "redirection that is not to be followed"};
    case errc::unsuccessful: return {"unsuccessful", "response with a status of 400 or more"};
    case errc::invalid_message_header: return {"invalid_message_header", "message whose header cannot be read"};
    case errc::invalid_message_field: return {"invalid_message_field", "message with a field that it may not have"};
    case errc::invalid_message_content: return {"invalid_message_content", "message whose content is not what it says"};
    case errc::message_too_large: return {"message_too_large", "message longer than the limit"};
    case errc::invalid_endpoint: return {"invalid_endpoint", "endpoint that cannot be used"};
    case errc::out_of_ports: return {"out_of_ports", "every port that could be connected from is in use"};
    case errc::resolver_busy: return {"resolver_busy", "too many name look-ups are waiting"};
    case errc::lookup_timeout: return {"lookup_timeout", "no answer to a name look-up before the deadline"};
    case errc::invalid_name: return {"invalid_name", "name that cannot be looked up"};
    }
    return {"unknown", "unknown error"};
}

class hawser_category final : public boost::system::error_category
{
public:
    const char* name() const noexcept override { return "hawser"; }
    std::string message(int value) const override { return words(value).meaning; }
};

name_and_meaning host_words(int value) noexcept
{
    switch (static_cast<host_errc>(value)) {
    case host_errc::host_not_found: return {"HOST_NOT_FOUND", "Unknown host"};
    case host_errc::try_again: return {"TRY_AGAIN", "Host name lookup failure"};
    case host_errc::no_recovery: return {"NO_RECOVERY", "Unknown server error"};
    case host_errc::no_data: return {"NO_DATA", "No address associated with name"};
    }
    return {"unknown", "unknown error"};
}

class host_error_category final : public boost::system::error_category
{
public:
    const char* name() const noexcept override { return "host"; }
    std::string message(int value) const override { return host_words(value).meaning; }
};

// Names of getaddrinfo's errors; the C library has only their sentences.
std::string resolver_symbol(int value)
{
    struct entry {
        int value;
        const char* name;
    };
    static constexpr std::array entries{
        entry{EAI_NONAME, "EAI_NONAME"},         entry{EAI_AGAIN, "EAI_AGAIN"},     entry{EAI_FAIL, "EAI_FAIL"},
        entry{EAI_FAMILY, "EAI_FAMILY"},         entry{EAI_SERVICE, "EAI_SERVICE"}, entry{EAI_SOCKTYPE, "EAI_SOCKTYPE"},
        entry{EAI_MEMORY, "EAI_MEMORY"},         entry{EAI_SYSTEM, "EAI_SYSTEM"},   entry{EAI_BADFLAGS, "EAI_BADFLAGS"},
        entry{EAI_OVERFLOW, "EAI_OVERFLOW"},
#ifdef EAI_ADDRFAMILY // of the GNU C library
        entry{EAI_ADDRFAMILY, "EAI_ADDRFAMILY"}, entry{EAI_NODATA, "EAI_NODATA"},
#endif
    };
    for (const entry& e : entries)
        if (e.value == value)
            return e.name;
    return {};
}

} // namespace

const boost::system::error_category& category() noexcept
{
    static const hawser_category instance;
    return instance;
}

const boost::system::error_category& host_category() noexcept
{
    static const host_error_category instance;
    return instance;
}

std::string symbol(const error_code& e)
{
    if (e.category() == category())
        return words(e.value()).name;
    if (e.category() == host_category())
        return host_words(e.value()).name;
    if (e.category() == boost::system::system_category() || e.category() == boost::system::generic_category())
        if (const char* name = ::strerrorname_np(e.value()))
            return name;
    if (e.category() == boost::asio::error::get_addrinfo_category())
        if (std::string name = resolver_symbol(e.value()); !name.empty())
            return name;
    if (e == boost::asio::error::eof)
        return "end_of_stream";
    if (e == boost::asio::error::host_not_found)
        return "EAI_NONAME";
    if (e == boost::asio::error::host_not_found_try_again)
        return "EAI_AGAIN";
    return std::string{e.category().name()} + ':' + std::to_string(e.value());
}

} // namespace hawser
