// SPDX-License-Identifier: BSL-1.0

// A server over TLS whose configuration the tests choose, for what no program has an option:
//
//     tls_options_server HANDLER cert=FILE key=FILE [NAME=VALUE...]       times in milliseconds
//
//     clients=optional|required ca=FILE [crl=FILE]    client certificates      alpn=a,b    protocols
//     sni:HOST=CERT,KEY                               another pair             handshake, idle, drain    deadlines
//     handshakes=N                                    in progress at once     loops=N
//     throw=N    of the allocations in what OpenSSL calls back during a handshake, one in N throws
//
// It prints `listening on ENDPOINT`, drains at SIGTERM like every server, and says how often a handler ran.
#include <hawser/server.hpp>

#include <dlfcn.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <stdexcept>
#include <string>

// OpenSSL's, whose caller the library is. Declared here alone, as the programs of the tests know no OpenSSL.
extern "C" int SSL_do_handshake(void* ssl);

namespace {

thread_local bool in_handshake = false;
std::atomic<unsigned> throw_every{0};
std::atomic<unsigned> allocations{0};
std::atomic<unsigned> thrown{0};

bool throws_now() noexcept
{
    const unsigned every = throw_every.load(std::memory_order_relaxed);
    if (every == 0 || !in_handshake || (allocations.fetch_add(1) * 2654435761U >> 16U) % every != 0)
        return false;
    thrown.fetch_add(1);
    return true;
}

} // namespace

extern "C" int SSL_do_handshake(void* ssl)
{
    static const auto real = reinterpret_cast<int (*)(void*)>(::dlsym(RTLD_NEXT, "SSL_do_handshake"));
    in_handshake = true;
    const int result = real(ssl);
    in_handshake = false;
    return result;
}

void* operator new(std::size_t size)
{
    if (void* const memory = throws_now() ? nullptr : std::malloc(size))
        return memory;
    throw std::bad_alloc{};
}

void operator delete(void* memory) noexcept
{
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

namespace {

using hawser::awaitable;
using hawser::connection;

std::atomic<unsigned> handled{0};

awaitable<void> echo(connection& peer)
{
    ++handled;
    while (auto frame = co_await peer.read_frame())
        co_await peer.write_frame(*frame);
}

// Counts the frames that came whole, and says so at the end of the session.
awaitable<void> count(connection& peer)
{
    ++handled;
    unsigned frames = 0;
    std::string end = "clean";
    try {
        while (auto frame = co_await peer.read_frame())
            ++frames;
    } catch (const hawser::system_error& e) {
        end = hawser::symbol(e.code());
    }
    std::fprintf(stderr, "%u frames, %s\n", frames, end.c_str());
}

// The same for what has no length of its own: everything up to the end of the stream.
awaitable<void> count_bytes(connection& peer)
{
    ++handled;
    std::size_t bytes = 0;
    std::string end = "complete";
    try {
        while (auto piece = co_await peer.read_some())
            bytes += piece->size();
    } catch (const hawser::system_error& e) {
        end = hawser::symbol(e.code());
    }
    std::fprintf(stderr, "%zu bytes, %s\n", bytes, end.c_str());
}

// Answers each frame with the facts of its session.
awaitable<void> facts(connection& peer)
{
    ++handled;
    while (auto frame = co_await peer.read_frame()) {
        const hawser::tls_info f = peer.tls().value();
        const std::string text = f.version + '\n' + f.cipher + '\n' + f.alpn + '\n' + f.server_name + '\n' +
                                 (f.resumed ? "resumed" : "whole") + '\n' + f.peer_subject;
        co_await peer.write_frame(text);
    }
}

// Says one word, and has done.
awaitable<void> greet(connection& peer)
{
    ++handled;
    co_await peer.write_frame("welcome");
}

const std::map<std::string, hawser::session_handler> handlers{
    {"echo", echo}, {"count", count}, {"count_bytes", count_bytes}, {"facts", facts}, {"greet", greet},
};

class options
{
public:
    options(int count, char** arguments)
    {
        for (int i = 2; i < count; ++i) {
            const std::string text = arguments[i];
            const std::size_t equals = text.find('=');
            values_[text.substr(0, equals)] = text.substr(equals + 1);
        }
    }
    std::string text(const char* name)
    {
        const auto at = values_.extract(name);
        return at ? at.mapped() : "";
    }
    void time(const char* name, hawser::duration& into)
    {
        if (const auto at = values_.extract(name))
            into = std::chrono::milliseconds{std::stoul(at.mapped())};
    }
    template <class Number>
    void number(const char* name, Number& into)
    {
        if (const auto at = values_.extract(name))
            into = static_cast<Number>(std::stoul(at.mapped()));
    }
    void names(std::map<std::string, hawser::tls_pair>& into)
    {
        for (auto at = values_.lower_bound("sni:"); at != values_.end() && at->first.starts_with("sni:");) {
            const std::size_t comma = at->second.find(',');
            into[at->first.substr(4)] = {at->second.substr(0, comma), at->second.substr(comma + 1)};
            at = values_.erase(at);
        }
    }
    void check_all_used() const
    {
        if (!values_.empty())
            throw std::invalid_argument{"unknown: " + values_.begin()->first};
    }

private:
    std::map<std::string, std::string> values_;
};

hawser::tls_server tls(options& given)
{
    hawser::tls_server tls{.certificate_chain = given.text("cert"),
                           .private_key = given.text("key"),
                           .client_ca = given.text("ca"),
                           .client_crl = given.text("crl")};
    if (const std::string clients = given.text("clients"); !clients.empty())
        tls.client_certificates =
            clients == "required" ? hawser::client_certificates::required : hawser::client_certificates::optional;
    for (std::string rest = given.text("alpn"); !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        tls.alpn.push_back(rest.substr(0, comma));
        rest.erase(0, comma + 1);
    }
    given.names(tls.sni);
    return tls;
}

awaitable<void> announce(const hawser::server& server)
{
    std::printf("listening on %s\n", server.endpoints().front().to_string().c_str());
    std::fflush(stdout);
    co_return;
}

int serve(int count, char** arguments)
{
    options given{count, arguments};
    hawser::server_options server_options;
    given.time("handshake", server_options.timeouts.handshake);
    given.time("idle", server_options.timeouts.idle);
    given.time("drain", server_options.timeouts.drain);
    given.number("handshakes", server_options.limits.handshakes);
    hawser::runtime_options runtime_options{.loops = 2};
    given.number("loops", runtime_options.loops);
    const hawser::listen_options listen{.tls = tls(given)};
    const std::string every = given.text("throw");
    given.check_all_used();

    hawser::runtime runtime{runtime_options};
    hawser::server server{runtime, server_options};
    server.listen("tls://127.0.0.1:0", handlers.at(arguments[1]), listen);
    runtime.spawn(announce(server), [](std::exception_ptr) {});
    throw_every = every.empty() ? 0 : static_cast<unsigned>(std::stoul(every));
    const int status = hawser::run(runtime, server);
    std::fprintf(stderr, "live %zu, handled %u, thrown %u\n", server.statistics().connections, handled.load(),
                 thrown.load());
    return status;
}

} // namespace

int main(int count, char** arguments)
{
    try {
        if (count < 2)
            throw std::invalid_argument{"expected HANDLER cert=FILE key=FILE [NAME=VALUE...]"};
        return serve(count, arguments);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "tls_options_server: %s\n", e.what());
        return 2;
    }
}
