// SPDX-License-Identifier: BSL-1.0

// One frame to many connections: send_to_all() beside the floor, a loop of as many bare sends, in one process and in
// turns.
//
//     send_to_all [CONNECTIONS [ROUNDS]]    1000 and 101 unless said otherwise; to be run on one processor
//
// Prints the processor time for each connection, of the whole process until the last client has the frame, and the
// median of the rounds' ratios.
#include <hawser/broadcast.hpp>
#include <hawser/server.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

const std::string payload(64, 'x');

void must(bool done, const char* what)
{
    if (!done)
        throw std::system_error{errno, std::generic_category(), what};
}

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

void no_delay(int socket)
{
    const int on = 1;
    must(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "setsockopt");
}

int connected_to(std::uint16_t port)
{
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(client >= 0, "socket");
    const sockaddr_in at = loopback(port);
    must(::connect(client, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "connect");
    return client;
}

double process_time()
{
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

// Blocks until the last one has something, then empties them all.
void receive(const std::vector<int>& clients, std::size_t size, double& until)
{
    pollfd last{.fd = clients.back(), .events = POLLIN, .revents = 0};
    must(::poll(&last, 1, 10'000) == 1, "poll");
    until = process_time();
    std::array<char, 4096> bytes;
    for (const int client : clients)
        must(::recv(client, bytes.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size), "recv");
}

// What a bare program does: one send for each.
class floor_of_sends
{
public:
    explicit floor_of_sends(std::size_t connections)
    {
        const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at = loopback(0);
        socklen_t size = sizeof at;
        auto* const name = reinterpret_cast<sockaddr*>(&at);
        must(::bind(listening, name, size) == 0 && ::listen(listening, 128) == 0, "listen");
        must(::getsockname(listening, name, &size) == 0, "getsockname");
        for (std::size_t i = 0; i < connections; ++i) {
            clients_.push_back(connected_to(ntohs(at.sin_port)));
            ends_.push_back(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
            must(ends_.back() >= 0, "accept4");
            no_delay(ends_.back());
        }
    }
    double round(hawser::bytes_view bytes)
    {
        double until = 0;
        const double begun = process_time();
        for (const int end : ends_)
            must(::send(end, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()), "send");
        receive(clients_, bytes.size(), until);
        return until - begun;
    }

private:
    std::vector<int> ends_;
    std::vector<int> clients_;
};

class hawser_to_all
{
public:
    explicit hawser_to_all(std::size_t connections) : server_{runtime_}
    {
        server_.listen("tcp://127.0.0.1:0", [this](hawser::connection& c) -> hawser::awaitable<void> {
            join(c.handle());
            co_await c.read_frame();
        });
        runtime_.start();
        for (std::size_t i = 0; i < connections; ++i) {
            clients_.push_back(connected_to(server_.endpoints().front().port()));
            std::unique_lock lock{mutex_};
            joined_.wait(lock, [&] { return members_.size() == i + 1; });
        }
    }
    ~hawser_to_all()
    {
        for (const int client : clients_)
            ::close(client);
    }
    void join(hawser::connection_handle member)
    {
        const std::lock_guard lock{mutex_};
        members_.push_back(std::move(member));
        joined_.notify_one();
    }
    double round(const hawser::encoded_frame& frame)
    {
        double until = 0;
        const double begun = process_time();
        hawser::send_to_all(members_, frame, [](hawser::connection&) { throw std::runtime_error{"behind"}; });
        receive(clients_, frame.bytes().size(), until);
        return until - begun;
    }

private:
    std::mutex mutex_;
    std::condition_variable joined_;
    std::vector<hawser::connection_handle> members_;
    std::vector<int> clients_;
    hawser::runtime runtime_{{.loops = 1}};
    hawser::server server_;
};

double median(std::vector<double> all)
{
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}

std::size_t number(const char* text)
{
    std::size_t value = 0;
    const std::string_view digits{text};
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), value);
    if (error != std::errc{} || end != digits.end() || value == 0 || value > 9'000)
        throw std::invalid_argument{"expected a number from 1 to 9000, got \"" + std::string{digits} + '"'};
    return value;
}

} // namespace

int main(int argc, char** argv)
try {
    const std::size_t connections = argc > 1 ? number(argv[1]) : 1000;
    const std::size_t rounds = argc > 2 ? number(argv[2]) : 101;
    hawser::raise_descriptor_limit();

    const hawser::encoded_frame frame{hawser::framing::u32_be, payload};
    floor_of_sends floor{connections};
    hawser_to_all hawser{connections};
    std::vector<double> floors;
    std::vector<double> ours;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < rounds; ++i) {
        floors.push_back(floor.round(frame.bytes()) / static_cast<double>(connections));
        ours.push_back(hawser.round(frame) / static_cast<double>(connections));
        ratios.push_back(ours.back() / floors.back());
    }
    std::printf("a frame to %zu connections, us each: floor %.3f, send_to_all %.3f, ratio %.3f\n", connections,
                median(floors), median(ours), median(ratios));
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "send_to_all: %s\n", error.what());
    return 2;
}
