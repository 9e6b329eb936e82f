// SPDX-License-Identifier: BSL-1.0
#include "tls/context.hpp"

#include "tls/certificates.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace hawser::inline v0_1::detail {
namespace {

constexpr const char* tls12_ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* tls13_ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr int security_level = 2;
constexpr int longest_chain = 8;                    // certificates between a leaf and its root
constexpr long largest_chain = 64L * 1024;          // bytes of a server's certificates
constexpr long largest_client_chain = 16L * 1024;   // of a client's: as much as OpenSSL has room for without more
constexpr long cached_sessions = 1024;              // of TLS 1.2 clients without tickets
constexpr long session_seconds = 3600;              // for which a session may be resumed
constexpr std::size_t tickets = 1;                  // that a handshake of TLS 1.3 gives
constexpr std::size_t longest_protocol = 255;       // RFC 7301
constexpr std::size_t longest_protocols = 65535;    // RFC 7301
constexpr std::size_t session_id_context_size = 32; // SSL_MAX_SID_CTX_LENGTH

void check(bool done)
{
    if (!done)
        throw tls_error{errc::handshake_failed, "OpenSSL: " + take_openssl_error()};
}

ssl_context_ptr make_context(const SSL_METHOD* method)
{
    ssl_context_ptr made{SSL_CTX_new(method)};
    if (!made)
        throw std::bad_alloc{};
    SSL_CTX* const c = made.get();
    check(SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1);
    check(SSL_CTX_set_max_proto_version(c, 0) == 1); // whatever the system's configuration says
    check(SSL_CTX_set_cipher_list(c, tls12_ciphers) == 1);
    check(SSL_CTX_set_ciphersuites(c, tls13_ciphers) == 1);
    check(SSL_CTX_set1_groups_list(c, groups) == 1);
    SSL_CTX_set_security_level(c, security_level);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(c, 1);
    SSL_CTX_set_max_cert_list(c, largest_chain);
    SSL_CTX_set_verify_depth(c, longest_chain);
    return made;
}

// The policy refuses small keys and weak signatures here.
void use_pair(SSL_CTX& context, const key_pair& pair, const pem& chain)
{
    bool used = SSL_CTX_use_certificate(&context, pair.chain.front().get()) == 1 &&
                SSL_CTX_use_PrivateKey(&context, pair.key.get()) == 1;
    for (std::size_t i = 1; used && i < pair.chain.size(); ++i)
        used = SSL_CTX_add1_chain_cert(&context, pair.chain[i].get()) == 1;
    if (!used)
        throw tls_error{errc::certificate_refused, chain.name() + ": certificate of " +
                                                       subject_of(*pair.chain.front()) +
                                                       " cannot be used: " + take_openssl_error()};
}

void trust(SSL_CTX& context, const pem& authorities)
{
    X509_STORE* const store = SSL_CTX_get_cert_store(&context);
    for (const certificate_ptr& c : load_certificates(authorities))
        check(X509_STORE_add_cert(store, c.get()) == 1);
}

// As RFC 7301 puts them on the wire: each after a byte that holds its length.
std::string encode(const std::vector<std::string>& protocols)
{
    std::string encoded;
    for (const std::string& p : protocols) {
        if (p.empty() || p.size() > longest_protocol)
            throw std::invalid_argument{"alpn: expected protocols of 1 to 255 bytes, got one of " +
                                        std::to_string(p.size())};
        encoded += static_cast<char>(p.size());
        encoded += p;
    }
    if (encoded.size() > longest_protocols)
        throw std::invalid_argument{"alpn: expected at most 65535 bytes in all, got " + std::to_string(encoded.size())};
    return encoded;
}

const unsigned char* bytes(const std::string& text) noexcept
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string lower_case(std::string_view text)
{
    std::string lower{text};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lower;
}

void check_complete(const char* where, const pem& chain, const pem& key)
{
    if (chain.empty() || key.empty())
        throw std::invalid_argument{std::string{where} + (chain.empty() ? "certificate_chain" : "private_key") +
                                    ": expected a file or PEM text, got nothing"};
}

bool is_address(const std::string& host) noexcept
{
    in6_addr parsed{};
    return ::inet_pton(AF_INET, host.c_str(), &parsed) == 1 || ::inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

ssl_ptr make(const ssl_context_ptr& from)
{
    ssl_ptr made{SSL_new(from.get())};
    if (!made)
        throw std::bad_alloc{};
    return made;
}

} // namespace

// ---- A server's

tls_context::tls_context(const tls_server& options) : protocols_{encode(options.alpn)}
{
    check_complete("tls_server.", options.certificate_chain, options.private_key);
    if (options.client_ca.empty() != (options.client_certificates == client_certificates::none))
        throw std::invalid_argument{options.client_ca.empty()
                                        ? "tls_server.client_ca: expected authorities for client certificates, got none"
                                        : "tls_server.client_ca: expected client_certificates optional or required"};
    if (!options.client_crl.empty() && options.client_ca.empty())
        throw std::invalid_argument{"tls_server.client_crl: expected client_ca too"};
    // Another at each load: who was let in by authorities of before shows a certificate again.
    session_id_context_.resize(session_id_context_size);
    check(RAND_bytes(reinterpret_cast<unsigned char*>(session_id_context_.data()), session_id_context_size) == 1);
    own_ = make_server_context(options, {options.certificate_chain, options.private_key});
    for (const auto& [name, pair] : options.sni) {
        if (name.empty())
            throw std::invalid_argument{"tls_server.sni: expected a host name, got an empty one"};
        const std::string where = "tls_server.sni[\"" + name + "\"].";
        check_complete(where.c_str(), pair.certificate_chain, pair.private_key);
        names_[lower_case(name)] = make_server_context(options, pair);
    }
    // Without names too: OpenSSL remembers a session's name only if somebody has taken it.
    SSL_CTX_set_tlsext_servername_callback(own_.get(), choose_name);
    SSL_CTX_set_tlsext_servername_arg(own_.get(), this);
}

ssl_context_ptr tls_context::make_server_context(const tls_server& options, const tls_pair& pair)
{
    const key_pair loaded = load_pair(pair.certificate_chain, pair.private_key);
    for (const certificate_ptr& c : loaded.chain)
        expires_ = std::min(expires_, end_of(*c));
    ssl_context_ptr made = make_context(TLS_server_method());
    SSL_CTX* const c = made.get();
    use_pair(*c, loaded, pair.certificate_chain);
    SSL_CTX_set_max_cert_list(c, largest_client_chain);
    SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    check(SSL_CTX_set_session_id_context(c, bytes(session_id_context_), session_id_context_size) == 1);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(c, cached_sessions);
    SSL_CTX_set_timeout(c, session_seconds);
    check(SSL_CTX_set_num_tickets(c, tickets) == 1);
    if (!protocols_.empty())
        SSL_CTX_set_alpn_select_cb(c, choose_protocol, this);
    if (options.client_certificates != client_certificates::none)
        ask_for_certificates(*c, options);
    return made;
}

void tls_context::ask_for_certificates(SSL_CTX& context, const tls_server& options) const
{
    const bool required = options.client_certificates == client_certificates::required;
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    trust(context, options.client_ca);
    for (const certificate_ptr& c : load_certificates(options.client_ca))
        check(SSL_CTX_add_client_CA(&context, c.get()) == 1);
    if (options.client_crl.empty())
        return;
    X509_STORE* const store = SSL_CTX_get_cert_store(&context);
    for (const crl_ptr& list : load_revocations(options.client_crl))
        check(X509_STORE_add_crl(store, list.get()) == 1);
    check(X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) == 1);
}

