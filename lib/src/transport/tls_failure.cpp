// SPDX-License-Identifier: BSL-1.0

// What ends TLS on a connection, in words: a check of the peer's certificate, an alert, a record, the socket.
#include "tls/certificates.hpp"
#include "transport/tls_engine.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace hawser::inline v0_1::detail {
namespace {

errc check_that_failed(int verify_error) noexcept
{
    switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return errc::certificate_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return errc::certificate_not_yet_valid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return errc::certificate_wrong_name;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return errc::certificate_self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED: return errc::certificate_unknown_authority;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN: return errc::certificate_wrong_purpose;
    case X509_V_ERR_CERT_REVOKED: return errc::certificate_revoked;
    default: return errc::certificate_refused;
    }
}

std::string which_check(int error, const X509& certificate, const std::string& host)
{
    const std::string subject = subject_of(certificate);
    switch (check_that_failed(error)) {
    case errc::certificate_expired:
        return "certificate of " + subject + " has expired on " + in_words(*X509_get0_notAfter(&certificate));
    case errc::certificate_not_yet_valid:
        return "certificate of " + subject + " is not valid before " + in_words(*X509_get0_notBefore(&certificate));
    case errc::certificate_wrong_name: {
        const std::string names = names_of(certificate);
        return "certificate is for " + (names.empty() ? "no host" : names) + ", wanted \"" + host + '"';
    }
    case errc::certificate_self_signed: return "certificate of " + subject + " is self-signed, and not trusted";
    case errc::certificate_unknown_authority:
        return "certificate of " + subject + " is issued by " + issuer_of(certificate) +
               ", an authority that is not trusted";
    case errc::certificate_wrong_purpose:
        return "certificate of " + subject + " is for another purpose (" + X509_verify_cert_error_string(error) + ')';
    case errc::certificate_revoked: return "certificate of " + subject + " was revoked by " + issuer_of(certificate);
    default: return "certificate of " + subject + " was refused: " + X509_verify_cert_error_string(error);
    }
}

bool awaits_certificates(const SSL& ssl) noexcept
{
    const OSSL_HANDSHAKE_STATE state = SSL_get_state(&ssl);
    return state == TLS_ST_SR_CERT || state == TLS_ST_CR_CERT;
}

} // namespace

// Whether the operation has not succeeded because the peer's last alert is an error. OpenSSL says so, for only it knows
// which version is spoken: in TLS 1.2 the alerts of the level "fatal" are errors, and warnings are passed over; in
// TLS 1.3 all but close_notify and user_canceled are, whatever their level says (RFC 8446, section 6).
bool tls_engine::refused_by_alert() const noexcept
{
    const unsigned long e = ERR_peek_last_error();
    return alert_ >= 0 && ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) == SSL_AD_REASON_OFFSET + alert_;
}

// After an operation of OpenSSL's that has not succeeded.
tls_engine::step tls_engine::stopped() noexcept
{
    if (blocked_)
        return step::wants_output;
    if (starved_)
        return step::wants_input;
    if (alert_ == SSL_AD_CLOSE_NOTIFY && established_ && !refused_by_alert()) {
        ended_ = true;
        ERR_clear_error();
        return step::ended;
    }
    failed_ = true;
    try {
        explain();
    } catch (...) { // no memory for words
        error_ = errc::handshake_failed;
    }
    ERR_clear_error();
    return step::failed;
}

void tls_engine::explain()
{
    const unsigned long e = ERR_peek_last_error();
    const int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
    const std::string_view during = established_ ? "" : " during the handshake";
    if (error_) // a certificate's check has said it already
        return;
    if (socket_error_)
        return fail(socket_error_, {"connection failed", during, ": ", socket_error_.message()});
    if (refused_by_alert())
        return fail(errc::refused_by_peer,
                    {"peer sent the alert \"", SSL_alert_desc_string_long(alert_), "\"", during});
    if (end_of_input_ || alert_ == SSL_AD_CLOSE_NOTIFY)
        return fail(errc::refused_by_peer, {"peer ended the connection during the handshake"});
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        return fail(errc::certificate_missing, {"peer showed no certificate"});
    if (reason == SSL_R_EXCESSIVE_MESSAGE_SIZE && awaits_certificates(*ssl_))
        return fail(errc::certificate_refused, {"peer's certificates take more than ",
                                                std::to_string(SSL_get_max_cert_list(ssl_.get())), " bytes"});
    if (reason == SSL_R_NO_APPLICATION_PROTOCOL)
        return fail(errc::no_application_protocol, {"peer speaks none of our application protocols (ALPN)"});
    if (established_)
        return fail(errc::record_refused, {"TLS record refused: ", take_openssl_error()});
    fail(errc::handshake_failed, {"handshake failed: ", take_openssl_error()});
}

void tls_engine::note_refused(X509_STORE_CTX& chain)
{
    const int error = X509_STORE_CTX_get_error(&chain);
    const X509* certificate = X509_STORE_CTX_get_current_cert(&chain);
    if (certificate == nullptr)
        certificate = X509_STORE_CTX_get0_cert(&chain);
    error_ = check_that_failed(error);
    words_ = certificate != nullptr ? which_check(error, *certificate, host_) : X509_verify_cert_error_string(error);
}

const error_code& tls_engine::truncated() noexcept
{
    fail(errc::stream_truncated, {"connection ended without the end of its TLS stream"});
    failed_ = false; // this side can go on sending
    return error_;
}

void tls_engine::fail(const error_code& e, std::initializer_list<std::string_view> words) noexcept
{
    failed_ = true;
    error_ = e;
    try {
        words_.clear();
        for (const std::string_view w : words)
            words_ += w;
    } catch (const std::bad_alloc&) { // then there are fewer
    }
}

} // namespace hawser::inline v0_1::detail
