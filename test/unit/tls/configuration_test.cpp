// SPDX-License-Identifier: BSL-1.0

// What a server is given to speak TLS with: checked when it listens, and loaded anew while it runs.
#include <hawser/tls.hpp>

#include "temporary_folder.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE tls_configuration
#include <boost/test/unit_test.hpp>

#include <hawser/acceptor.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

// Files in a folder that goes with it.
class folder : public temporary_folder
{
public:
    std::string write(const char* name, const pem& contents) const
    {
        const std::string file = path(name);
        std::ofstream{file} << contents.value();
        return file;
    }
};

awaitable<void> say_hello(connection& c)
{
    co_await c.write("hello");
    while (const auto dropped = co_await c.read_some()) {
    }
}

// The symbol and the words of what listening throws.
std::string failure_of(const tls_server& tls, const char* where = "tls://127.0.0.1:0")
{
    scenario run;
    server s{run.runtime()};
    try {
        s.listen(where, say_hello, {.tls = tls});
    } catch (const tls_error& e) {
        return symbol(e.code()) + ": " + e.what();
    } catch (const std::invalid_argument& e) {
        return std::string{"invalid: "} + e.what();
    }
    return s.endpoints().empty() ? "nothing listens" : "";
}

std::string subject_shown(tls_scenario& run)
{
    tls_peer p{run, run.port(), {}};
    return p.shake() ? p.subject() : "no handshake: " + p.failure();
}

} // namespace

BOOST_AUTO_TEST_CASE(each_fault_of_a_certificate_or_key_is_refused_at_the_start_with_the_files_name)
{
    const folder files;
    const tls_pair good = root().issue({.subject = "good"});
    const tls_pair other = root().issue({.subject = "other"});
    const std::string chain = files.write("good.pem", good.certificate_chain);
    const std::string key = files.write("good.key", good.private_key);
    const std::string expired = files.write("old.pem", root().issue({.subject = "old", .until = -1}).certificate_chain);
    const std::string young =
        files.write("young.pem", root().issue({.subject = "young", .from = 60}).certificate_chain);
    const std::string other_key = files.write("other.key", other.private_key);
    const std::string empty = files.write("empty.pem", pem::text(""));
    const std::string cut =
        files.write("cut.pem", pem::text(good.certificate_chain.value() + "-----BEGIN CERTIFICATE-----\nMIIB\n"));
    const std::string missing = files.path("missing.pem");
    const std::string directory = files.path("");
    struct {
        const char* name;
        tls_server tls;
        std::string end;
    } const table[] = {
        {"good files", {.certificate_chain = chain, .private_key = key}, ""},
        {"good text", {.certificate_chain = good.certificate_chain, .private_key = good.private_key}, ""},
        {"no chain",
         {.certificate_chain = missing, .private_key = key},
         "ENOENT: " + missing + ": cannot be read: ENOENT (No such file or directory)"},
        {"no key",
         {.certificate_chain = chain, .private_key = missing},
         "ENOENT: " + missing + ": cannot be read: ENOENT (No such file or directory)"},
        {"a directory",
         {.certificate_chain = directory, .private_key = key},
         "EISDIR: " + directory + ": cannot be read: EISDIR (Is a directory)"},
        {"an empty file",
         {.certificate_chain = empty, .private_key = key},
         "invalid_certificate: " + empty + ": expected certificates in PEM form"},
        {"a key where the chain should be",
         {.certificate_chain = key, .private_key = key},
         "invalid_certificate: " + key + ": expected certificates in PEM form"},
        {"a chain where the key should be",
         {.certificate_chain = chain, .private_key = chain},
         "invalid_key: " + chain + ": expected a private key in PEM form"},
        {"a chain cut short",
         {.certificate_chain = cut, .private_key = key},
         "invalid_certificate: " + cut + ": certificate 2 is damaged"},
        {"another's key",
         {.certificate_chain = chain, .private_key = other_key},
         "key_mismatch: " + other_key + ": private key is not that of the certificate of CN=good in " + chain},
        {"expired",
         {.certificate_chain = expired, .private_key = key},
         "certificate_expired: " + expired + ": certificate of CN=old has expired on 2"},
        {"not yet valid",
         {.certificate_chain = young, .private_key = key},
         "certificate_not_yet_valid: " + young + ": certificate of CN=young is not valid before 2"},
        {"text that is none",
         {.certificate_chain = pem::text("x"), .private_key = key},
         "invalid_certificate: PEM text in memory: expected certificates in PEM form"},
        {"a bad pair for one name",
         {.certificate_chain = chain,
          .private_key = key,
          .sni = {{"h", {.certificate_chain = missing, .private_key = key}}}},
         "ENOENT: " + missing},
        {"no authority's file",
         {.certificate_chain = chain,
          .private_key = key,
          .client_certificates = client_certificates::required,
          .client_ca = missing},
         "ENOENT: " + missing},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            const std::string failure = failure_of(t.tls);
            BOOST_TEST(failure.substr(0, std::max<std::size_t>(t.end.size(), t.end.empty() ? 200 : 0)) == t.end);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_may_not_be_read_is_refused_by_name)
{
    constexpr uid_t nobody = 65534;
    const folder files;
    const tls_pair good = root().issue();
    const std::string key = files.write("secret.key", good.private_key);
    std::filesystem::permissions(files.path(""), std::filesystem::perms{0755});
    std::filesystem::permissions(key, std::filesystem::perms::none);
    const bool is_root = ::geteuid() == 0; // who may read everything
    if (is_root)
        BOOST_REQUIRE(::seteuid(nobody) == 0);
    const std::string failure = failure_of({.certificate_chain = good.certificate_chain, .private_key = key});
    if (is_root)
        BOOST_REQUIRE(::seteuid(0) == 0);
    BOOST_TEST(failure == "EACCES: " + key + ": cannot be read: EACCES (Permission denied)");
}

BOOST_AUTO_TEST_CASE(options_that_contradict_each_other_or_the_endpoint_are_refused_by_field)
{
    const tls_pair good = root().issue();
    const tls_server with{.certificate_chain = good.certificate_chain, .private_key = good.private_key};
    const auto changed = [&](auto change) {
        tls_server tls = with;
        change(tls);
        return tls;
    };
    struct {
        const char* name;
        tls_server tls;
        const char* words;
    } const table[] = {
        {"no chain", changed([](auto& t) { t.certificate_chain = {}; }),
         "invalid: tls_server.certificate_chain: expected a file or PEM text, got nothing"},
        {"no key", changed([](auto& t) { t.private_key = {}; }),
         "invalid: tls_server.private_key: expected a file or PEM text, got nothing"},
        {"an empty protocol", changed([](auto& t) { t.alpn = {""}; }),
         "invalid: alpn: expected protocols of 1 to 255 bytes, got one of 0"},
        {"the longest protocol", changed([](auto& t) { t.alpn = {std::string(255, 'x')}; }), ""},
        {"a longer protocol", changed([](auto& t) { t.alpn = {std::string(256, 'x')}; }),
         "invalid: alpn: expected protocols of 1 to 255 bytes, got one of 256"},
        {"a name without its key",
         changed([&](auto& t) { t.sni["h"] = {.certificate_chain = good.certificate_chain}; }),
         "invalid: tls_server.sni[\"h\"].private_key: expected a file or PEM text, got nothing"},
        {"asking without authorities", changed([](auto& t) { t.client_certificates = client_certificates::required; }),
         "invalid: tls_server.client_ca: expected authorities for client certificates, got none"},
        {"authorities without asking", changed([](auto& t) { t.client_ca = root().certificate(); }),
         "invalid: tls_server.client_ca: expected client_certificates optional or required"},
    };
    for (const auto& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            BOOST_TEST(failure_of(t.tls) == t.words);
        }
    }
    BOOST_TEST(failure_of(with, "tcp://127.0.0.1:0") ==
               "invalid: listen_options.tls: expected a tls://, fd: or systemd: endpoint, got tcp://127.0.0.1:0");
    scenario run;
    server s{run.runtime()};
    BOOST_CHECK_THROW(s.listen("tls://127.0.0.1:0", say_hello), std::invalid_argument);
    acceptor a{run.runtime()};
    BOOST_CHECK_THROW(a.bind("tls://127.0.0.1:0"), endpoint_error);
}

