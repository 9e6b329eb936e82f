// SPDX-License-Identifier: BSL-1.0
#include "common/server_options.hpp"

#include "common/log.hpp"
#include "common/shown.hpp"
#include "common/values.hpp"

#include <hawser/observer.hpp>

#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <limits>

namespace app {
namespace {

constexpr std::uint64_t most_threads = 1024;
constexpr std::uint64_t most_datagrams = 500'000; // a second: the library takes at most twice as many at once
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

bool is_tls(const hawser::endpoint& where)
{
    return where.scheme() == hawser::endpoint::scheme_type::tls;
}

hawser::when_full read_when_full(const std::string& text)
{
    if (text == "wait")
        return hawser::when_full::wait;
    if (text == "refuse")
        return hawser::when_full::refuse;
    throw usage_error{"expected wait or refuse, got " + shown(text)};
}

// What is inherited speaks TLS if there is a certificate for it.
bool may_be_tls(const hawser::endpoint& where)
{
    return is_tls(where) || where.is_inherited();
}

hawser::endpoint read_admin_endpoint(const std::string& text)
{
    try {
        hawser::endpoint where{text};
        if (where.scheme() == hawser::endpoint::scheme_type::tcp ||
            where.scheme() == hawser::endpoint::scheme_type::unix_socket)
            return where;
    } catch (const hawser::endpoint_error& error) {
        throw usage_error{error.what()};
    }
    throw usage_error{"expected tcp://HOST:PORT, HOST:PORT or unix:PATH, got " + shown(text)};
}

// A pair that serves for trying, with the client's --cacert server.pem.
constexpr const char* make_a_pair =
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost "
    "-addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 -keyout server.key -out server.pem";

// Before any thread: one that does not block it would take the signal, and end the process.
void block_hangup()
{
    sigset_t hangup;
    ::sigemptyset(&hangup);
    ::sigaddset(&hangup, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &hangup, nullptr);
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
    line.add_value("--data-limit", "BYTES", "Bytes that a connection may send in all (default: any number)",
                   [this](const std::string& text) { limits_.data_limit = read_number(text, 1, any); });
    line.add_value("--backlog", "N", "Connections that wait in the kernel to be accepted (default: 4096)",
                   [this](const std::string& text) {
                       backlog_ = static_cast<int>(read_number(text, 1, std::numeric_limits<int>::max()));
                   });
    line.add_value("--when-full", "wait|refuse",
                   "What becomes of one connection more than --max-connections (default: wait)",
                   [this](const std::string& text) { when_full_ = read_when_full(text); });
    line.add_switch("--no-shed", no_shed_,
                    "Nobody is ended to make room for newcomers, who wait until somebody leaves");
    line.add_switch("--reuse-port", reuse_port_, "A listening socket for each loop (SO_REUSEPORT)");
    line.add_value("--idle", "D",
                   "Silence after which a connection is closed (default: " + to_string(timeouts_.idle) + ")",
                   [this](const std::string& text) { timeouts_.idle = read_duration(text); });
    line.add_value("--drain", "D",
                   "Time for sessions to end after SIGINT or SIGTERM (default: " + to_string(timeouts_.drain) + ")",
                   [this](const std::string& text) { timeouts_.drain = read_duration(text); });
    line.add_value("--cert", "FILE",
                   "Certificate for tls://, in PEM form, then those between it and a root; loaded anew at SIGHUP",
                   [this](const std::string& text) { certificate_ = read_file_name(text); });
    line.add_value("--key", "FILE", "Its private key, in PEM form; loaded anew at SIGHUP",
                   [this](const std::string& text) { key_ = read_file_name(text); });
    line.add_optional_value("--admin", "[ENDPOINT]", "127.0.0.1:9090",
                            "Show connections, metrics and health over HTTP there; unix:PATH can also drain",
                            [this](const std::string& text) { admin_ = read_admin_endpoint(text); });
    line.add_switch("--quiet", quiet_, "No lines for single connections and payloads");
    line.add_switch("-v,--verbose", verbose_, "More lines at the start");
    line.add_note("A duration D has a unit (500ms, 10s, 2m, 1h) or is never.\n"
                  "An ENDPOINT is tcp://HOST:PORT, HOST:PORT, tls://HOST:PORT or unix:PATH; port 0 picks a free one.\n"
                  "Or fd:N, an inherited socket, or systemd:NAME, those that systemd passes; with --cert over TLS.");
}

void server_options::add_frame_limit(command_line& line)
{
    line.add_value("--frame-limit", "BYTES",
                   "Longest payload of a frame (default: " + std::to_string(hawser::framing::default_max_payload) + ")",
                   [this](const std::string& text) {
                       frame_limit_ =
                           static_cast<std::uint32_t>(read_number(text, 1, std::numeric_limits<std::uint32_t>::max()));
                   });
}

void server_options::add_datagram_rate(command_line& line)
{
    line.add_value(
        "--datagram-rate", "N",
        "Datagrams a second that are taken from one address, and twice as many at once after a silence; more "
        "are dropped (default: " +
            std::to_string(*datagrams_.rate_per_address) + ")",
        [this](const std::string& text) {
            const auto rate = static_cast<unsigned>(read_number(text, 1, most_datagrams));
            datagrams_.rate_per_address = rate;
            datagrams_.burst_per_address = 2 * rate;
        });
}

void server_options::begin(const std::vector<hawser::endpoint>& where) const
{
    const auto& connections = limits_.connections;
    const auto& per_address = limits_.per_address;
    const auto& received = limits_.data_limit;
    if (connections && per_address && *per_address > *connections)
        throw usage_error{"--per-address: expected at most the " + std::to_string(*connections) +
                          " of --max-connections, got " + std::to_string(*per_address)};
    if (received && frame_limit_ && *frame_limit_ > *received)
        throw usage_error{"--frame-limit: expected at most the " + std::to_string(*received) +
                          " bytes of --data-limit, got " + std::to_string(*frame_limit_)};
    check_pair(where);
    if (certificate_)
        block_hangup();

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

void server_options::check_pair(const std::vector<hawser::endpoint>& where) const
{
    const auto tls = std::find_if(where.begin(), where.end(), certificate_ || key_ ? may_be_tls : is_tls);
    if (tls == where.end() && (certificate_ || key_)) {
        const auto& [name, file] = certificate_ ? std::pair{"--cert: ", *certificate_} : std::pair{"--key: ", *key_};
        throw usage_error{name + std::string{"expected a tls://, fd: or systemd: endpoint with it, got "} +
                          shown(file) + " alone"};
    }
    if (tls != where.end() && !(certificate_ && key_))
        throw usage_error{tls->to_string() + ": expected --cert FILE and --key FILE, got " +
                          (certificate_ ? "no --key"
                           : key_       ? "no --cert"
                                        : "neither") +
                          "; this makes a pair for trying: " + make_a_pair};
}

hawser::runtime_options server_options::runtime() const
{
    return {.loops = threads_};
}

hawser::server_options server_options::server() const
{
    hawser::limits limits = limits_;
    limits.shed = !no_shed_;
    return {.limits = limits, .timeouts = timeouts_, .observer = std::make_shared<log_events>()};
}

hawser::listen_options server_options::listen(const hawser::endpoint& where) const
{
    hawser::listen_options options{.backlog = backlog_, .when_full = when_full_, .reuse_port = reuse_port_};
    if (is_tls(where) || (certificate_ && where.is_inherited()))
        options.tls = hawser::tls_server{.certificate_chain = *certificate_, .private_key = *key_};
    if (frame_limit_)
        options.framing = options.framing.with_max_payload(*frame_limit_);
    return options;
}

hawser::datagram_options server_options::listen_to_datagrams(std::size_t max_answer) const
{
    hawser::datagram_options options = datagrams_;
    options.max_answer = max_answer;
    return options;
}

plain_options server_options::plain(const std::string& needed) const
{
    const std::pair<const char*, bool> given[] = {{"--threads", threads_ != 0},
                                                  {"--max-connections", limits_.connections.has_value()},
                                                  {"--per-address", limits_.per_address.has_value()},
                                                  {"--data-limit", limits_.data_limit.has_value()},
                                                  {"--when-full", when_full_ != hawser::when_full::wait},
                                                  {"--no-shed", no_shed_},
                                                  {"--reuse-port", reuse_port_},
                                                  {"--cert", certificate_.has_value()},
                                                  {"--key", key_.has_value()},
                                                  {"--admin", admin_.has_value()}};
    for (const auto& [name, is_given] : given)
        if (is_given)
            throw usage_error{std::string{name} + ": expected " + needed + " with it"};
    return {.idle = timeouts_.idle, .drain = timeouts_.drain, .backlog = backlog_.value_or(SOMAXCONN)};
}

} // namespace app
