// SPDX-License-Identifier: BSL-1.0

// The admin endpoint without sockets: whom it answers and what, its forms of a table of sockets, and the metrics.
#include "admin/answers.hpp"

#include "admin/host.hpp"
#include "admin/metrics.hpp"
#include "http_served.hpp"

#define BOOST_TEST_MODULE admin
#include <boost/test/unit_test.hpp>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

awaitable<void> echo(connection& peer)
{
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

detail::socket_row session_row()
{
    return {.protocol = "tcp6",
            .over_tls = true,
            .state = {"ESTABLISHED", 12, 3456, {}},
            .local = "[::1]:7443",
            .peer = "[::1]:50000",
            .descriptor = 27,
            .session = detail::session_facts{
                .age = 3h + 12min + 5s,
                .idle = 250ms,
                .waiting_for = wait_kind::output_room,
                .waiting_time = 61s,
                .carried = {1, 2, 3, 4},
                .tls = tls_info{"TLSv1.3", "TLS_AES_128_GCM_SHA256", "h2", "a\x1b[2J b\xff", true, "CN=c"}}};
}

detail::socket_row listener_row()
{
    return {.protocol = "unix", .state = {"LISTEN", 1, 4096, {}}, .local = "/a b", .peer = "*", .descriptor = 9};
}

const detail::process_facts somebody{.pid = 4711, .user = "www-data"};

// The admin's answers about a server that listens nowhere, to a client of the admin.
struct asked {
    explicit asked(bool may_drain = false) : about{.served = detail::server_access::get(of.server()).shared()}
    {
        about.may_drain = may_drain;
    }

    // The status and the body, or with `more` the whole answer.
    std::string ask(const std::string& line, const std::string& host = "localhost")
    {
        const std::string whole = run.ask(line + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        return whole.substr(9, 3) + ' ' + whole.substr(whole.find("\r\n\r\n") + 4);
    }

    server_scenario of;
    detail::admin_subject about;
    served run{[this](request& q, response& r) { return detail::answer(about, q, r); }};
};

std::string forbidden_host()
{
    return "403 Host: expected an address or localhost\n";
}

} // namespace

// ---- Whom it answers

BOOST_AUTO_TEST_CASE(a_host_is_an_address_or_localhost)
{
    for (const char* host : {"127.0.0.1", "127.0.0.1:9090", "10.1.2.3:1", "[::1]", "[::1]:9090", "[fe80::1]",
                             "localhost", "LocalHost:9090", "localhost:"})
        BOOST_TEST(detail::names_no_foreign_host(host), host);
    for (const char* host : {"",
                             "example.org",
                             "localhost.example.org",
                             "localhost.",
                             "xlocalhost",
                             "127.0.0.1.example.org",
                             "127.0.0.1x",
                             "127.1",
                             "2130706433",
                             "0x7f.0.0.1",
                             "::1",
                             "[::1",
                             "[::1]x",
                             "[::1]:x",
                             "[localhost]",
                             "[127.0.0.1]",
                             "localhost:x",
                             "127.0.0.1:9090:1",
                             "[::1]]",
                             ":9090"})
        BOOST_TEST(!detail::names_no_foreign_host(host), host);
}

BOOST_AUTO_TEST_CASE(a_foreign_host_is_refused_whatever_it_asks_for)
{
    asked admin{true};
    for (const char* line : {"GET /health", "GET /connections", "GET /metrics", "POST /drain", "GET /", "GET /none"})
        BOOST_TEST(admin.ask(line, "attacker.example:9090") == forbidden_host(), line);
    BOOST_TEST(admin.ask("GET http://attacker.example/health", "attacker.example") == forbidden_host());
    BOOST_TEST(!detail::server_access::get(admin.of.server()).begun_draining());
}

BOOST_AUTO_TEST_CASE(what_is_not_there_or_not_allowed_is_said_so)
{
    asked admin;
    BOOST_TEST(admin.ask("GET /none").starts_with("404 GET  /connections "));
    BOOST_TEST(admin.ask("GET /").starts_with("200 GET  /connections "));
    for (const char* path : {"/", "/connections", "/metrics", "/health"})
        for (const char* method : {"POST ", "PUT ", "DELETE "})
            BOOST_TEST(admin.ask(std::string{method} + path) == "405 expected GET, HEAD\n");
    BOOST_TEST(admin.run.ask("HEAD /health HTTP/1.1\r\nHost: [::1]\r\n\r\n") ==
               "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
               "Content-Length: 6\r\n\r\n");
}

// ---- Health and drain

BOOST_AUTO_TEST_CASE(health_is_ready_until_the_drain_begins)
{
    asked admin;
    BOOST_TEST(admin.ask("GET /health") == "200 ready\n");
    admin.of.server().drain();
    BOOST_TEST(admin.ask("GET /health") == "503 draining\n");
}

BOOST_AUTO_TEST_CASE(a_drain_is_begun_by_post_where_it_may_be)
{
    asked admin{true};
    BOOST_TEST(admin.ask("GET /drain") == "405 expected POST\n");
    BOOST_TEST(!detail::server_access::get(admin.of.server()).begun_draining());
    BOOST_TEST(admin.ask("POST /drain") == "202 draining\n");
    admin.of.poll();
    BOOST_REQUIRE_EQUAL(admin.of.seen().drains.size(), 1u);
    BOOST_TEST(admin.of.seen().drains[0] == "drain 0");
}

BOOST_AUTO_TEST_CASE(a_drain_is_refused_where_it_may_not_be)
{
    asked admin;
    for (const char* method : {"GET", "POST", "HEAD"})
        BOOST_TEST(admin.ask(std::string{method} + " /drain").starts_with("403 "));
    BOOST_TEST(!detail::server_access::get(admin.of.server()).begun_draining());
}

// ---- Forms

BOOST_AUTO_TEST_CASE(a_table_has_a_word_for_each_column)
{
    const std::string expected =
        "Proto Recv-Q Send-Q Local-Address Peer-Address State        PID User      FD   Age Idle Awaits        For "
        "Bytes-In Bytes-Out Frames-In Frames-Out TLS\n"
        "unix       1   4096 /a\\x20b       *            LISTEN      4711 www-data  9u     -    - -               - "
        "       -         -         -          - -\n"
        "tcp6      12   3456 [::1]:7443    [::1]:50000  ESTABLISHED 4711 www-data 27u 3h12m 0.2s output_room 1m01s "
        "       1         2         3          4 "
        "TLSv1.3,TLS_AES_128_GCM_SHA256,alpn=h2,sni=a\\x1b[2J\\x20b\\xff,resumed,peer=CN=c\n"
        "loop 1 has not answered: kept by the handler of 127.0.0.1:50001\n"
        "loop 2 has not answered\n";
    const detail::socket_rows all{{listener_row(), session_row()}, {{1, "127.0.0.1:50001"}, {2, ""}}};
    BOOST_TEST(to_table(all, somebody) == expected);
}

BOOST_AUTO_TEST_CASE(json_has_a_line_for_each_row)
{
    const std::string expected =
        "{\"connections\":[\n"
        R"({"protocol":"unix","receive_queue":1,"send_queue":4096,"local":"/a b","peer":"*","state":"LISTEN",)"
        R"("pid":4711,"user":"www-data","fd":9,"over_tls":false},)"
        "\n"
        R"({"protocol":"tcp6","receive_queue":12,"send_queue":3456,"local":"[::1]:7443","peer":"[::1]:50000",)"
        R"("state":"ESTABLISHED","pid":4711,"user":"www-data","fd":27,"over_tls":true,"age_ms":11525000,)"
        R"("idle_ms":250,"waiting_for":"output_room","waiting_ms":61000,"bytes_in":1,"bytes_out":2,"frames_in":3,)"
        R"("frames_out":4,"tls":{"version":"TLSv1.3","cipher":"TLS_AES_128_GCM_SHA256","alpn":"h2",)"
        R"("server_name":"a\u001b[2J b?","resumed":true,"peer_subject":"CN=c"}})"
        "\n],\"silent_loops\":[\n"
        R"({"number":1,"kept_by":"127.0.0.1:50001"})"
        "]}\n";
    const detail::socket_rows all{{listener_row(), session_row()}, {{1, "127.0.0.1:50001"}}};
    BOOST_TEST(to_json(all, somebody) == expected);
    BOOST_TEST(to_json({}, somebody) == "{\"connections\":[\n],\"silent_loops\":[]}\n");
}

BOOST_AUTO_TEST_CASE(metrics_are_the_statistics)
{
    server_scenario of;
    peer client = of.open(echo);
    client.send(frame("hello") + frame("you"));
    const std::string text = detail::to_metrics(detail::server_access::get(of.server()));
    for (const char* line :
         {"# TYPE hawser_connections gauge\n", "# TYPE hawser_received_bytes_total counter\n",
          "\nhawser_received_bytes_total 16\n", "\nhawser_sent_bytes_total 16\n", "\nhawser_received_frames_total 2\n",
          "\nhawser_sent_frames_total 2\n", "\nhawser_draining 0\n", "\nhawser_loops 1\n",
          "\nhawser_loop_connections{loop=\"0\"} 1\n"})
        BOOST_TEST(text.find(line) != std::string::npos, line << text);
    BOOST_TEST(text.find("certificate") == std::string::npos);
    of.server().drain();
    BOOST_TEST(detail::to_metrics(detail::server_access::get(of.server())).find("\nhawser_draining 1\n") !=
               std::string::npos);
}

// ---- Since when

BOOST_AUTO_TEST_CASE(each_wait_is_timed_from_its_begin)
{
    scenario run;
    auto [connection, peer] = run.connect({.high_water = 100, .low_water = 50});
    detail::connection_core& c = detail::core_access::get(connection);
    const auto waited = [&] {
        const auto since = c.waiting_since();
        return since ? run.time.now() - *since : duration{-1};
    };
    BOOST_TEST((waited() == duration{-1}));

    auto read = run.start(connection.read_some());
    run.advance(3s);
    BOOST_TEST((waited() == 3s));
    peer.send("x");
    BOOST_TEST((waited() == duration{-1}));

    peer.capacity(0);
    auto first = run.start(connection.write(std::string(100, 'x')));
    auto second = run.start(connection.write("y"));
    run.advance(2s);
    BOOST_TEST((c.waiting_for() == wait_kind::output_room));
    BOOST_TEST((waited() == 2s));
    second.cancel();
    auto flush = run.start(connection.flush());
    run.advance(1s);
    BOOST_TEST((c.waiting_for() == wait_kind::output_flushed));
    BOOST_TEST((waited() == 1s));

    peer.capacity(1000);
    peer.received();
    auto close = run.start(connection.close());
    run.advance(1s);
    BOOST_TEST((c.waiting_for() == wait_kind::end));
    BOOST_TEST((waited() == 1s));
}