BOOST_AUTO_TEST_CASE(a_reload_is_used_by_the_handshakes_that_begin_after_it)
{
    const folder files;
    const tls_pair before = root().issue({.subject = "before"});
    const tls_pair after = root().issue({.subject = "after", .until = 1000});
    const std::string chain = files.write("server.pem", before.certificate_chain);
    const std::string key = files.write("server.key", before.private_key);
    tls_scenario run{say_hello, {.certificate_chain = chain, .private_key = key}};
    tls_peer early{run, run.port(), {}};
    BOOST_TEST_REQUIRE(early.shake());
    BOOST_TEST(early.subject() == "before");
    const auto expiry_before = run.server().certificates_expire();
    files.write("server.pem", after.certificate_chain);
    files.write("server.key", after.private_key);
    BOOST_TEST(subject_shown(run) == "before");
    run.server().reload_tls();
    BOOST_TEST(subject_shown(run) == "after");
    BOOST_TEST((run.seen().reloads == std::vector<std::string>{"1"}));
    BOOST_TEST((run.server().certificates_expire() < expiry_before));
    early.write("still open");
    BOOST_TEST(early.read(5) == "hello");
    BOOST_TEST(!early.is_over());
}

BOOST_AUTO_TEST_CASE(a_reload_that_fails_leaves_every_listener_as_it_was)
{
    const folder files;
    const tls_pair one = root().issue({.subject = "one"});
    const tls_pair two = root().issue({.subject = "two"});
    const tls_pair next = root().issue({.subject = "next"});
    tls_scenario run{say_hello,
                     {.certificate_chain = files.write("one.pem", one.certificate_chain),
                      .private_key = files.write("one.key", one.private_key)}};
    run.server().listen("tls://127.0.0.1:0", say_hello,
                        {.tls = tls_server{.certificate_chain = files.write("two.pem", two.certificate_chain),
                                           .private_key = files.write("two.key", two.private_key)}});
    files.write("one.pem", next.certificate_chain);
    files.write("one.key", next.private_key);
    files.write("two.pem", next.certificate_chain); // without its key
    BOOST_CHECK_EXCEPTION(run.server().reload_tls(), tls_error,
                          [](const tls_error& e) { return e.code() == errc::key_mismatch; });
    BOOST_TEST(subject_shown(run) == "one");
    BOOST_TEST((run.seen().reloads == std::vector<std::string>{"key_mismatch"}));
    files.write("two.key", next.private_key);
    run.server().reload_tls();
    BOOST_TEST(subject_shown(run) == "next");
    BOOST_TEST((run.seen().reloads == std::vector<std::string>{"key_mismatch", "2"}));
}

BOOST_AUTO_TEST_CASE(a_server_without_tls_has_nothing_to_reload)
{
    scenario run;
    server s{run.runtime(), {.observer = std::make_shared<recorder>()}};
    s.reload_tls();
    BOOST_TEST(!s.certificates_expire().has_value());
}
