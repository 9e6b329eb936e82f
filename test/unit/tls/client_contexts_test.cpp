// SPDX-License-Identifier: BSL-1.0

// What a client's TLS takes to load is loaded beside the loop, and kept.
#include "tls/client_contexts.hpp"

#include "temporary_folder.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#include <hawser/connect.hpp>

#define BOOST_TEST_MODULE client_contexts
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::detail;
using namespace hawser::test;

namespace {

awaitable<void> wait_for_the_end(connection& c)
{
    while (const auto bytes = co_await c.read_some()) {
    }
}

awaitable<void> connect_once(endpoint where, connect_options options)
{
    connection c = co_await connect(std::move(where), std::move(options));
    co_await c.close();
}

connect_options trusting(pem authorities)
{
    connect_options o;
    o.tls.ca = std::move(authorities);
    return o;
}

// A file that is read as soon as somebody writes it, and only once: its reader waits until then.
class slow_file
{
public:
    slow_file() { BOOST_REQUIRE_EQUAL(::mkfifo(path().c_str(), 0600), 0); }
    std::string path() const { return folder_.path("ca.pem"); }

    // Once there is a reader.
    void write(scenario& run, const std::string& text) const
    {
        int fd = -1;
        BOOST_TEST_REQUIRE(until(run, [&] {
            fd = ::open(path().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
            return fd >= 0;
        }));
        BOOST_TEST(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        ::close(fd);
    }

private:
    temporary_folder folder_;
};

void write(const std::string& path, const pem& text)
{
    std::ofstream{path} << text.value();
}

} // namespace

BOOST_AUTO_TEST_CASE(a_loop_goes_on_while_a_clients_files_are_read)
{
    tls_scenario run{wait_for_the_end, good()};
    const slow_file authorities;
    std::vector<task<void>> all;
    for (int i = 0; i < 3; ++i) // one read for all
        all.push_back(run.start(connect_once(run.where(), trusting(pem{authorities.path()}))));
    BOOST_TEST(run.start(connect_once(run.where(), trusting(root().certificate()))).outcome() == "suspended");
    BOOST_TEST(run.end_of_session() == "completed");
    for (const auto& task : all)
        BOOST_TEST(task.outcome() == "suspended");
    authorities.write(run, root().certificate().value());
    for (const auto& task : all) {
        BOOST_TEST(until(run, [&] { return task.done(); }));
        BOOST_TEST(task.outcome() == "done");
    }
}

BOOST_AUTO_TEST_CASE(a_client_waits_for_its_files_until_its_timeout_or_until_it_is_cancelled)
{
    tls_scenario run{wait_for_the_end, good()};
    const slow_file authorities;
    connect_options options = trusting(pem{authorities.path()});
    auto cancelled = run.start(connect_once(run.where(), options));
    options.connect_timeout = 5s;
    const auto late = run.start(connect_once(run.where(), options));
    options.connect_timeout = never;
    const auto patient = run.start(connect_once(run.where(), options));
    cancelled.cancel();
    BOOST_TEST(cancelled.outcome() == "ECANCELED");
    run.advance(4990ms);
    BOOST_TEST(late.outcome() == "suspended");
    run.advance(20ms);
    BOOST_TEST(late.outcome() == "connect_timeout");
    BOOST_TEST(late.what() == run.where().to_string() + ": certificates: connect_timeout after 5 s");
    authorities.write(run, root().certificate().value());
    BOOST_TEST(until(run, [&] { return patient.done(); }));
    BOOST_TEST(patient.outcome() == "done");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_told_to_all_who_wait_for_it)
{
    scenario run;
    const slow_file authorities;
    std::vector<task<void>> all;
    for (int i = 0; i < 2; ++i)
        all.push_back(run.start(connect_once("tls://127.0.0.1:1", trusting(pem{authorities.path()}))));
    authorities.write(run, "no certificate");
    for (const auto& task : all) {
        BOOST_TEST(until(run, [&] { return task.done(); }));
        BOOST_TEST(task.what() == authorities.path() + ": expected certificates in PEM form");
    }
}

BOOST_AUTO_TEST_CASE(authorities_are_kept_when_no_connection_uses_them)
{
    tls_scenario run{wait_for_the_end, good()};
    for (const pem& authorities : {root().certificate(), pem{}}) { // the second: the system's
        const auto task = run.start(connect_once(run.where(), trusting(authorities)));
        BOOST_TEST(until(run, [&] { return task.done(); }));
        BOOST_TEST(task.outcome() == (authorities.empty() ? "certificate_unknown_authority" : "done"));
        const auto kept = kept_client_context(client_context_key{{.ca = authorities}});
        BOOST_TEST(kept.use_count() == 2);
        BOOST_TEST(kept_client_context(client_context_key{{.ca = authorities, .server_name = "other"}}) == kept);
        BOOST_TEST(!kept_client_context(client_context_key{{.ca = authorities, .alpn = {"h2"}}}));
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_has_changed_is_read_anew)
{
    const temporary_folder folder;
    const std::string path = folder.path("ca.pem");
    write(path, root().certificate());
    const auto first = client_context(client_context_key{{.ca = path}});
    BOOST_TEST(client_context(client_context_key{{.ca = path}}) == first);
    const std::string next = folder.path("next.pem");
    write(next, test_authority{"another"}.certificate());
    BOOST_REQUIRE_EQUAL(::rename(next.c_str(), path.c_str()), 0);
    BOOST_TEST(client_context(client_context_key{{.ca = path}}) != first);
}

BOOST_AUTO_TEST_CASE(the_contexts_used_last_are_kept_and_no_more)
{
    const auto with = [](std::size_t n) {
        return client_context_key{{.ca = root().certificate(), .alpn = {"protocol " + std::to_string(n)}}};
    };
    for (std::size_t n = 0; n < client_contexts_kept; ++n)
        client_context(with(n));
    BOOST_TEST(static_cast<bool>(kept_client_context(with(0)))); // now the one used last
    client_context(with(client_contexts_kept));
    BOOST_TEST(static_cast<bool>(kept_client_context(with(0))));
    BOOST_TEST(!kept_client_context(with(1)));
    BOOST_TEST(static_cast<bool>(kept_client_context(with(2))));
}
