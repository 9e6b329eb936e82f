// SPDX-License-Identifier: BSL-1.0

// port_scan: tells which TCP ports of a host are open, and what becomes of a connection to each other one.
#include "common/client_options.hpp"
#include "common/program.hpp"
#include "common/progress.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"
#include "port_scan/port_ranges.hpp"
#include "port_scan/report.hpp"
#include "port_scan/scan.hpp"

#include <hawser/names.hpp>
#include <hawser/runtime.hpp>
#include <hawser/server.hpp>

#include <algorithm>
#include <iostream>
#include <optional>

namespace {

constexpr std::size_t other_descriptors = 32; // what the program has open beside the connections

struct wanted {
    std::string host;
    app::scan_plan plan;
    bool json = false;
};

std::string text_of(const hawser::address_info& info)
{
    const auto& a = info.address;
    return a.host + (a.scope_id != 0 ? '%' + std::to_string(a.scope_id) : "");
}

// The first address of the host; whoever meant another one is told.
hawser::awaitable<std::string> find_address(const std::string& host)
{
    hawser::address_query query;
    query.host = host;
    query.type = hawser::socket_type::stream;
    const auto found = co_await hawser::resolve(query);
    for (std::size_t i = 1; i < found.size(); ++i)
        std::cerr << app::one_line("port_scan: " + host + " is " + text_of(found[i]) + " too, which is left out") +
                         '\n';
    co_return text_of(found.front());
}

void keep_to_descriptor_limit(app::scan_plan& plan)
{
    const std::size_t limit = hawser::raise_descriptor_limit();
    if (limit <= other_descriptors)
        throw app::failure{"descriptor limit: expected more than " + std::to_string(other_descriptors) + ", got " +
                           std::to_string(limit)};
    const std::size_t room = limit - other_descriptors;
    if (room >= std::min(plan.parallel, plan.ports.size()))
        return;
    std::cerr << "port_scan: the descriptor limit of " + std::to_string(limit) + " leaves room for " +
                     std::to_string(room) + " connections at once, not " + std::to_string(plan.parallel) + '\n';
    plan.parallel = room;
}

hawser::awaitable<app::scan_report> run(wanted& w)
{
    w.plan.address = co_await find_address(w.host);
    const auto begun = std::chrono::steady_clock::now();
    app::progress progress{w.plan.ports.size(), "ports"};
    w.plan.port_done = [&progress] { progress.add(1); };
    app::scan_report report{.host = w.host, .address = w.plan.address, .timeout = w.plan.timeout, .results = {}};
    report.results = co_await app::scan(w.plan);
    report.took = std::chrono::steady_clock::now() - begun;
    co_return report;
}

} // namespace

int main(int argc, char** argv)
{
    app::command_line line{"port_scan",
                           "Tells which TCP ports of a host are open, and why the others are not.",
                           {.form = "HOST PORTS",
                            .meaning = "HOST: a name or an address, of which the first is scanned\n"
                                       "PORTS: ports and ranges of them, such as 22,80,8000-8100",
                            .least = 2,
                            .most = 2}};
    wanted w;
    line.add_value("--timeout", "D",
                   "Time that each port has for an answer (default: " + app::to_string(w.plan.timeout) + ')',
                   [&](const std::string& text) { w.plan.timeout = app::read_duration(text); });
    line.add_value(
        "--parallel", "N", "Connections at once (default: " + std::to_string(w.plan.parallel) + ')',
        [&](const std::string& text) { w.plan.parallel = static_cast<std::size_t>(app::read_number(text, 1, 65535)); });
    line.add_value("--rate", "N",
                   "Connections begun in a second, at most (default: " + std::to_string(w.plan.rate) + ')',
                   [&](const std::string& text) { w.plan.rate = app::read_number(text, 1, 1'000'000); });
    const app::source_options options{line};
    line.add_switch("--json", w.json, "Print JSON, with every port");
    line.add_note("A duration D has a unit (500ms, 10s, 2m, 1h) or is never.");

    return app::run_client(line, argc, argv, [&] {
        w.host = line.arguments()[0];
        w.plan.ports = app::read_ports(line.arguments()[1]);
        w.plan.source = options.source();
        w.plan.connected = [&options](const hawser::endpoint& from, const hawser::endpoint& to) {
            if (options.verbose())
                app::progress::clear();
            options.say_connected(from.short_string(), to.short_string());
        };
        keep_to_descriptor_limit(w.plan);
        app::before_interruption(app::progress::clear);
        hawser::runtime runtime{{.loops = 1, .blocked_after = hawser::never}};
        const app::scan_report report = hawser::run(runtime, run(w));
        w.json ? print_json(report) : print_text(report);
    });
}
