// SPDX-License-Identifier: BSL-1.0

// The TLS handshake on a server's side: what is agreed on, who is refused and what they are told. The certificates are
// made here; the peer is OpenSSL itself, in the test's own thread.
#include <hawser/tls.hpp>

#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE tls
#include <boost/test/unit_test.hpp>

#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

tls_peer::options trusting()
{
    return {.ca = root().certificate()};
}

// Says what was agreed on, then echoes.
awaitable<void> tell_facts(connection& c)
{
    const tls_info f = c.tls().value();
    co_await c.write(f.version + ' ' + f.cipher + " alpn=" + f.alpn + " sni=" + f.server_name +
                     (f.resumed ? " resumed" : "") + " peer=" + f.peer_subject);
    co_await echo(c);
}

// One that nobody needs, of so many bytes.
std::shared_ptr<X509> certificate_of(std::size_t size)
{
    const std::shared_ptr<EVP_PKEY> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free};
    const auto made = [&](std::size_t comment) {
        std::shared_ptr<X509> one{X509_new(), X509_free};
        X509_set_version(one.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(one.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(one.get()), 0);
        X509_gmtime_adj(X509_getm_notAfter(one.get()), 3600);
        X509_set_pubkey(one.get(), key.get());
        X509_EXTENSION* const padding =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_netscape_comment, std::string(comment, 'c').c_str());
        X509_add_ext(one.get(), padding, -1);
        X509_EXTENSION_free(padding);
        X509_sign(one.get(), key.get(), nullptr);
        return one;
    };
    const std::size_t guess = size - 300;
    const auto other = static_cast<std::size_t>(i2d_X509(made(guess).get(), nullptr)) - guess;
    return made(size - other);
}

} // namespace

// ---- The handshake

BOOST_AUTO_TEST_CASE(a_session_knows_what_was_agreed_on)
{
    struct {
        const char* name;
        int version;
        const char* facts;
    } const table[] = {
        {"TLS 1.3", TLS1_3_VERSION, "TLSv1.3 TLS_AES_128_GCM_SHA256 alpn=h7 sni=localhost peer="},
        {"TLS 1.2", TLS1_2_VERSION, "TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 alpn=h7 sni=localhost peer="},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            tls_server tls = good();
            tls.alpn = {"h9", "h7"};
            tls_scenario run{tell_facts, tls};
            tls_peer p{run, run.port(), {.ca = root().certificate(), .alpn = "h7", .version = t.version}};
            BOOST_TEST_REQUIRE(p.shake());
            BOOST_TEST(p.subject() == "good");
            BOOST_TEST(p.read(std::string{t.facts}.size()) == t.facts);
            p.write("hello");
            BOOST_TEST(p.read(5) == "hello");
            p.close_notify();
            BOOST_TEST(p.read_to_end().empty());
            BOOST_TEST(p.saw_end());
            p.end();
            BOOST_TEST(run.end_of_session() == "completed");
        }
    }
}

