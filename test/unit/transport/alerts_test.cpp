// SPDX-License-Identifier: BSL-1.0

// Which alerts of a peer are errors (RFC 5246, section 7.2; RFC 8446, section 6).
#include <hawser/tls.hpp>

#include "sealed_records.hpp"
#include "test_certificate.hpp"
#include "tls_peer.hpp"

#define BOOST_TEST_MODULE tls_alerts
#include <boost/test/unit_test.hpp>

#include <string>

using namespace hawser;
using namespace hawser::test;

namespace {

struct alert_case {
    const char* name;
    int version;
    int level;
    int description;
    const char* end; // the session's
};

constexpr int warning = SSL3_AL_WARNING;
constexpr int fatal = SSL3_AL_FATAL;
constexpr const char* passed_over = "completed";
constexpr const char* refused = "failed: refused_by_peer";

} // namespace

BOOST_AUTO_TEST_CASE(an_alert_ends_the_session_if_the_version_spoken_calls_it_an_error)
{
    const alert_case table[] = {
        {"1.2, user_canceled", TLS1_2_VERSION, warning, SSL_AD_USER_CANCELLED, passed_over},
        {"1.2, unrecognized_name", TLS1_2_VERSION, warning, SSL_AD_UNRECOGNIZED_NAME, passed_over},
        {"1.2, an unknown warning", TLS1_2_VERSION, warning, 255, passed_over},
        {"1.2, fatal user_canceled", TLS1_2_VERSION, fatal, SSL_AD_USER_CANCELLED, refused},
        {"1.2, fatal unrecognized_name", TLS1_2_VERSION, fatal, SSL_AD_UNRECOGNIZED_NAME, refused},
        {"1.2, fatal close_notify", TLS1_2_VERSION, fatal, SSL_AD_CLOSE_NOTIFY, refused},
        {"1.2, a level that does not exist", TLS1_2_VERSION, 3, SSL_AD_INTERNAL_ERROR, "failed: record_refused"},
        {"1.3, user_canceled", TLS1_3_VERSION, warning, SSL_AD_USER_CANCELLED, passed_over},
        {"1.3, user_canceled called fatal", TLS1_3_VERSION, fatal, SSL_AD_USER_CANCELLED, passed_over},
        {"1.3, close_notify called fatal", TLS1_3_VERSION, fatal, SSL_AD_CLOSE_NOTIFY, passed_over},
        {"1.3, unrecognized_name called a warning", TLS1_3_VERSION, warning, SSL_AD_UNRECOGNIZED_NAME, refused},
        {"1.3, internal_error", TLS1_3_VERSION, fatal, SSL_AD_INTERNAL_ERROR, refused},
        {"1.3, an unknown alert called a warning", TLS1_3_VERSION, warning, 255, refused},
    };
    for (const alert_case& t : table) {
        BOOST_TEST_CONTEXT(t.name)
        {
            tls_scenario run{echo, good()};
            tls_peer p{run, run.port(), {.ca = root().certificate(), .version = t.version}};
            BOOST_TEST_REQUIRE(p.shake());
            sealed_records client{p.ssl(), p.secret()};
            p.send(client.data("before"));
            BOOST_TEST(p.read(6) == "before");
            p.send(client.alert(t.level, t.description));
            if (t.end == passed_over && t.description != SSL_AD_CLOSE_NOTIFY) {
                p.send(client.data("after"));
                BOOST_TEST(p.read(5) == "after");
                p.send(client.alert(warning, SSL_AD_CLOSE_NOTIFY));
            }
            p.end();
            BOOST_TEST(run.end_of_session() == t.end);
            p.read_to_end();
            BOOST_TEST(p.saw_end() == (t.end == passed_over));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_peer_that_sends_nothing_but_warnings_is_cut)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), {.ca = root().certificate(), .version = TLS1_3_VERSION}};
    BOOST_TEST_REQUIRE(p.shake());
    sealed_records client{p.ssl(), p.secret()};
    for (int i = 0; i < 5; ++i)
        p.send(client.alert(warning, SSL_AD_USER_CANCELLED));
    p.end();
    BOOST_TEST(run.end_of_session() == "failed: record_refused");
}

BOOST_AUTO_TEST_CASE(an_error_after_a_warning_is_not_blamed_on_the_warning)
{
    tls_scenario run{echo, good()};
    tls_peer p{run, run.port(), {.ca = root().certificate(), .version = TLS1_2_VERSION}};
    BOOST_TEST_REQUIRE(p.shake());
    sealed_records client{p.ssl(), p.secret()};
    p.send(client.alert(warning, SSL_AD_USER_CANCELLED));
    p.send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    p.end();
    BOOST_TEST(run.end_of_session() == "failed: record_refused");
}
