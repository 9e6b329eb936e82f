// SPDX-License-Identifier: BSL-1.0
#include "transport/tls_engine.hpp"

#include "tls/certificates.hpp"
#include "values/system_call.hpp"

#include <hawser/framing.hpp>

#include <openssl/err.h>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t record_size = 16 * 1024;         // plaintext in one record (RFC 8446, section 5.1)
constexpr std::size_t most_at_once = 256 * 1024;       // written for one connection before others get their turn
constexpr std::uint32_t messages_free = 32;            // handshake messages after the handshake,
constexpr std::uint64_t bytes_for_message = 64 * 1024; // and one more for so much data
constexpr std::size_t gathered_at_once = 4096;         // of a hello, most of which are a tenth of this
constexpr unsigned char handshake_record = 0x16;       // RFC 8446, section 5.1
constexpr unsigned char alert_record = 0x15;

// For a browser that was told http:// where it is https://.
constexpr std::string_view answer_in_plaintext = "HTTP/1.1 400 Bad Request\r\n"
                                                 "Content-Type: text/plain\r\n"
                                                 "Content-Length: 36\r\n"
                                                 "Connection: close\r\n"
                                                 "\r\n"
                                                 "This port speaks TLS: use https://.\n";

// An alert as it stands on the wire, for when OpenSSL is not asked.
constexpr std::string_view illegal_parameter{"\x15\x03\x01\x00\x02\x02\x2f", 7};

ssize_t receive_now(int descriptor, char* into, std::size_t size, int flags) noexcept
{
    return uninterrupted([&] { return ::recv(descriptor, into, size, flags | MSG_DONTWAIT); });
}

} // namespace

// What OpenSSL calls. Nothing may be thrown through it.
struct engine_callbacks {
    static tls_engine& of(BIO* bio) noexcept { return *static_cast<tls_engine*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, int size) noexcept
    {
        BIO_clear_retry_flags(bio);
        tls_engine& e = of(bio);
        const auto wanted = static_cast<std::size_t>(std::max(size, 0));
        const int n = e.established_ ? e.take_arrived(into, wanted) : e.receive(into, wanted);
        if (n < 0 && e.starved_)
            BIO_set_retry_read(bio);
        return n;
    }
    static int write(BIO* bio, const char* from, int size) noexcept
    {
        BIO_clear_retry_flags(bio);
        const int n = of(bio).send(from, static_cast<std::size_t>(std::max(size, 0)));
        if (n < 0 && of(bio).blocked_)
            BIO_set_retry_write(bio);
        return n;
    }
    static long control(BIO* bio, int what, long, void*) noexcept
    {
        if (what == BIO_CTRL_EOF)
            return of(bio).end_of_input_ ? 1 : 0;
        return what == BIO_CTRL_FLUSH ? 1 : 0;
    }
    static int create(BIO* bio) noexcept
    {
        BIO_set_init(bio, 1);
        return 1;
    }
    static void message(int written, int, int content, const void* bytes, std::size_t size, SSL*, void* engine) noexcept
    {
        const bytes_view message{static_cast<const char*>(bytes), size};
        if (written == 0)
            static_cast<tls_engine*>(engine)->note_message(content, message);
        else if (content == SSL3_RT_HANDSHAKE)
            static_cast<tls_engine*>(engine)->hello_.answered(message);
    }
    static int verified(int ok, X509_STORE_CTX* chain) noexcept
    {
        try {
            auto* const ssl =
                static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
            if (ok == 1 && X509_STORE_CTX_get_error_depth(chain) == 0 &&
                has_nul_in_name(*X509_STORE_CTX_get0_cert(chain))) {
                X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
                ok = 0;
            }
            if (ok == 0)
                of(SSL_get_rbio(ssl)).note_refused(*chain);
        } catch (...) { // it stays refused, with fewer words
        }
        return ok;
    }

    static const BIO_METHOD* methods()
    {
        static const BIO_METHOD* const made = [] {
            BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hawser");
            if (m == nullptr || BIO_meth_set_read(m, read) != 1 || BIO_meth_set_write(m, write) != 1 ||
                BIO_meth_set_ctrl(m, control) != 1 || BIO_meth_set_create(m, create) != 1)
                throw std::bad_alloc{};
            return m;
        }();
        return made;
    }
};

