// SPDX-License-Identifier: BSL-1.0
#include "tls_peer.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace hawser::test {
namespace {

constexpr std::chrono::seconds patience{60};
constexpr std::chrono::milliseconds stillness{50}; // in which nothing moves: nothing will

void check(bool done, const char* what)
{
    if (!done)
        throw std::runtime_error{std::string{what} + ": " + std::to_string(errno) + ", " +
                                 ERR_error_string(ERR_get_error(), nullptr)};
}

int connected(std::uint16_t port, int receive_buffer)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0, "socket");
    if (receive_buffer != 0)
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    at.sin_port = ::htons(port);
    check(::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "connect");
    check(::fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    return fd;
}

std::string from_hex(std::string_view digits)
{
    std::string bytes;
    for (; digits.size() >= 2; digits.remove_prefix(2))
        bytes += static_cast<char>(std::stoi(std::string{digits.substr(0, 2)}, nullptr, 16));
    return bytes;
}

template <class T, class Read, class Release>
std::shared_ptr<T> first_in(const pem& from, Read read, Release release)
{
    const std::unique_ptr<BIO, int (*)(BIO*)> in{
        BIO_new_mem_buf(from.value().data(), static_cast<int>(from.value().size())), BIO_free};
    return {read(in.get(), nullptr, nullptr, nullptr), release};
}

} // namespace

void ignore_broken_pipes()
{
    std::signal(SIGPIPE, SIG_IGN);
}

bool until(scenario& run, const std::function<bool()>& holds)
{
    const auto late = std::chrono::steady_clock::now() + patience;
    do {
        run.poll();
        if (holds())
            return true;
        std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < late);
    return false;
}

// ---- plain_peer

plain_peer::plain_peer(scenario& run, std::uint16_t port, int receive_buffer)
    : run_{run}, descriptor_{connected(port, receive_buffer)}
{
    run_.poll();
}

plain_peer::~plain_peer()
{
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

void plain_peer::send(bytes_view bytes)
{
    const bool all = until(run_, [&] {
        const ssize_t n = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n > 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
        return bytes.empty() || (n < 0 && errno != EAGAIN);
    });
    check(all, "send");
    run_.poll();
}

void plain_peer::put(bytes_view bytes)
{
    check(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == ssize_t(bytes.size()), "send");
    arrived();
}

void plain_peer::arrived() const
{
    for (int waiting = 1; waiting != 0;)
        check(::ioctl(descriptor_, SIOCOUTQ, &waiting) == 0, "ioctl");
}

void plain_peer::take()
{
    run_.poll();
    std::array<char, 16384> piece;
    for (;;) {
        const ssize_t n = ::recv(descriptor_, piece.data(), piece.size(), 0);
        if (n > 0) {
            received_.append(piece.data(), static_cast<std::size_t>(n));
            run_.poll();
            continue;
        }
        ended_ = ended_ || n == 0 || errno != EAGAIN;
        reset_ = reset_ || (n < 0 && errno == ECONNRESET);
        return;
    }
}

std::string plain_peer::received()
{
    take();
    return std::exchange(received_, {});
}

std::string plain_peer::received_to_end()
{
    ends();
    return std::exchange(received_, {});
}

bool plain_peer::has_input() const
{
    char first = 0;
    return ::recv(descriptor_, &first, 1, MSG_PEEK) > 0;
}

bool plain_peer::ends()
{
    return until(run_, [this] { return has_ended(); });
}

bool plain_peer::has_ended()
{
    take();
    return ended_;
}

void plain_peer::end()
{
    ::shutdown(descriptor_, SHUT_WR);
    run_.poll();
}

void plain_peer::reset()
{
    const ::linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(descriptor_, -1));
    run_.poll();
}

// ---- tls_peer

tls_peer::tls_peer(scenario& run, std::uint16_t port, options o) : plain_peer{run, port, o.receive_buffer}
{
    ignore_broken_pipes();
    context_ = {SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
    check(context_ != nullptr, "SSL_CTX_new");
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context_.get(), this);
    SSL_CTX_sess_set_new_cb(context_.get(), [](SSL* ssl, SSL_SESSION* ticket) {
        auto* const self = static_cast<tls_peer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
        self->session_ = {ticket, SSL_SESSION_free};
        return 1;
    });
    SSL_CTX_set_keylog_callback(context_.get(), [](const SSL* ssl, const char* logged) {
        auto* const self = static_cast<tls_peer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
        if (const std::string_view line{logged}; line.starts_with("CLIENT_TRAFFIC_SECRET_0 "))
            self->secret_ = from_hex(line.substr(line.rfind(' ') + 1));
    });
    if (!o.ca.empty()) {
        const auto root = first_in<X509>(o.ca, PEM_read_bio_X509, X509_free);
        check(X509_STORE_add_cert(SSL_CTX_get_cert_store(context_.get()), root.get()) == 1, "trust");
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    }
    if (!o.own.private_key.empty()) {
        const auto own = first_in<X509>(o.own.certificate_chain, PEM_read_bio_X509, X509_free);
        const auto key = first_in<EVP_PKEY>(o.own.private_key, PEM_read_bio_PrivateKey, EVP_PKEY_free);
        check(SSL_CTX_use_certificate(context_.get(), own.get()) == 1, "certificate");
        check(SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1, "key");
    }
    ssl_ = {SSL_new(context_.get()), SSL_free};
    check(ssl_ != nullptr && SSL_set_fd(ssl_.get(), descriptor()) == 1, "SSL_new");
    SSL_set_connect_state(ssl_.get());
    if (o.version != 0) {
        SSL_set_min_proto_version(ssl_.get(), o.version);
        SSL_set_max_proto_version(ssl_.get(), o.version);
    }
    if (!o.server_name.empty())
        SSL_set_tlsext_host_name(ssl_.get(), o.server_name.c_str());
    if (!o.alpn.empty()) {
        const std::string encoded = static_cast<char>(o.alpn.size()) + o.alpn;
        SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(encoded.data()),
                            static_cast<unsigned>(encoded.size()));
    }
    if (o.resume != nullptr)
        SSL_set_session(ssl_.get(), o.resume);
}

