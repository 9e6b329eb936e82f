// SPDX-License-Identifier: BSL-1.0

// What the handshakes of one configuration share: certificates, authorities, protocols, policy.
//
//     tls_configuration   a listener's: the context of now, and how it is loaded anew
//     tls_context         immutable; whoever shakes hands holds it, whatever has been loaded since
//
// Policy: TLS 1.2 and newer; ECDHE with AES-GCM or ChaCha20-Poly1305; X25519, P-256, P-384; OpenSSL's security level 2
// (no SHA-1 signatures, no RSA below 2048 bits); no renegotiation, compression or early data. Sessions are resumed by
// tickets, which cost a server no memory, or from a small cache, within the same configuration only.
#ifndef HAWSER_SRC_TLS_CONTEXT_HPP
#define HAWSER_SRC_TLS_CONTEXT_HPP

#include "tls/openssl.hpp"

#include <hawser/tls.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::detail {

class tls_context
{
public:
    /// Loads and checks everything. Throws tls_error naming a file, std::invalid_argument naming a field.
    explicit tls_context(const tls_server& options);
    explicit tls_context(const tls_client& options);
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    /// A connection's end of a handshake yet to begin. Throws std::bad_alloc.
    ssl_ptr make_server() const;
    /// The same for a client, which verifies that the peer is `host`, a name or an address.
    ssl_ptr make_client(const std::string& host) const;

    /// When the first of the server's own certificates expires.
    std::chrono::system_clock::time_point expires() const noexcept { return expires_; }

private:
    static int choose_name(SSL* ssl, int* alert, void* self) noexcept;
    static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                               unsigned in_size, void* self) noexcept;
    SSL_CTX* find_name(std::string_view host) const;
    ssl_context_ptr make_server_context(const tls_server& options, const tls_pair& pair);
    void ask_for_certificates(SSL_CTX& context, const tls_server& options) const;

    std::string protocols_; // as RFC 7301 encodes them
    std::string session_id_context_;
    ssl_context_ptr own_;
    std::map<std::string, ssl_context_ptr, std::less<>> names_; // in lower case
    std::chrono::system_clock::time_point expires_ = std::chrono::system_clock::time_point::max();
};

class tls_configuration
{
public:
    explicit tls_configuration(tls_server options);

    std::shared_ptr<const tls_context> now() const;

    /// What the files hold now. Throws as the constructor does.
    std::shared_ptr<const tls_context> load() const;
    void use(std::shared_ptr<const tls_context> next);

private:
    const tls_server options_;
    mutable std::mutex mutex_;
    std::shared_ptr<const tls_context> now_;
};

} // namespace hawser::inline v0_1::detail

#endif