ssl_ptr tls_context::make_server() const
{
    ssl_ptr made = make(own_);
    SSL_set_accept_state(made.get());
    return made;
}

// The exact name first, then a star for its first label.
SSL_CTX* tls_context::find_name(std::string_view host) const
{
    std::string name = lower_case(host);
    auto found = names_.find(name);
    if (const auto dot = name.find('.'); found == names_.end() && dot != name.npos) {
        name.replace(0, dot, "*");
        found = names_.find(name);
    }
    return found == names_.end() ? nullptr : found->second.get();
}

// OpenSSL calls these two: nothing may be thrown through it.
int tls_context::choose_name(SSL* ssl, int* alert, void* self) noexcept
{
    try {
        const char* host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        if (host == nullptr)
            return SSL_TLSEXT_ERR_NOACK;
        if (SSL_CTX* found = static_cast<const tls_context*>(self)->find_name(host))
            SSL_set_SSL_CTX(ssl, found);
        return SSL_TLSEXT_ERR_OK;
    } catch (...) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
}

int tls_context::choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                                 unsigned in_size, void* self) noexcept
{
    const std::string& ours = static_cast<const tls_context*>(self)->protocols_;
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, bytes(ours), static_cast<unsigned>(ours.size()), in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// ---- A client's

tls_context::tls_context(const tls_client& options) : protocols_{encode(options.alpn)}
{
    own_ = make_context(TLS_client_method());
    SSL_CTX* const c = own_.get();
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    if (options.ca.empty())
        check(SSL_CTX_set_default_verify_paths(c) == 1);
    else
        trust(*c, options.ca);
    if (!protocols_.empty())
        check(SSL_CTX_set_alpn_protos(c, bytes(protocols_), static_cast<unsigned>(protocols_.size())) == 0);
    if (options.certificate_chain.empty() && options.private_key.empty())
        return;
    check_complete("tls_client.", options.certificate_chain, options.private_key);
    use_pair(*c, load_pair(options.certificate_chain, options.private_key), options.certificate_chain);
}

// RFC 9525: the alternative names alone count, and a star stands for one whole label.
ssl_ptr tls_context::make_client(const std::string& host) const
{
    ssl_ptr made = make(own_);
    SSL_set_connect_state(made.get());
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(made.get());
    if (is_address(host)) {
        check(X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1);
        return made;
    }
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    check(X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1);
    check(SSL_set_tlsext_host_name(made.get(), host.c_str()) == 1);
    return made;
}

// ---- Loading anew

tls_configuration::tls_configuration(tls_server options)
    : options_{std::move(options)}, now_{std::make_shared<const tls_context>(options_)}
{}

std::shared_ptr<const tls_context> tls_configuration::now() const
{
    const std::lock_guard lock{mutex_};
    return now_;
}

std::shared_ptr<const tls_context> tls_configuration::load() const
{
    return std::make_shared<const tls_context>(options_);
}

void tls_configuration::use(std::shared_ptr<const tls_context> next)
{
    const std::lock_guard lock{mutex_};
    now_.swap(next);
}

} // namespace hawser::inline v0_1::detail