tls_peer::~tls_peer() = default;

// Whether the operation is over for good; false: there may be more later.
bool tls_peer::stopped(int result)
{
    const int why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return false;
    if (why == SSL_ERROR_ZERO_RETURN) {
        close_notify_ = true;
        return true;
    }
    const unsigned long e = ERR_peek_last_error();
    failure_ = why == SSL_ERROR_SSL ? ERR_reason_error_string(e) : "errno " + std::to_string(errno);
    ERR_clear_error();
    return true;
}

std::string tls_peer::hello()
{
    SSL_set0_wbio(ssl_.get(), BIO_new(BIO_s_mem()));
    SSL_do_handshake(ssl_.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &bytes);
    std::string said{bytes, static_cast<std::size_t>(size)};
    SSL_set0_wbio(ssl_.get(), BIO_new_socket(descriptor(), BIO_NOCLOSE));
    return said;
}

bool tls_peer::shake()
{
    bool done = false;
    until(run_, [&] {
        ERR_clear_error();
        const int result = SSL_do_handshake(ssl_.get());
        done = result == 1;
        return done || stopped(result);
    });
    run_.poll();
    return done;
}

void tls_peer::take()
{
    run_.poll();
    std::array<char, 16384> piece;
    while (!is_over()) {
        std::size_t n = 0;
        ERR_clear_error();
        const int result = SSL_read_ex(ssl_.get(), piece.data(), piece.size(), &n);
        if (result != 1) {
            stopped(result);
            return;
        }
        plaintext_.append(piece.data(), n);
        run_.poll();
    }
}

std::string tls_peer::read()
{
    take();
    return std::exchange(plaintext_, {});
}

std::string tls_peer::read(std::size_t n)
{
    until(run_, [&] {
        take();
        return plaintext_.size() >= n || is_over();
    });
    std::string first = plaintext_.substr(0, n);
    plaintext_.erase(0, n);
    return first;
}

std::string tls_peer::read_to_end()
{
    until(run_, [&] {
        take();
        return is_over();
    });
    return std::exchange(plaintext_, {});
}

std::size_t tls_peer::write_some(bytes_view plaintext)
{
    std::size_t total = 0;
    auto moved = std::chrono::steady_clock::now();
    while (!plaintext.empty()) {
        run_.poll();
        const bool last = std::chrono::steady_clock::now() - moved >= stillness;
        std::size_t n = 0;
        ERR_clear_error();
        if (SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &n) == 1) {
            total += n;
            plaintext.remove_prefix(n);
            moved = std::chrono::steady_clock::now();
        } else if (last) {
            break;
        }
    }
    run_.poll();
    return total;
}

void tls_peer::write(bytes_view plaintext)
{
    until(run_, [&] {
        std::size_t n = 0;
        ERR_clear_error();
        const int result = SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &n);
        if (result != 1) {
            take();
            return SSL_get_error(ssl_.get(), result) == SSL_ERROR_SSL;
        }
        plaintext.remove_prefix(n);
        return plaintext.empty();
    });
    take();
}

void tls_peer::close_notify()
{
    SSL_shutdown(ssl_.get());
    run_.poll();
}

bool tls_peer::update_keys(bool ask_back)
{
    ERR_clear_error();
    const bool sent =
        SSL_key_update(ssl_.get(), ask_back ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1 &&
        SSL_do_handshake(ssl_.get()) == 1;
    run_.poll();
    return sent;
}

std::string tls_peer::subject() const
{
    char name[256] = "";
    if (const X509* shown = SSL_get0_peer_certificate(ssl_.get()))
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
    return name;
}

// ---- tls_scenario

awaitable<void> echo(connection& c)
{
    while (const auto bytes = co_await c.read_some())
        co_await c.write(*bytes);
}

tls_scenario::tls_scenario(session_handler handler, const tls_server& tls, server_options options)
    : recorder_{std::make_shared<recorder>()}
{
    options.observer = recorder_;
    server_ = std::make_unique<hawser::server>(runtime(), std::move(options));
    server_->listen("tls://127.0.0.1:0", std::move(handler), {.tls = tls});
    poll();
}

tls_scenario::~tls_scenario()
{
    end();
}

void tls_scenario::end()
{
    server_.reset();
    end_runtime();
}

std::uint16_t tls_scenario::port() const
{
    return server_->endpoints().front().port();
}

std::string tls_scenario::end_of_session(std::size_t nth)
{
    until(*this, [&] { return recorder_->ends.size() >= nth; });
    return last_end();
}

std::string tls_scenario::last_end() const
{
    if (recorder_->ends.empty())
        return {};
    const session_end& end = recorder_->ends.back();
    std::string text = to_string(end.reason);
    if (end.error)
        text += ": " + symbol(end.error);
    else if (!end.what.empty())
        text += ": " + end.what;
    return text;
}

std::string tls_scenario::last_words() const
{
    return recorder_->ends.empty() ? std::string{} : recorder_->ends.back().what;
}

} // namespace hawser::test
