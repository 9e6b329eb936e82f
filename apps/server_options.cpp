#include "server_options.hpp"

#include "log.hpp"
#include "values.hpp"

#include <hawser/observer.hpp>

#include <sys/resource.h>

#include <fstream>
#include <iostream>
#include <limits>

namespace app {
namespace {

constexpr std::uint64_t most_threads = 1024;
constexpr std::uint64_t any = std::numeric_limits<std::int64_t>::max();

// The library's lines, in our log. The report is written before the process may end.
class log_events : public hawser::log_observer
{
public:
    log_events() : log_observer{[](std::string_view line) { log(line); }} {}

    void drain_ended(const hawser::drain_report& report) noexcept override
    {
        log_observer::drain_ended(report);
        flush_log(std::chrono::milliseconds{10});
    }
};

std::string descriptors(rlim_t limit)
{
    return limit == RLIM_INFINITY ? "unlimited" : std::to_string(limit);
}

hawser::awaitable<void> print_endpoints(const hawser::server& server)
{
    for (const hawser::endpoint& where : server.endpoints())
        std::cout << "listening on " + where.to_string() + '\n';
    std::cout << std::flush;
    co_return;
}

} // namespace

server_options::server_options(command_line& line)
{
    line.add_value(
        "--threads", "N", "Loops, each with a thread of its own (default: one per processor)",
        [this](const std::string& text) { threads_ = static_cast<unsigned>(read_number(text, 1, most_threads)); });
    line.add_value("--max-connections", "N",
                   "Connections open at once; newcomers wait (default: what the descriptor limit allows)",
                   [this](const std::string& text) { limits_.connections = read_number(text, 1, any); });
    line.add_value("--per-address", "N", "Connections open at once from one address (default: any number)",
                   [this](const std::string& text) { limits_.per_address = read_number(text, 1, any); });
    line.add_value("--max-data", "BYTES", "Bytes that a connection may send in all (default: any number)",
                   [this](const std::string& text) { limits_.received_per_connection = read_number(text, 1, any); });
    line.add_value("--backlog", "N", "Connections that wait in the kernel to be accepted (default: 4096)",
                   [this](const std::string& text) {
                       backlog_ = static_cast<int>(read_number(text, 1, std::numeric_limits<int>::max()));
                   });
    line.add_value("--idle", "D",
                   "Silence after which a connection is closed (default: " + to_string(timeouts_.idle) + ")",
                   [this](const std::string& text) { timeouts_.idle = read_duration(text); });
    line.add_value("--drain", "D",
                   "Time for sessions to end after SIGINT or SIGTERM (default: " + to_string(timeouts_.drain) + ")",
                   [this](const std::string& text) { timeouts_.drain = read_duration(text); });
    line.add_switch("--quiet", quiet_, "No lines for single connections and payloads");
    line.add_switch("-v", verbose_, "More lines at the start");
    line.add_note("A duration D has a unit (500ms, 10s, 2m, 1h) or is never.\n"
                  "An ENDPOINT is tcp://HOST:PORT, HOST:PORT or unix:PATH; port 0 picks a free one.");
}

void server_options::add_frame_limit(command_line& line)
{
    line.add_value("--frame-limit", "BYTES",
                   "Longest payload of a frame (default: " + std::to_string(hawser::framing::default_limit) + ")",
                   [this](const std::string& text) {
                       frame_limit_ =
                           static_cast<std::uint32_t>(read_number(text, 1, std::numeric_limits<std::uint32_t>::max()));
                   });
}

void server_options::begin() const
{
    const auto& [connections, per_address, received, high, low] = limits_;
    if (connections && per_address && *per_address > *connections)
        throw usage_error{"--per-address: expected at most the " + std::to_string(*connections) +
                          " of --max-connections, got " + std::to_string(*per_address)};
    if (received && frame_limit_ && *frame_limit_ > *received)
        throw usage_error{"--frame-limit: expected at most the " + std::to_string(*received) +
                          " bytes of --max-data, got " + std::to_string(*frame_limit_)};

    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const std::size_t raised = hawser::raise_descriptor_limit();
    if (verbose_)
        log("descriptor limit: " + descriptors(before.rlim_cur) + " at start, raised to " + descriptors(raised));

    int kernel_backlog = 0;
    if (backlog_ && std::ifstream{"/proc/sys/net/core/somaxconn"} >> kernel_backlog && *backlog_ > kernel_backlog)
        log("--backlog " + std::to_string(*backlog_) + ": the kernel's limit is " + std::to_string(kernel_backlog) +
            " (net.core.somaxconn), which holds");
}

hawser::runtime_options server_options::runtime() const
{
    return {.loops = threads_};
}

hawser::server_options server_options::server() const
{
    return {.limits = limits_, .timeouts = timeouts_, .observer = std::make_shared<log_events>()};
}

hawser::listen_options server_options::listen() const
{
    hawser::listen_options options{.backlog = backlog_};
    if (frame_limit_)
        options.framing = options.framing.with_limit(*frame_limit_);
    return options;
}

void announce(hawser::runtime& runtime, const hawser::server& server)
{
    runtime.spawn(print_endpoints(server), [](std::exception_ptr) {});
}

} // namespace app
