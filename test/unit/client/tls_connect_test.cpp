// SPDX-License-Identifier: BSL-1.0

// A client over TLS: what it verifies, what it says when it refuses, and its one deadline.
#include <hawser/connect.hpp>

#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE tls_connect
#include <boost/test/unit_test.hpp>

#include <boost/asio/co_spawn.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

// A server made of OpenSSL alone, which shows whatever it is given; it goes on when told to.
class openssl_server
{
public:
    explicit openssl_server(const tls_pair& shown, int newest = TLS1_3_VERSION)
        : context_{SSL_CTX_new(TLS_server_method()), SSL_CTX_free}
    {
        SSL_CTX_set_max_proto_version(context_.get(), newest);
        ignore_broken_pipes();
        const std::string& text = shown.certificate_chain.value();
        const std::unique_ptr<BIO, int (*)(BIO*)> chain{BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                        BIO_free};
        const std::unique_ptr<X509, void (*)(X509*)> leaf{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr),
                                                          X509_free};
        BOOST_REQUIRE(SSL_CTX_use_certificate(context_.get(), leaf.get()) == 1);
        while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr))
            SSL_CTX_add0_chain_cert(context_.get(), next);
        ERR_clear_error();
        const std::string& key_text = shown.private_key.value();
        const std::unique_ptr<BIO, int (*)(BIO*)> in{
            BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())), BIO_free};
        const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{
            PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
        BOOST_REQUIRE(SSL_CTX_use_PrivateKey(context_.get(), key.get()) == 1);
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        BOOST_REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0);
        BOOST_REQUIRE(::listen(listener_, 8) == 0);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        port_ = ::ntohs(at.sin_port);
    }
    openssl_server(const openssl_server&) = delete;
    openssl_server& operator=(const openssl_server&) = delete;
    ~openssl_server()
    {
        ::close(listener_);
        if (peer_ >= 0)
            ::close(peer_);
    }

    endpoint where(const std::string& host) const { return endpoint::tls(host, port_); }
    int peer() const noexcept { return peer_; }
    SSL* ssl() const noexcept { return ssl_.get(); }

    /// Accepts, and says whether it has.
    bool accept()
    {
        if (peer_ < 0)
            peer_ = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return peer_ >= 0;
    }

    /// Accepts, and goes on with the handshake, as far as it goes now.
    void go()
    {
        if (!accept())
            return;
        if (!ssl_) {
            ssl_ = {SSL_new(context_.get()), SSL_free};
            SSL_set_fd(ssl_.get(), peer_);
            SSL_set_accept_state(ssl_.get());
        }
        ERR_clear_error();
        if (SSL_do_handshake(ssl_.get()) != 1 && ERR_peek_last_error() != 0)
            alert_ = ERR_reason_error_string(ERR_peek_last_error());
    }
    const std::string& alert() const noexcept { return alert_; } ///< that the client has sent

private:
    std::shared_ptr<SSL_CTX> context_;
    std::shared_ptr<SSL> ssl_;
    int listener_ = -1;
    int peer_ = -1;
    std::uint16_t port_ = 0;
    std::string alert_;
};

connect_options trusting(const pem& ca = root().certificate())
{
    connect_options o;
    o.tls.ca = ca;
    return o;
}

// Connects, and writes down what came of it.
awaitable<void> try_out(endpoint where, connect_options options, std::string& result, std::string& words)
{
    try {
        connection c = co_await connect(std::move(where), std::move(options));
        const tls_info f = c.tls().value();
        result = "connected";
        words = f.version + ' ' + f.server_name + ' ' + f.peer_subject + ' ' + f.alpn;
        c.reset();
    } catch (const tls_error& e) {
        result = "tls: " + symbol(e.code());
        words = e.what();
    } catch (const system_error& e) {
        result = symbol(e.code());
        words = e.what();
    }
}

// Sends, ends its output, and reads to the end.
awaitable<void> exchange(endpoint where, connect_options options, std::string sent, std::string& got)
{
    connection c = co_await connect(std::move(where), std::move(options));
    co_await c.write(sent);
    co_await c.half_close();
    while (const auto bytes = co_await c.read_some())
        got += *bytes;
    got += " and the end";
    co_await c.close();
}

} // namespace

// As if a name server knew the absolute name "localhost.", which /etc/hosts does not have.
extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found)
{
    static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(host != nullptr && std::string{host} == "localhost." ? "localhost" : host, service, hints, found);
}

