// SPDX-License-Identifier: BSL-1.0
#include "options.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <map>

namespace load {

namespace {

// In CLI11's terms: a whole number with one of these units, never without.
struct duration : CLI::AsNumberWithUnit {
    duration() : AsNumberWithUnit{units(), AsNumberWithUnit::UNIT_REQUIRED, "DURATION"} {}

    static std::map<std::string, std::int64_t> units()
    {
        return {{"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}};
    }
};

void add_duration(CLI::App& app, const std::string& name, std::chrono::nanoseconds& value, const std::string& what)
{
    app.add_option_function<std::int64_t>(
           name, [&value](std::int64_t count) { value = std::chrono::nanoseconds{count}; }, what)
        ->transform(duration{});
}

void add_shape(CLI::App& app, options& o)
{
    app.add_option("endpoint", o.endpoint, "tcp://ADDRESS:PORT or unix:PATH")->required();
    app.add_option("--mode", o.mode, "frames have a length of four bytes before them, http sends GETs (bytes)")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, mode>{{"bytes", mode::bytes}, {"frames", mode::frames}, {"http", mode::http}}))
        ->option_text("bytes|frames|http");
    app.add_option("--window", o.window, "wait for a whole pipeline, or send a message for each answer (lock-step)")
        ->transform(CLI::CheckedTransformer(
            std::map<std::string, window>{{"lock-step", window::lock_step}, {"sliding", window::sliding}}))
        ->option_text("lock-step|sliding");
    app.add_option("--connections", o.connections, "all on one thread (64)")->check(CLI::Range(1u, 100'000u));
    app.add_option("--pipeline", o.pipeline, "messages of a connection that may be without answer (1; 64 with --rate)")
        ->check(CLI::Range(1u, 1'000'000u));
    app.add_option("--rate", o.rate,
                   "an open loop: so many messages are due each second, and a latency counts from then (closed)")
        ->check(CLI::Range(1u, 10'000'000u));
    app.add_option("--size", o.size, "bytes of a payload (64)");
    app.add_option("--source", o.source, "connect from this IPv4 address");
}

void add_goals(CLI::App& app, options& o)
{
    app.add_option("--warm-up", o.warm_up, "messages before the measurement (0)");
    app.add_option("--messages", o.messages, "end when so many messages are measured");
    add_duration(app, "--duration", o.duration, "end after so long: 500ms, 10s, 2m (10s, if nothing else ends it)");
    add_duration(app, "--patience", o.patience,
                 "give up a connection that owes an answer for so long, and a run in which nothing comes (10s)");
    app.add_option("--cpu-of", o.cpu_of, "report the CPU time of this process during the measurement");
    app.add_flag("--json", o.json, "print one JSON object");
}

void add_end(CLI::App& app, options& o)
{
    app.add_flag("--until-end", o.until_end, "go on until the server has closed every connection; count what was lost");
    add_duration(app, "--grace", o.grace,
                 "a message sent so long before the server's end must be answered, and each sent before "
                 "the SIGTERM (50ms)");
    const auto term = app.add_option("--term-pid", o.term_pid,
                                     "SIGTERM to this process under load, which stands still while every window "
                                     "is filled; implies --until-end")
                          ->check(CLI::PositiveNumber);
    add_duration(app, "--term-after", o.term_after, "so long after the first message (0ms)");
    app.get_option("--term-after")->needs(term);
    app.add_option("--term-outstanding", o.term_outstanding,
                   "only at a moment when so many messages are sent and not answered")
        ->needs(term);
}

// The least that HTTP/1.1 asks for, as the other load generators send it.
std::string get_request(const std::string& endpoint)
{
    const auto scheme = endpoint.find("://");
    const auto host =
        endpoint.starts_with("unix:") ? "localhost" : endpoint.substr(scheme == endpoint.npos ? 0 : scheme + 3);
    return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

void check(options& o, bool size_given)
{
    if (o.rate != 0 && o.term_pid != 0)
        throw usage_error{"--rate and --term-pid exclude each other"};
    o.until_end = o.until_end || o.term_pid != 0;
    if (o.mode == mode::http) {
        if (size_given)
            throw usage_error{"--size needs --mode bytes or frames"};
        o.request = get_request(o.endpoint);
        o.size = o.request.size();
    }
    if (o.message_bytes() == 0)
        throw usage_error{"--size 0 needs --mode frames"};
    if (o.message_bytes() * o.pipeline > (std::size_t{1} << 30) / o.connections)
        throw usage_error{"--connections, --pipeline and --size ask for more than 1 GiB in flight"};
    if (o.term_outstanding > std::uint64_t{o.connections} * o.pipeline)
        throw usage_error{"--term-outstanding is more than --connections times --pipeline"};
    if (o.messages == 0 && o.duration.count() == 0 && !o.until_end)
        o.duration = std::chrono::seconds{10};
}

} // namespace

options parse(int argc, char** argv)
{
    options o;
    CLI::App app{
        "A load on one thread: every connection sends, waits for its answers, and sends again; with --rate\n"
        "it sends when a message is due, and one that cannot be sent then is late by its own fault; what is\n"
        "due before the end is sent and waited for after it. Each answer must equal what was sent, byte for\n"
        "byte; in http it must be a whole 200 whose body is `Hello, World!`.\n"
        "Errors are counted by kind, with the first of each: connect ECONNREFUSED and the like, reset, closed,\n"
        "timeout, torn, wrong answer, status 404 and the like, unanswered. A connection that ends is replaced:\n"
        "at once, then 10 ms after an attempt has failed, twice as long after each further one up to 1 s, until\n"
        "an answer comes. Exit status: 0; 1 when there was an error; 2 for wrong usage."};
    app.set_version_flag("--version", std::string{"load (Hawser) "} + LOAD_VERSION);
    add_shape(app, o);
    add_goals(app, o);
    add_end(app, o);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& help_or_version) {
        std::exit(app.exit(help_or_version));
    } catch (const CLI::ParseError& error) {
        throw usage_error{error.what()};
    }
    if (o.rate != 0 && app.count("--pipeline") == 0)
        o.pipeline = 64;
    check(o, app.count("--size") != 0);
    return o;
}

} // namespace load
