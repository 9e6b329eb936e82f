// SPDX-License-Identifier: BSL-1.0
#include <hawser/error.hpp>

#include "values/error_category.hpp"

#include <netdb.h>

#include <boost/asio/error.hpp>

#include <array>
#include <atomic>
#include <cstring>

namespace hawser::inline v0_1 {
namespace {

using detail::error_words;

error_words core_words(int value) noexcept
{
    switch (static_cast<errc>(value)) {
    case errc::connect_timeout: return {"connect_timeout", "no connection within the timeout"};
    case errc::handshake_timeout: return {"handshake_timeout", "no handshake within the timeout"};
    case errc::accept_timeout: return {"accept_timeout", "nobody connected within the timeout"};
    case errc::idle_timeout: return {"idle_timeout", "no byte before the idle deadline"};
    case errc::frame_timeout: return {"frame_timeout", "frame not finished before its deadline (slow sender)"};
    case errc::write_timeout: return {"write_timeout", "output not taken within the timeout (slow reader)"};
    case errc::drain_timeout: return {"drain_timeout", "session not ended before the drain deadline"};
    case errc::frame_too_large: return {"frame_too_large", "frame longer than the limit"};
    case errc::length_too_small: return {"length_too_small", "frame length less than what it covers"};
    case errc::malformed_length: return {"malformed_length", "frame length that no encoder writes"};
    case errc::malformed_frame: return {"malformed_frame", "frame that its format does not allow"};
    case errc::truncated_head: return {"truncated_head", "stream ended inside the head of a frame"};
    case errc::truncated_payload: return {"truncated_payload", "stream ended inside the payload of a frame"};
    case errc::data_limit: return {"data_limit", "more bytes than limits::data_limit"};
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
    case errc::invalid_endpoint: return {"invalid_endpoint", "endpoint that cannot be used"};
    case errc::out_of_ports: return {"out_of_ports", "every port that could be connected from is in use"};
    case errc::resolver_busy: return {"resolver_busy", "too many name look-ups are waiting"};
    case errc::lookup_timeout: return {"lookup_timeout", "no answer to a name look-up within the timeout"};
    }
    return detail::unknown_error;
}

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
    static const detail::named_category instance{"hawser", core_words};
    return instance;
}

namespace detail {
namespace {

constinit std::atomic<const named_category*> newest_category{nullptr};

} // namespace

named_category::named_category(const char* name, error_words (*words)(int) noexcept) noexcept
    : name_{name}, words_{words}, older_{newest_category.load(std::memory_order_relaxed)}
{
    while (!newest_category.compare_exchange_weak(older_, this, std::memory_order_release))
        ;
}

const named_category* named_category::find(const boost::system::error_category& category) noexcept
{
    const named_category* found = newest_category.load(std::memory_order_acquire);
    while (found != nullptr && found != &category)
        found = found->older_;
    return found;
}

} // namespace detail

std::string symbol(const error_code& e)
{
    if (const auto* own = detail::named_category::find(e.category()))
        return own->symbol(e.value());
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

} // namespace hawser::inline v0_1