tls_engine::tls_engine(std::shared_ptr<const tls_configuration> from, int descriptor, block_pool& pool)
    : configuration_{std::move(from)}, kept_{pool}, descriptor_{descriptor}
{}

tls_engine::tls_engine(std::shared_ptr<const tls_context> context, std::string host, int descriptor, block_pool& pool)
    : context_{std::move(context)}, host_{std::move(host)}, kept_{pool}, descriptor_{descriptor}
{}

tls_engine::~tls_engine() = default;

// ---- The handshake

void tls_engine::start()
{
    if (configuration_)
        context_ = configuration_->now();
    ssl_ptr made = is_client() ? context_->make_client(host_) : context_->make_server();
    BIO* const bio = BIO_new(engine_callbacks::methods());
    if (bio == nullptr)
        throw std::bad_alloc{};
    BIO_set_data(bio, this);
    SSL_set_bio(made.get(), bio, bio);
    SSL_set_verify(made.get(), SSL_get_verify_mode(made.get()), engine_callbacks::verified);
    SSL_set_msg_callback(made.get(), engine_callbacks::message);
    SSL_set_msg_callback_arg(made.get(), this);
    ssl_ = std::move(made);
}

bool tls_engine::has_begun() const noexcept
{
    char first = 0;
    return opened_ || ::recv(descriptor_, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// Taken out of the kernel, which would have no room for the rest of a hello that comes in many small records, and
// announces nothing while what it holds is only looked at.
tls_engine::step tls_engine::gather(std::size_t most) noexcept
{
    std::array<char, gathered_at_once> piece;
    while (gathers() && gathered_.size() < most) {
        const std::size_t wanted = std::min(piece.size(), most - gathered_.size());
        const ssize_t n = receive_now(descriptor_, piece.data(), wanted, 0);
        if (n < 0 && errno == EAGAIN)
            return step::wants_input;
        if (n < 0) {
            if (opened_)
                fail_during_handshake(last_error());
            else
                fail(last_error(), {"connection failed before the handshake"});
            return step::failed;
        }
        if (n == 0 && !opened_)
            return step::ended;
        if (n == 0) {
            fail(errc::refused_by_peer, {"peer ended the connection during the handshake"});
            return step::failed;
        }
        if (!keep_hello({piece.data(), static_cast<std::size_t>(n)}))
            return step::failed;
    }
    return step::done;
}

bool tls_engine::keep_hello(bytes_view piece) noexcept
{
    if (!opened_ && look_at_opening(piece) != step::done)
        return false;
    try {
        gathered_.reserve(gathered_.size() + piece.size() + client_hello::head_size);
    } catch (const std::bad_alloc&) {
        fail_during_handshake(make_error_code(boost::system::errc::not_enough_memory));
        return false;
    }
    const client_hello::state stands = hello_.pass(piece, &gathered_);
    const bool goes_on = stands == client_hello::state::begun && gathered_.size() > client_hello::most_kept;
    if (stands != client_hello::state::too_large && !goes_on)
        return true;
    refuse_hello();
    return false;
}

tls_engine::step tls_engine::peek_at_opening() noexcept
{
    std::array<char, 8> first{};
    const ssize_t n = receive_now(descriptor_, first.data(), first.size(), MSG_PEEK);
    if (n < 0 && errno == EAGAIN)
        return step::wants_input;
    if (n < 0) {
        fail(last_error(), {"connection failed before the handshake"});
        return step::failed;
    }
    if (n == 0) {
        fail(errc::refused_by_peer, {"peer ended the connection instead of a handshake"});
        return step::failed;
    }
    return look_at_opening({first.data(), static_cast<std::size_t>(n)});
}

// Who does not speak TLS is told apart by the first byte, before anything is built for it.
tls_engine::step tls_engine::look_at_opening(bytes_view first) noexcept
{
    const auto opening = static_cast<unsigned char>(first.front());
    if (opening == handshake_record || (opening == alert_record && is_client())) {
        opened_ = true;
        return step::done;
    }
    const std::string_view hint = looks_like(first.substr(0, 8));
    if (hint == "HTTP" && !is_client())
        ::send(descriptor_, answer_in_plaintext.data(), answer_in_plaintext.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (hint.empty())
        fail(errc::not_tls, {"peer does not speak TLS"});
    else
        fail(errc::not_tls, {"peer does not speak TLS (looks like ", hint, ")"});
    return step::failed;
}

void tls_engine::give_up() noexcept
{
    failed_ = true;
    operation.handshake.reset();
    ssl_.reset();
    std::string{}.swap(gathered_);
}

bool tls_engine::has_lost_peer() noexcept
{
    pollfd socket{.fd = descriptor_, .events = POLLRDHUP, .revents = 0};
    if (::poll(&socket, 1, 0) <= 0 || (socket.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0)
        return false;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
        fail_during_handshake({error, boost::system::system_category()});
    else
        fail(errc::refused_by_peer, {"peer ended the connection during the handshake"});
    return true;
}

tls_engine::step tls_engine::handshake() noexcept
{
    try {
        if (!ssl_)
            start();
    } catch (const std::exception& e) {
        fail(errc::handshake_failed, {"cannot begin the handshake: ", e.what()});
        return step::failed;
    }
    starved_ = blocked_ = false;
    if (SSL_do_handshake(ssl_.get()) != 1)
        return stopped();
    established_ = true;
    filled_ = SSL_has_pending(ssl_.get()) == 1;
    return step::done;
}

// ---- Input

int tls_engine::receive(char* into, std::size_t size) noexcept
{
    if (!gathered_.empty())
        return take_gathered(into, size);
    if (!opened_ && peek_at_opening() != step::done) { // a client's peer, before anything of it is read
        starved_ = !failed_;
        return -1;
    }
    const ssize_t n = receive_now(descriptor_, into, size, 0);
    if (n == 0)
        end_of_input_ = true;
    else if (n < 0 && errno == EAGAIN)
        starved_ = true;
    else if (n < 0)
        socket_error_ = last_error();
    else if (!is_client() && hello_.pass({into, static_cast<std::size_t>(n)}) == client_hello::state::too_large) {
        refuse_hello();
        return -1;
    }
    return static_cast<int>(n);
}

int tls_engine::take_gathered(char* into, std::size_t size) noexcept
{
    const std::size_t n = gathered_.copy(into, size, taken_);
    taken_ += n;
    if (taken_ == gathered_.size())
        std::string{}.swap(gathered_);
    return static_cast<int>(n);
}

void tls_engine::refuse_hello() noexcept
{
    ::send(descriptor_, illegal_parameter.data(), illegal_parameter.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (hello_.size() > client_hello::largest)
        fail(errc::handshake_failed, {"ClientHello of ", std::to_string(hello_.size()), " bytes, limit ",
                                      std::to_string(client_hello::largest)});
    else
        fail(errc::handshake_failed, {"more behind a ClientHello in its record, ", std::to_string(gathered_.size()),
                                      " bytes in all, limit ", std::to_string(client_hello::most_kept)});
}

void tls_engine::fail_during_handshake(const error_code& e) noexcept
{
    std::array<char, 128> text{};
    fail(e, {"connection failed during the handshake: ", e.message(text.data(), text.size())});
}

int tls_engine::take_arrived(char* into, std::size_t size) noexcept
{
    if (arrived_.empty()) {
        starved_ = true;
        return -1;
    }
    const std::size_t n = std::min(size, arrived_.size());
    std::memcpy(into, arrived_.data(), n);
    if (kept_.empty()) {
        arrived_.remove_prefix(n);
        if (!keep_arrived())
            return -1;
    } else {
        kept_.consume(n);
        arrived_ = kept_.data();
    }
    if (arrived_.empty())
        kept_.release();
    return static_cast<int>(n);
}

// The memory that the bytes arrived in is about to hold plaintext: what OpenSSL leaves of them is kept elsewhere.
bool tls_engine::keep_arrived() noexcept
{
    if (arrived_.empty() || !kept_.empty())
        return true;
    try {
        kept_.append(arrived_);
    } catch (const std::bad_alloc&) {
        socket_error_ = make_error_code(boost::system::errc::not_enough_memory);
    }
    arrived_ = kept_.data();
    return !kept_.empty();
}

std::size_t tls_engine::read(char* into, std::size_t size, step& next) noexcept
{
    filled_ = false;
    if (failed_ || ended_) {
        next = failed_ ? step::failed : step::ended;
        return 0;
    }
    next = step::wants_input;
    std::size_t total = 0;
    while (total < size) {
        starved_ = blocked_ = false;
        std::size_t n = 0;
        if (SSL_read_ex(ssl_.get(), into + total, size - total, &n) != 1) {
            next = stopped();
            break;
        }
        total += n;
        if (arrived_.empty() && SSL_has_pending(ssl_.get()) == 0)
            break;
    }
    if (!keep_arrived()) {
        starved_ = blocked_ = false;
        next = stopped();
    }
    filled_ = !arrived_.empty() || (total == size && SSL_has_pending(ssl_.get()) == 1);
    record_begun_ = !filled_ && is_within_record();
    plaintext_in_ += total;
    if (is_flooded() && !failed_) {
        fail(errc::record_refused, {"more than ", std::to_string(messages_free),
                                    " handshake messages (KeyUpdate) and hardly any data between them"});
        next = step::failed;
    }
    return total;
}

// OpenSSL holds a part of a record, or has taken its head.
bool tls_engine::is_within_record() const noexcept
{
    constexpr std::string_view reads_body = "RB";
    return SSL_has_pending(ssl_.get()) == 1 || SSL_rstate_string(ssl_.get()) == reads_body;
}

bool tls_engine::is_flooded() const noexcept
{
    return messages_ > messages_free + plaintext_in_ / bytes_for_message;
}

void tls_engine::note_message(int content, bytes_view message) noexcept
{
    if (content == SSL3_RT_HANDSHAKE && established_)
        ++messages_;
    if (content != SSL3_RT_ALERT || message.size() != 2)
        return;
    alert_ = static_cast<unsigned char>(message[1]);
}

// ---- Output

int tls_engine::send(const char* from, std::size_t size) noexcept
{
    const ssize_t n = uninterrupted([&] { return ::send(descriptor_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (n >= 0)
        wire_out_ += static_cast<std::size_t>(n);
    else if (errno == EAGAIN)
        blocked_ = true;
    else
        socket_error_ = last_error();
    return static_cast<int>(n);
}

std::size_t tls_engine::write(two_pieces from, step& next) noexcept
{
    next = step::done;
    if (failed_) {
        next = step::failed;
        return 0;
    }
    std::array<char, record_size> first; // a head and what of its payload shares its record
    std::size_t total = 0;
    while (total < std::min(from.size(), most_at_once)) {
        bytes_view piece = from.second;
        if (total < from.first.size()) {
            piece = from.first.substr(total);
            if (piece.size() < record_size && !from.second.empty()) {
                const std::size_t shared = std::min(record_size - piece.size(), from.second.size());
                char* const end = std::copy(piece.begin(), piece.end(), first.data());
                std::copy_n(from.second.begin(), shared, end);
                piece = {first.data(), piece.size() + shared};
            }
        } else {
            piece.remove_prefix(total - from.first.size());
        }
        starved_ = blocked_ = false;
        std::size_t n = 0;
        if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &n) != 1) {
            next = stopped();
            break;
        }
        total += n;
    }
    plaintext_out_ += total;
    return total;
}

tls_engine::step tls_engine::end() noexcept
{
    if (!established_ || failed_)
        return step::done;
    starved_ = blocked_ = false;
    const int done = SSL_shutdown(ssl_.get());
    if (done < 0 && !blocked_)
        ERR_clear_error(); // the connection is gone: there is nobody to tell
    return done < 0 && blocked_ ? step::wants_output : step::done;
}

std::size_t tls_engine::plaintext_of(std::size_t on_wire) const noexcept
{
    if (on_wire == 0 || wire_out_ == 0)
        return 0;
    const double average = static_cast<double>(plaintext_out_) / static_cast<double>(wire_out_);
    return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(on_wire) * average));
}

// ---- Facts

tls_info tls_engine::facts() const
{
    tls_info f;
    SSL* const ssl = ssl_.get();
    f.version = SSL_get_version(ssl);
    if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl))
        f.cipher = SSL_CIPHER_standard_name(cipher);
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    f.alpn.assign(reinterpret_cast<const char*>(protocol), size);
    if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
        f.server_name = name;
    f.resumed = SSL_session_reused(ssl) == 1;
    if (const X509* certificate = SSL_get0_peer_certificate(ssl))
        f.peer_subject = subject_of(*certificate);
    return f;
}

} // namespace hawser::inline v0_1::detail