BOOST_AUTO_TEST_CASE(older_versions_and_weak_ciphers_are_refused)
{
    struct {
        const char* name;
        int version;
        const char* ciphers;
    } const table[] = {
        {"TLS 1.1", TLS1_1_VERSION, "ALL:@SECLEVEL=0"},
        {"TLS 1.0", TLS1_VERSION, "ALL:@SECLEVEL=0"},
        {"CBC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"},
        {"no forward secrecy", TLS1_2_VERSION, "AES128-GCM-SHA256:@SECLEVEL=0"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            tls_scenario run{echo, good()};
            tls_peer p{run, run.port(), {.version = t.version}};
            BOOST_TEST_REQUIRE(SSL_set_cipher_list(p.ssl(), t.ciphers) == 1);
            BOOST_TEST(!p.shake());
            BOOST_TEST(p.failure().find("alert") != std::string::npos, p.failure());
            p.end();
            BOOST_TEST(run.end_of_session() == "failed: handshake_failed");
            BOOST_TEST(run.seen().ends.size() == 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_offers_only_other_protocols_is_told_so)
{
    tls_server tls = good();
    tls.alpn = {"h7"};
    tls_scenario run{echo, tls};
    tls_peer p{run, run.port(), {.alpn = "h2"}};
    BOOST_TEST(!p.shake());
    BOOST_TEST(p.failure() == "tlsv1 alert no application protocol");
    p.end();
    BOOST_TEST(run.end_of_session() == "failed: no_application_protocol");
    tls_peer without{run, run.port(), trusting()};
    BOOST_TEST(without.shake());
}

BOOST_AUTO_TEST_CASE(the_certificate_is_that_of_the_host_that_the_peer_names)
{
    const tls_pair exact = root().issue({.subject = "exact"});
    const tls_pair star = root().issue({.subject = "star"});
    tls_server tls = good();
    tls.sni = {{"a.example.org", exact}, {"*.example.org", star}};
    tls_scenario run{tell_facts, tls};
    struct {
        const char* asked;
        const char* shown;
    } const table[] = {
        {"a.example.org", "exact"},
        {"A.Example.ORG", "exact"},
        {"b.example.org", "star"},
        {"example.org", "good"},
        {"x.b.example.org", "good"},
        {"other", "good"},
        {"", "good"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT("named \"" << t.asked << '"')
        {
            tls_peer p{run, run.port(), {.server_name = t.asked}};
            BOOST_TEST_REQUIRE(p.shake());
            BOOST_TEST(p.subject() == t.shown);
            p.close_notify();
            BOOST_TEST(p.read_to_end().find(std::string{"sni="} + t.asked + " ") != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(client_certificates_are_asked_for_as_configured_and_each_bad_one_is_refused_by_name)
{
    const test_authority other{"other"};
    const test_authority no_issuer{"leaf that issues", root(), {}};
    const tls_pair revoked = root().issue({.subject = "revoked"});
    tls_server tls = good();
    tls.client_ca = root().certificate();
    tls.client_crl = root().revoke({revoked});
    struct {
        const char* name;
        client_certificates asked;
        tls_pair shown;
        const char* end;
        const char* words;
    } const table[] = {
        {"good", client_certificates::required, root().issue({.subject = "client"}), "", " peer=CN=client"},
        {"good, where it is optional", client_certificates::optional, root().issue({.subject = "client"}), "",
         " peer=CN=client"},
        {"none, where it is optional", client_certificates::optional, {}, "", " peer="},
        {"none", client_certificates::required, {}, "certificate_missing", "peer showed no certificate"},
        {"expired", client_certificates::required, root().issue({.subject = "old", .until = -60}),
         "certificate_expired", "certificate of CN=old has expired on 2"},
        {"expired, where it is optional", client_certificates::optional, root().issue({.subject = "old", .until = -60}),
         "certificate_expired", "certificate of CN=old has expired on 2"},
        {"not yet valid", client_certificates::required, root().issue({.subject = "young", .from = 600}),
         "certificate_not_yet_valid", "certificate of CN=young is not valid before 2"},
        {"of another authority", client_certificates::required, other.issue({.subject = "stranger"}),
         "certificate_unknown_authority", "certificate of CN=stranger is issued by CN=other, an authority"},
        {"self-signed", client_certificates::required, self_signed({.subject = "self"}), "certificate_self_signed",
         "certificate of CN=self is self-signed, and not trusted"},
        {"for servers only", client_certificates::required,
         root().issue({.subject = "server", .purpose = "serverAuth"}), "certificate_wrong_purpose",
         "certificate of CN=server is for another purpose"},
        {"revoked", client_certificates::required, revoked, "certificate_revoked",
         "certificate of CN=revoked was revoked by CN=root"},
        {"good again", client_certificates::required, root().issue({.subject = "client"}), "", " peer=CN=client"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            tls.client_certificates = t.asked;
            int begun = 0;
            tls_scenario run{[&begun](connection& c) {
                                 ++begun;
                                 return tell_facts(c);
                             },
                             tls};
            tls_peer p{run, run.port(), {.ca = root().certificate(), .own = t.shown}};
            const bool good = *t.end == '\0';
            if (p.shake() && good)
                p.close_notify();
            const std::string told = p.read_to_end();
            p.end();
            BOOST_TEST(run.end_of_session() == (good ? "completed" : std::string{"failed: "} + t.end));
            BOOST_TEST(begun == (good ? 1 : 0));
            if (good) {
                BOOST_TEST(told.ends_with(t.words), told);
            } else {
                BOOST_TEST(p.failure().find("alert") != std::string::npos, p.failure());
                BOOST_TEST(run.last_words().starts_with(t.words), run.last_words());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_clients_certificates_may_take_16_kib_and_one_byte_more_is_refused_by_name)
{
    constexpr std::size_t limit = 16 * 1024; // of the message
    tls_server tls = good();
    tls.client_ca = root().certificate();
    tls.client_certificates = client_certificates::required;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION})
        for (const std::size_t size : {limit, limit + 1}) {
            BOOST_TEST_CONTEXT("version " << version << ", " << size << " bytes")
            {
                tls_scenario run{tell_facts, tls};
                const tls_pair own = root().issue({.subject = "client"});
                tls_peer p{run, run.port(), {.ca = root().certificate(), .version = version, .own = own}};
                const auto leaf = static_cast<std::size_t>(i2d_X509(SSL_get_certificate(p.ssl()), nullptr));
                const std::size_t heads = version == TLS1_3_VERSION ? 4 + 2 * (3 + 2) : 3 + 2 * 3;
                BOOST_TEST_REQUIRE(SSL_add1_chain_cert(p.ssl(), certificate_of(size - leaf - heads).get()) == 1);
                if (p.shake() && size == limit)
                    p.close_notify();
                const std::string told = p.read_to_end();
                p.end();
                if (size == limit) {
                    BOOST_TEST(run.end_of_session() == "completed");
                    BOOST_TEST(told.ends_with(" peer=CN=client"), told);
                } else {
                    BOOST_TEST(run.end_of_session() == "failed: certificate_refused");
                    BOOST_TEST(run.last_words() == "peer's certificates take more than 16384 bytes");
                    BOOST_TEST(p.failure().find("alert") != std::string::npos, p.failure());
                }
            }
        }
}

BOOST_AUTO_TEST_CASE(a_session_is_resumed_within_its_configuration_only)
{
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        BOOST_TEST_CONTEXT("version " << version)
        {
            tls_scenario run{tell_facts, good()};
            tls_scenario other{tell_facts, good()};
            tls_peer first{run, run.port(), {.version = version}};
            BOOST_TEST_REQUIRE(first.shake());
            first.close_notify();
            BOOST_TEST(first.read_to_end().find(" resumed") == std::string::npos);
            BOOST_TEST_REQUIRE((first.session() != nullptr));
            tls_peer second{run, run.port(), {.version = version, .resume = first.session().get()}};
            BOOST_TEST_REQUIRE(second.shake());
            second.close_notify();
            BOOST_TEST(second.read_to_end().find(" resumed") != std::string::npos);
            tls_peer elsewhere{other, other.port(), {.version = version, .resume = first.session().get()}};
            BOOST_TEST_REQUIRE(elsewhere.shake());
            elsewhere.close_notify();
            BOOST_TEST(elsewhere.read_to_end().find(" resumed") == std::string::npos);
            run.server().reload_tls();
            tls_peer later{run, run.port(), {.version = version, .resume = first.session().get()}};
            BOOST_TEST_REQUIRE(later.shake());
            later.close_notify();
            BOOST_TEST(later.read_to_end().find(" resumed") == std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(who_does_not_speak_tls_is_told_at_once_and_named)
{
    struct {
        const char* name;
        std::string sent;
        const char* words;
        const char* answer;
    } const table[] = {
        {"HTTP", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "peer does not speak TLS (looks like HTTP)",
         "HTTP/1.1 400 Bad Request\r\n"},
        {"SSH", "SSH-2.0-x\r\n", "peer does not speak TLS (looks like SSH)", ""},
        {"a frame", frame("hello"), "peer does not speak TLS", ""},
        {"an SSLv2 hello", std::string("\x80\x2e\x01\x00\x02", 5), "peer does not speak TLS", ""},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            tls_scenario run{echo, good()};
            plain_peer p{run, run.port()};
            p.send(t.sent);
            BOOST_TEST(p.received_to_end().substr(0, 26) == t.answer);
            BOOST_TEST(!p.was_reset());
            p.end();
            BOOST_TEST(run.end_of_session() == "failed: not_tls");
            BOOST_TEST(run.last_words() == t.words);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_hello_that_announces_too_much_is_refused_by_its_first_bytes)
{
    struct {
        std::size_t announced;
        std::size_t bytes_in_record;
        bool refused;
    } const table[] = {{16384, 4, false}, {16385, 4, true}, {16385, 1, true}, {0xffffff, 4, true}};
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.announced << " bytes, in records of " << t.bytes_in_record)
        {
            tls_scenario run{echo, good()};
            plain_peer p{run, run.port()};
            const std::string begin{'\x01', static_cast<char>(t.announced >> 16), static_cast<char>(t.announced >> 8),
                                    static_cast<char>(t.announced)};
            for (std::size_t at = 0; at < begin.size(); at += t.bytes_in_record)
                p.send(std::string("\x16\x03\x01\x00", 4) + static_cast<char>(t.bytes_in_record) +
                       begin.substr(at, t.bytes_in_record));
            if (!t.refused) {
                p.end();
                BOOST_TEST(run.end_of_session() == "failed: refused_by_peer");
                continue;
            }
            BOOST_TEST(p.received_to_end() == std::string("\x15\x03\x01\x00\x02\x02\x2f", 7));
            p.end();
            BOOST_TEST(run.end_of_session() == "failed: handshake_failed");
            BOOST_TEST(run.last_words() == "ClientHello of " + std::to_string(t.announced) + " bytes, limit 16384");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_has_to_repeat_its_hello_is_served_and_the_second_one_is_bounded_too)
{
    tls_scenario run{tell_facts, good()};
    tls_peer p{run, run.port(), {.version = TLS1_3_VERSION}};
    BOOST_TEST_REQUIRE(SSL_set1_groups_list(p.ssl(), "P-521:P-384") == 1); // it sends a share of the first only
    BOOST_TEST_REQUIRE(p.shake());
    BOOST_TEST(p.read(7) == "TLSv1.3");
    tls_peer second{run, run.port(), {.version = TLS1_3_VERSION}};
    BOOST_TEST_REQUIRE(SSL_set1_groups_list(second.ssl(), "P-521:P-384") == 1);
    SSL_do_handshake(second.ssl());
    BOOST_TEST(until(run, [&] { return second.has_input(); }));
    second.send(std::string("\x16\x03\x03\x00\x04\x01\x01\x00\x00", 9));
    second.end();
    BOOST_TEST(run.end_of_session() == "failed: handshake_failed");
    BOOST_TEST(run.last_words() == "ClientHello of 65536 bytes, limit 16384");
}

BOOST_AUTO_TEST_CASE(who_leaves_before_the_first_byte_is_no_failure_and_who_leaves_after_it_is)
{
    tls_scenario run{echo, good()};
    plain_peer silent{run, run.port()};
    silent.end();
    BOOST_TEST(run.end_of_session() == "completed");
    BOOST_TEST(silent.ends());
    plain_peer half{run, run.port()};
    half.send("\x16\x03\x01");
    half.end();
    BOOST_TEST(run.end_of_session(2) == "failed: refused_by_peer");
    BOOST_TEST(run.last_words() == "peer ended the connection during the handshake");
    plain_peer gone{run, run.port()};
    gone.send("\x16\x03\x01");
    gone.reset();
    BOOST_TEST(run.end_of_session(3) == "failed: ECONNRESET");
    BOOST_TEST(run.server().statistics().connections == 0u);
}

BOOST_AUTO_TEST_CASE(the_handshake_has_a_deadline_that_no_byte_moves)
{
    const char* const sent[] = {"", "\x16", "\x16\x03\x01\x02"};
    for (const std::string bytes : sent) {
        BOOST_TEST_CONTEXT(bytes.size() << " bytes")
        {
            tls_scenario run{echo, good(), {.timeouts = {.handshake = 10s}}};
            plain_peer p{run, run.port()};
            p.send(bytes);
            run.steps(9900ms, 100ms);
            BOOST_TEST(!p.has_ended());
            BOOST_TEST(run.last_end().empty());
            run.steps(100ms, 10ms); // the wheel looks up to a tick late
            run.advance(5ms);
            BOOST_TEST(p.ends());
            BOOST_TEST(!p.was_reset());
            p.end();
            BOOST_TEST(run.end_of_session() == "failed: handshake_timeout");
            BOOST_TEST(run.server().statistics().connections == 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_timeout_of_the_handshake_has_to_be_above_zero)
{
    scenario run;
    BOOST_CHECK_THROW((server{run.runtime(), {.timeouts = {.handshake = 0s}}}), std::invalid_argument);
    BOOST_CHECK_NO_THROW((server{run.runtime(), {.timeouts = {.handshake = 1ns}}}));
}
