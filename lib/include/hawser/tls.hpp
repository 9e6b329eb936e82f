// SPDX-License-Identifier: BSL-1.0

// TLS: what a server shows and asks for, what a client verifies, and the facts of a session.
//
//     server.listen("tls://[::]:7443", handler, {.tls = hawser::tls_server{.certificate_chain = "server.pem",
//                                                                          .private_key = "server.key"}});
//     auto peer = co_await hawser::connect("tls://example.org:7443");
//
// TLS 1.2 (RFC 5246) and 1.3 (RFC 8446), forward secrecy and authenticated ciphers only, no renegotiation, no
// compression, no early data. A client always verifies the chain and the name: nothing here switches that off, and a
// test passes an authority of its own. Uses nothing of Asio, nor of OpenSSL.
#ifndef HAWSER_TLS_HPP
#define HAWSER_TLS_HPP

#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hawser::inline v0_1 {

/// Certificates or a key in PEM form (RFC 7468): a file, or the text itself. A string stands for a file's path.
class pem
{
public:
    /// Neither.
    pem() = default;
    /// A file's path.
    pem(std::string path) : value_{std::move(path)} {} // NOLINT(google-explicit-constructor)
    /// A file's path.
    pem(const char* path) : value_{path} {} // NOLINT(google-explicit-constructor)

    /// The text itself, from `-----BEGIN` on.
    static pem text(std::string text)
    {
        pem p{std::move(text)};
        p.in_memory_ = true;
        return p;
    }

    bool empty() const noexcept { return value().empty(); } ///< whether it is neither file nor text
    bool in_memory() const noexcept { return in_memory_; }  ///< whether it is the text itself
    /// The path or the text.
    const std::string& value() const noexcept
    {
        static const std::string nothing;
        return value_ ? *value_ : nothing;
    }

    /// How an error names it: the path, or "PEM text in memory".
    std::string name() const { return in_memory_ ? "PEM text in memory" : value(); }

    friend bool operator==(const pem&, const pem&) = default;

private:
    std::optional<std::string> value_;
    bool in_memory_ = false;
};

/// A certificate with the authorities between it and a root, leaf first, and the key of the first.
/// The key is not encrypted: who may read it is the file system's matter.
struct tls_pair {
    pem certificate_chain = {}; ///< PEM, leaf first
    pem private_key = {};       ///< PEM, not encrypted

    friend bool operator==(const tls_pair&, const tls_pair&) = default;
};

/// Whether a server asks its clients for a certificate.
enum class client_certificates : std::uint8_t {
    none,     ///< it does not
    optional, ///< it does; who has none is served, and who shows a bad one is refused
    required, ///< it does; who has none is refused
};

/// How a listener speaks TLS. Everything is loaded and checked when the listener is made, and again at
/// server::reload_tls(): a file that is missing or cannot be read, a key that is another certificate's, a certificate
/// that has expired or is not yet valid are refused with a tls_error that names the file.
struct tls_server {
    /// Shown to clients that name no host, or one that `sni` does not have. Both are required.
    pem certificate_chain = {};
    pem private_key = {}; ///< of the first certificate

    /// The application protocols spoken (RFC 7301), the preferred first; 1 to 255 bytes each. A client that offers some
    /// and none of these gets the alert no_application_protocol. Empty: none is agreed on.
    std::vector<std::string> alpn = {};

    /// For clients that name a host (SNI, RFC 6066): "example.org" is that name, "*.example.org" any one label before
    /// it; letters compare without case, and the exact name goes first.
    std::map<std::string, tls_pair> sni = {};

    /// Unless `none`, `client_ca` says who may have issued the certificates. A certificate has to allow use by clients;
    /// with those that a client sends with it, it may take 16 KiB: certificate_refused.
    hawser::client_certificates client_certificates = hawser::client_certificates::none;
    pem client_ca = {}; ///< who may have issued the clients'

    /// What those authorities have taken back (certificate revocation lists, RFC 5280), one list for each of them at
    /// least. Unset: nothing is known to be.
    pem client_crl = {};

    friend bool operator==(const tls_server&, const tls_server&) = default;
};

/// How a client speaks TLS. It always verifies the server's chain, purpose, dates and name (RFC 9525).
///
/// Files are read beside the loop, in the pool of look-ups. What was loaded for the four sets of options that were used
/// last is kept, and used again as long as their files have not changed.
struct tls_client {
    /// The authorities to trust instead of the system's. Unset: the system's trust store.
    pem ca = {};

    /// The application protocols offered (RFC 7301), the preferred first. A server may choose none of them.
    std::vector<std::string> alpn = {};

    /// The name that the certificate has to have, and that is sent as SNI unless it is an address; a period at its end
    /// is left out of both. Unset: the endpoint's host.
    std::optional<std::string> server_name = std::nullopt;

    /// Shown to a server that asks. Unset: none is.
    pem certificate_chain = {};
    pem private_key = {}; ///< of the first certificate

    friend bool operator==(const tls_client&, const tls_client&) = default;
};

/// What was agreed on in a handshake.
struct tls_info {
    std::string version;      ///< "TLSv1.3" or "TLSv1.2"
    std::string cipher;       ///< its standard name: "TLS_AES_256_GCM_SHA384"
    std::string alpn;         ///< the protocol agreed on; empty: none
    std::string server_name;  ///< the host that the client named (SNI); empty: none. A peer's bytes on a server.
    bool resumed = false;     ///< from an earlier session, without certificates
    std::string peer_subject; ///< the peer's certificate's subject (RFC 2253); empty: it showed none
};

/// What went wrong with TLS: certificates that cannot be used, or a handshake or a record that failed. what() says
/// which check failed, and on what.
class HAWSER_EXPORT tls_error : public error
{
public:
    using error::error;
};

} // namespace hawser::inline v0_1

#endif