BOOST_AUTO_TEST_CASE(each_bad_certificate_is_refused_by_its_check_and_a_good_one_is_taken_before_and_after)
{
    const test_authority other{"other"};
    const test_authority middle{"middle", root()};
    const test_authority weak{"weak", root(), {.until = -60}};
    const tls_pair leaf_that_issues = root().issue({.subject = "leaf"});
    struct {
        const char* name;
        tls_pair shown;
        const char* host;
        const char* result;
        std::string words; // after the endpoint
        const char* alert;
    } const table[] = {
        {"good", root().issue({.subject = "s"}), "localhost", "connected", "TLSv1.3 localhost CN=s ", ""},
        {"good, behind another authority", middle.issue({.subject = "s"}), "localhost", "connected",
         "TLSv1.3 localhost CN=s ", ""},
        {"good, by its address", root().issue({.subject = "s"}), "127.0.0.1", "connected", "TLSv1.3  CN=s ", ""},
        {"expired", root().issue({.subject = "s", .until = -60}), "localhost", "tls: certificate_expired",
         "certificate_expired: certificate of CN=s has expired on 2", "sslv3 alert certificate expired"},
        {"not yet valid", root().issue({.subject = "s", .from = 600}), "localhost", "tls: certificate_not_yet_valid",
         "certificate_not_yet_valid: certificate of CN=s is not valid before 2", "sslv3 alert bad certificate"},
        {"another host's", root().issue({.subject = "localhost", .names = {"a.example", "b.example"}, .addresses = {}}),
         "localhost", "tls: certificate_wrong_name",
         R"(certificate_wrong_name: certificate is for "a.example", "b.example", wanted "localhost")",
         "sslv3 alert bad certificate"},
        {"without any name", root().issue({.subject = "localhost", .names = {}, .addresses = {}}), "localhost",
         "tls: certificate_wrong_name", R"(certificate_wrong_name: certificate is for no host, wanted "localhost")",
         "sslv3 alert bad certificate"},
        {"another address's", root().issue({.subject = "s", .addresses = {"127.0.0.2"}}), "127.0.0.1",
         "tls: certificate_wrong_name",
         R"(certificate_wrong_name: certificate is for "localhost", "127.0.0.2", wanted "127.0.0.1")",
         "sslv3 alert bad certificate"},
        {"a star for a part of a label", root().issue({.subject = "s", .names = {"local*"}, .addresses = {}}),
         "localhost", "tls: certificate_wrong_name",
         R"(certificate_wrong_name: certificate is for "local*", wanted "localhost")", "sslv3 alert bad certificate"},
        {"of an unknown authority", other.issue({.subject = "s"}), "localhost", "tls: certificate_unknown_authority",
         "certificate_unknown_authority: certificate of CN=s is issued by CN=other, an authority that is not trusted",
         "tlsv1 alert unknown ca"},
        {"self-signed", self_signed({.subject = "s"}), "localhost", "tls: certificate_self_signed",
         "certificate_self_signed: certificate of CN=s is self-signed, and not trusted", "tlsv1 alert unknown ca"},
        {"for clients only", root().issue({.subject = "s", .purpose = "clientAuth"}), "localhost",
         "tls: certificate_wrong_purpose", "certificate_wrong_purpose: certificate of CN=s is for another purpose",
         "sslv3 alert unsupported certificate"},
        {"behind an authority that has expired", weak.issue({.subject = "s"}), "localhost", "tls: certificate_expired",
         "certificate_expired: certificate of CN=weak has expired on 2", "sslv3 alert certificate expired"},
        {"good again", root().issue({.subject = "s"}), "localhost", "connected", "TLSv1.3 localhost CN=s ", ""},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            openssl_server server{t.shown};
            std::string result;
            std::string words;
            const endpoint where = endpoint::tls("127.0.0.1", server.where("").port());
            connect_options options = trusting();
            options.tls.server_name = t.host;
            const auto task = run.start(try_out(where, options, result, words));
            BOOST_TEST(until(run, [&] {
                server.go();
                return task.done() && (*t.alert == '\0' || !server.alert().empty());
            }));
            BOOST_TEST(result == t.result);
            const std::string expected = *t.alert == '\0' ? t.words : where.to_string() + ": " + t.words;
            BOOST_TEST(words.substr(0, expected.size()) == expected);
            BOOST_TEST(server.alert() == t.alert);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_endpoints_own_host_is_the_name_that_is_wanted)
{
    const tls_pair pair = root().issue({.names = {"other.example"}, .addresses = {"127.0.0.1"}});
    tls_scenario run{echo, {.certificate_chain = pair.certificate_chain, .private_key = pair.private_key}};
    std::string result;
    std::string words;
    const auto task = run.start(try_out(run.where("127.0.0.1"), trusting(), result, words));
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_TEST(result == "connected");
}

BOOST_AUTO_TEST_CASE(a_period_that_ends_the_host_is_neither_sent_nor_checked)
{
    const tls_pair pair = root().issue({.names = {"localhost"}, .addresses = {}});
    tls_scenario run{echo, {.certificate_chain = pair.certificate_chain, .private_key = pair.private_key}};
    connect_options named = trusting();
    named.tls.server_name = "localhost.";
    const std::pair<endpoint, connect_options> cases[] = {{run.where("localhost."), trusting()},
                                                          {run.where("127.0.0.1"), named}};
    for (const auto& [where, options] : cases) {
        std::string result;
        std::string words;
        const auto task = run.start(try_out(where, options, result, words));
        BOOST_TEST(until(run, [&] { return task.done(); }));
        BOOST_TEST(result == "connected", words);
        BOOST_TEST(words == "TLSv1.3 localhost CN=test ");
    }
}

BOOST_AUTO_TEST_CASE(the_systems_authorities_do_not_know_a_test)
{
    const tls_pair pair = root().issue();
    tls_scenario run{echo, {.certificate_chain = pair.certificate_chain, .private_key = pair.private_key}};
    std::string result;
    std::string words;
    const auto task = run.start(try_out(run.where("127.0.0.1"), {}, result, words));
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_TEST(result == "tls: certificate_unknown_authority");
    BOOST_TEST(run.end_of_session() == "failed: refused_by_peer");
    BOOST_TEST(run.last_words() == "peer sent the alert \"unknown CA\" during the handshake");
}

BOOST_AUTO_TEST_CASE(a_client_shows_its_certificate_and_agrees_on_a_protocol)
{
    const tls_pair pair = root().issue({.subject = "server"});
    const tls_pair own = root().issue({.subject = "client"});
    std::string seen;
    tls_server tls{.certificate_chain = pair.certificate_chain, .private_key = pair.private_key, .alpn = {"h7"}};
    tls.client_certificates = client_certificates::required;
    tls.client_ca = root().certificate();
    tls_scenario run{[&seen](connection& c) -> awaitable<void> {
                         seen = c.tls().value().peer_subject;
                         co_await echo(c);
                     },
                     tls};
    connect_options options = trusting();
    options.tls.alpn = {"h9", "h7"};
    options.tls.certificate_chain = own.certificate_chain;
    options.tls.private_key = own.private_key;
    std::string result;
    std::string words;
    const auto task = run.start(try_out(run.where("127.0.0.1"), options, result, words));
    BOOST_TEST(until(run, [&] { return task.done() && !run.last_end().empty(); }));
    BOOST_TEST(words == "TLSv1.3  CN=server h7");
    BOOST_TEST(seen == "CN=client");
}

BOOST_AUTO_TEST_CASE(a_client_and_a_server_exchange_large_data_and_end_cleanly)
{
    const tls_pair pair = root().issue();
    tls_scenario run{echo, {.certificate_chain = pair.certificate_chain, .private_key = pair.private_key}};
    for (const std::size_t size : {0U, 1U, 16384U, 1'000'000U}) {
        BOOST_TEST_CONTEXT(size << " bytes")
        {
            const std::string sent(size, 's');
            std::string got;
            const auto task = run.start(exchange(run.where("127.0.0.1"), trusting(), sent, got));
            BOOST_TEST(until(run, [&] { return task.done(); }));
            BOOST_TEST(task.outcome() == "done");
            BOOST_CHECK(got == sent + " and the end");
        }
    }
    BOOST_TEST(run.end_of_session(4) == "completed");
}

BOOST_AUTO_TEST_CASE(a_server_that_is_cut_off_is_a_truncation_for_its_client)
{
    scenario run;
    openssl_server server{root().issue()};
    std::string got;
    const auto task = run.start(exchange(server.where("127.0.0.1"), trusting(), "question", got));
    BOOST_TEST(until(run, [&] {
        server.go();
        return server.ssl() != nullptr && SSL_is_init_finished(server.ssl()) == 1;
    }));
    SSL_write(server.ssl(), "half an ans", 11);
    ::shutdown(server.peer(), SHUT_WR);
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_TEST(task.outcome() == "stream_truncated");
    BOOST_TEST(got == "half an ans");
}

BOOST_AUTO_TEST_CASE(a_warning_before_the_servers_hello_is_passed_over)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        BOOST_TEST_CONTEXT("version " << version)
        {
            scenario run;
            openssl_server server{root().issue(), version};
            std::string got;
            const auto task = run.start(exchange(server.where("127.0.0.1"), trusting(), "question", got));
            BOOST_TEST(until(run, [&] { return server.accept(); }));
            ::send(server.peer(), "\x15\x03\x03\x00\x02\x01\x70", 7, MSG_NOSIGNAL); // unrecognized_name
            BOOST_TEST(until(run, [&] {
                server.go();
                return SSL_is_init_finished(server.ssl()) == 1;
            }));
            SSL_write(server.ssl(), "answer", 6);
            SSL_shutdown(server.ssl());
            ::shutdown(server.peer(), SHUT_WR);
            BOOST_TEST(until(run, [&] { return task.done(); }));
            BOOST_TEST(task.outcome() == "done");
            BOOST_TEST(got == "answer and the end");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_speak_tls_is_named)
{
    struct {
        const char* name;
        const char* sent;
        const char* result;
        const char* words;
    } const table[] = {
        {"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "tls: not_tls",
         "not_tls: peer does not speak TLS (looks like HTTP)"},
        {"SSH", "SSH-2.0-x\r\n", "tls: not_tls", "not_tls: peer does not speak TLS (looks like SSH)"},
        {"silence and an end", "", "tls: refused_by_peer",
         "refused_by_peer: peer ended the connection instead of a handshake"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            scenario run;
            openssl_server server{root().issue()};
            std::string result;
            std::string words;
            const endpoint where = server.where("127.0.0.1");
            const auto task = run.start(try_out(where, trusting(), result, words));
            BOOST_TEST(until(run, [&] { return server.accept(); }));
            ::send(server.peer(), t.sent, std::string{t.sent}.size(), MSG_NOSIGNAL);
            ::shutdown(server.peer(), SHUT_WR);
            BOOST_TEST(until(run, [&] { return task.done(); }));
            BOOST_TEST(result == t.result);
            BOOST_TEST(words == where.to_string() + ": " + t.words);
        }
    }
}

BOOST_AUTO_TEST_CASE(connect_and_handshake_share_one_deadline)
{
    scenario run;
    openssl_server server{root().issue()};
    std::string result;
    std::string words;
    connect_options options = trusting();
    options.connect_timeout = 5s;
    const endpoint where = server.where("127.0.0.1");
    const auto task = run.start(try_out(where, options, result, words));
    BOOST_TEST(until(run, [&] { return server.accept(); }));
    run.steps(4990ms, 10ms);
    BOOST_TEST(!task.done());
    run.steps(20ms, 5ms);
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_TEST(result == "tls: handshake_timeout");
    BOOST_TEST(words == where.to_string() + ": handshake_timeout after 5 s");
}

BOOST_AUTO_TEST_CASE(the_deadline_ends_it_in_whichever_turn_it_passes)
{
    openssl_server silent{root().issue()};
    bool reached_the_end = false;
    std::size_t handlers = 0;
    for (; !reached_the_end; ++handlers) {
        scenario run;
        std::string result;
        std::string words;
        {
            auto first = run.start(try_out(silent.where("127.0.0.1"), trusting(), result, words)); // keeps the context
            until(run, [&] { return silent.accept(); });
            first.cancel();
            until(run, [&] { return first.done(); });
        }
        connect_options options = trusting();
        options.connect_timeout = 5s;
        bool done = false;
        boost::asio::co_spawn(run.loop().context(), try_out(silent.where("127.0.0.1"), options, result, words),
                              [&](std::exception_ptr) { done = true; });
        run.loop().context().restart();
        for (std::size_t i = 0; i < handlers; ++i)
            reached_the_end = run.loop().context().poll_one() == 0 || reached_the_end;
        run.time.advance(6s); // all at once: what has happened meanwhile comes in the same turn
        run.poll();
        run.steps(6s, 1s);
        BOOST_TEST_CONTEXT("after " << handlers << " handlers")
        {
            BOOST_TEST_REQUIRE(done);
            BOOST_TEST((result == "tls: handshake_timeout" || result.ends_with("connect_timeout")), result);
        }
    }
    BOOST_TEST(handlers > 2u);
}

BOOST_AUTO_TEST_CASE(a_handshake_can_be_cancelled)
{
    scenario run;
    openssl_server server{root().issue()};
    std::string result;
    std::string words;
    auto task = run.start(try_out(server.where("127.0.0.1"), trusting(), result, words));
    BOOST_TEST(until(run, [&] { return server.accept(); }));
    task.cancel();
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_TEST(result == "ECANCELED");
}

BOOST_AUTO_TEST_CASE(a_client_with_a_bad_pair_or_authority_does_not_begin)
{
    scenario run;
    const tls_pair one = root().issue();
    const tls_pair two = root().issue();
    connect_options options = trusting(pem{"/no/such/file"});
    std::string result;
    std::string words;
    auto task = run.start(try_out("tls://127.0.0.1:1", options, result, words));
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_TEST(result == "tls: ENOENT");
    BOOST_TEST(words == "/no/such/file: cannot be read: ENOENT (No such file or directory)");
    options = trusting();
    options.tls.certificate_chain = one.certificate_chain;
    options.tls.private_key = two.private_key;
    task = run.start(try_out("tls://127.0.0.1:1", options, result, words));
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_TEST(result == "tls: key_mismatch");
    options.tls.private_key = {};
    task = run.start(try_out("tls://127.0.0.1:1", options, result, words));
    BOOST_TEST(until(run, [&] { return task.done(); }));
    BOOST_CHECK_THROW(task.rethrow(), std::invalid_argument);
}
