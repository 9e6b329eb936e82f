// SPDX-License-Identifier: BSL-1.0
#include "ping/pinger.hpp"

#include "common/program.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <map>
#include <random>
#include <utility>

namespace app {
namespace {

using std::chrono::steady_clock;

constexpr auto as_result = boost::asio::as_tuple(boost::asio::deferred);
constexpr std::size_t most_remembered = 10'000; // requests: what comes later than that is nobody's

std::string random_bytes()
{
    std::random_device source;
    std::string bytes;
    for (int i = 0; i < 8; ++i)
        bytes += static_cast<char>(source());
    return bytes;
}

std::string in_words(milliseconds time)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), time.count() < 1 ? "%.3f ms" : "%.2f ms", time.count());
    return text.data();
}

class pinger
{
public:
    pinger(const ping_plan& plan, icmp_socket& socket, boost::asio::signal_set& interruption,
           const boost::asio::any_io_executor& executor)
        : plan_{plan}, socket_{socket}, readable_{executor, socket_.get()}, turn_{executor}, received_{executor},
          interruption_{interruption}
    {}
    pinger(const pinger&) = delete;
    pinger& operator=(const pinger&) = delete;
    ~pinger() { readable_.release(); } // the descriptor is the socket's

    hawser::awaitable<ping_result> run()
    {
        interruption_.async_wait([this](const boost::system::error_code& cancelled, int) {
            if (!cancelled)
                stop();
        });
        received_.expires_at(steady_clock::time_point::max());
        boost::asio::co_spawn(readable_.get_executor(), receive_all(), [this](std::exception_ptr error) {
            error_ = std::move(error);
            receiving_ = false;
            received_.cancel();
            turn_.cancel();
        });
        co_await send_all();
        interruption_.cancel();
        readable_.cancel();
        while (receiving_)
            co_await received_.async_wait(as_result);
        if (error_ != nullptr)
            std::rethrow_exception(std::exchange(error_, nullptr));
        co_return ping_result{.counted = counted_, .interrupted = stopped_};
    }

private:
    struct request {
        std::uint64_t number = 0;
        steady_clock::time_point sent;
        bool answered = false; // by a reply
        bool settled = false;  // by a reply or an error: nothing more is waited for
    };

    void stop()
    {
        stopped_ = true;
        turn_.cancel();
    }

    bool goes_on() const { return !stopped_ && receiving_; }
    bool all_sent() const { return plan_.count != 0 && counted_.transmitted >= plan_.count; }

    hawser::awaitable<void> send_all()
    {
        const auto begun = steady_clock::now();
        while (goes_on()) {
            send();
            if (all_sent())
                break;
            turn_.expires_at(begun + plan_.interval * static_cast<hawser::duration::rep>(counted_.transmitted));
            co_await turn_.async_wait(as_result);
        }
        if (!goes_on() || settled_ >= counted_.transmitted)
            co_return;
        turn_.expires_after(linger());
        co_await turn_.async_wait(as_result);
    }

    // A host that has answered will answer again in about the same time.
    hawser::duration linger() const
    {
        if (counted_.received() == 0)
            return plan_.patience;
        const auto usual = std::chrono::duration_cast<hawser::duration>(2 * counted_.longest());
        return std::min(plan_.patience, std::max<hawser::duration>(usual, std::chrono::seconds{1}));
    }

    // What nobody else would send: bytes of chance, then the number of the request, then a pattern.
    std::string data_of(std::uint64_t number) const
    {
        std::string data = chance_;
        for (int shift = 56; shift >= 0; shift -= 8)
            data += static_cast<char>(number >> shift & 0xff);
        while (data.size() < ping_size)
            data += static_cast<char>(data.size());
        return data;
    }

    void send()
    {
        const std::uint64_t number = ++counted_.transmitted;
        const auto sequence = static_cast<std::uint16_t>(number);
        request& asked = requests_[sequence];
        asked = {.number = number, .sent = steady_clock::now()};
        if (number > most_remembered)
            requests_.erase(static_cast<std::uint16_t>(number - most_remembered));
        const std::string data = data_of(number);
        const auto error = socket_.send(
            echo_request(socket_.version(), {.identifier = socket_.identifier(), .sequence = sequence, .data = data}));
        if (!error)
            return;
        settle(asked);
        ++counted_.errors;
        print("icmp_seq=" + std::to_string(sequence) + " not sent: " + hawser::symbol(error) + " (" + error.message() +
              ')');
    }

    hawser::awaitable<void> receive_all()
    {
        for (;;) {
            while (auto arrival = socket_.receive())
                take(*arrival);
            if (all_sent() && settled_ >= counted_.transmitted)
                turn_.cancel();
            const auto [error] =
                co_await readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read, as_result);
            if (error)
                co_return;
        }
    }

    void settle(request& asked)
    {
        settled_ += asked.settled ? 0 : 1;
        asked.settled = true;
    }

    void take(const icmp_arrival& arrival)
    {
        const auto now = steady_clock::now();
        const auto message = arrival.error ? read_echo_request(socket_.version(), arrival.message)
                                           : read_echo_reply(socket_.version(), arrival.message);
        if (!message || message->identifier != socket_.identifier())
            return; // another's
        const auto found = requests_.find(message->sequence);
        if (found == requests_.end())
            return;
        if (arrival.error)
            take_error(arrival, found->second);
        else
            take_reply(arrival, *message, found->second, now - found->second.sent);
    }

    void take_error(const icmp_arrival& arrival, request& asked)
    {
        settle(asked);
        ++counted_.errors;
        print("From " + arrival.from + " icmp_seq=" + std::to_string(static_cast<std::uint16_t>(asked.number)) + ' ' +
              icmp_error_words(socket_.version(), arrival.error->type, arrival.error->code));
    }

    void take_reply(const icmp_arrival& arrival, const echo& reply, request& asked, milliseconds round_trip)
    {
        std::string line = std::to_string(arrival.message.size()) + " bytes from " + arrival.from +
                           ": icmp_seq=" + std::to_string(reply.sequence);
        if (reply.data != data_of(asked.number)) {
            ++counted_.corrupted;
            return print(line + " other data than was sent");
        }
        if (arrival.hops >= 0)
            line += " ttl=" + std::to_string(arrival.hops);
        line += " time=" + in_words(round_trip);
        if (asked.answered) {
            ++counted_.duplicates;
            return print(line + " (DUP!)");
        }
        asked.answered = true;
        settle(asked);
        counted_.add(round_trip);
        print(line);
    }

    const ping_plan& plan_;
    icmp_socket& socket_;
    boost::asio::posix::stream_descriptor readable_;
    boost::asio::steady_timer turn_;     // the next request, or the end
    boost::asio::steady_timer received_; // never expires: cancelled when nobody receives any more
    boost::asio::signal_set& interruption_;
    const std::string chance_ = random_bytes();
    std::map<std::uint16_t, request> requests_; // by sequence number
    ping_statistics counted_;
    std::uint64_t settled_ = 0; // requests
    bool stopped_ = false;
    bool receiving_ = true;
    std::exception_ptr error_;
};

} // namespace

hawser::awaitable<ping_result> ping(const ping_plan& plan, icmp_socket& socket, boost::asio::signal_set& interruption)
{
    const auto executor = co_await boost::asio::this_coro::executor;
    pinger one{plan, socket, interruption, executor};
    co_return co_await one.run();
}

} // namespace app
