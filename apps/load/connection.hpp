// SPDX-License-Identifier: BSL-1.0

// One connection of the load: sends its messages, compares the answers, and counts what goes wrong.
//
// An echo returns the stream as it was sent, so the answers need no parsing: the bytes that come are compared with the
// bytes that went, and message number k is answered when the stream has come back as far as its end. The answers of an
// HTTP server are read by http_answers.
//
// A socket that ends is replaced, but for a run to the server's end: the messages on it are given up, and a new stream
// begins behind them. The first attempt is due at once, the next 10 ms after it has failed, each further one after
// twice as long, up to 1 s, until an answer comes: a server that is gone, or accepts and closes, is not hammered.
#ifndef LOAD_CONNECTION_HPP
#define LOAD_CONNECTION_HPP

#include "http_answers.hpp"
#include "message_ring.hpp"
#include "options.hpp"
#include "schedule.hpp"
#include "send_log.hpp"
#include "socket.hpp"
#include "tally.hpp"

#include <cstdint>
#include <span>

namespace load {

class connection
{
public:
    /// Has no socket yet. `o`, `due` and `counts` outlive the connection.
    connection(std::uint32_t number, const options& o, const schedule& due, tally& counts);

    /// Connects and waits for it. Throws what connect() throws.
    void connect();

    /// The same, but counts an error of the kernel.
    void try_connect();

    /// Begins to connect, if the next attempt is due and no socket is there. True if there is one after it.
    bool replace(std::int64_t time);

    /// Takes the outcome of replace(), once the socket is writable.
    void finish_connect();

    /// Begins as many new messages as the window has room for (and are due, in an open loop), and sends. None once the
    /// server has ended a connection of a run to the server's end: nobody would owe an answer.
    void begin();

    /// Sends what has been begun.
    void send();

    /// Takes what has arrived into `buffer` and compares it.
    void receive(std::span<char> buffer);

    /// Ends it if a message that was sent, or replace(), has waited for so long as the options' patience.
    void see_timeout(std::int64_t time);

    /// Gives up what waits for an answer, and the socket.
    void end();

    /// The same for good: what was due before `time` and not begun is without answer as well.
    void give_up(std::int64_t time);

    /// There is a socket.
    bool open() const noexcept { return socket_.get() >= 0; }

    /// It is not connected yet.
    bool connecting() const noexcept { return connecting_; }

    /// Nothing waits for an answer.
    bool quiet() const noexcept { return answered_ == ring_.appended(); }

    /// A message has come due, in an open loop, and is not begun.
    bool behind(std::int64_t time) const noexcept { return ring_.appended() < schedule_.due_before(time, number_); }

    /// The socket has taken less than there is to send, or is not connected.
    bool blocked() const noexcept { return blocked_; }

    /// Messages sent whose answer has not arrived: neither read here nor waiting in the socket to be read.
    std::uint64_t outstanding() const noexcept;

    /// From now on each message that has been sent is lost if it gets no answer, however soon the server ends.
    void hold_to_account() noexcept;

    int socket() const noexcept { return socket_.get(); }

private:
    void end_of_stream();
    void take(std::span<const char> answer);
    void compare(std::span<const char> answer);
    void read_http(std::span<const char> answer);
    void check_asked() const;
    void count_other(const http_answers::other& answer);
    void count_answers(std::uint64_t whole);
    void count_latencies(std::uint64_t whole);
    bool ended_by_server() const noexcept;
    bool may_begin(std::int64_t time) const noexcept;
    bool torn() const noexcept;
    void see_reset(const char* where);
    void fail(const std::string& kind, const std::string& what);
    void count_failed_connect(int error, const std::string& what);
    void count_unanswered();
    void begin_stream() noexcept;
    void retry_later() noexcept;
    std::string after_answers() const;

    std::uint32_t number_;
    const options& options_;
    const schedule& schedule_;
    tally& counts_;
    descriptor socket_;
    message_ring ring_;
    send_log log_;
    std::uint64_t sent_ = 0;     // bytes, of all streams; those given up count as sent and received
    std::uint64_t received_ = 0; // bytes of an echo, the same
    std::uint64_t answered_ = 0; // messages, the same
    std::uint64_t first_ = 0;    // message of this stream
    std::uint64_t owed_ = 0;     // messages before this one have to be answered
    http_answers http_;
    std::int64_t retry_at_ = 0;
    std::int64_t retry_after_ = 0;
    bool connecting_ = false;
    bool blocked_ = false;
    bool reset_ = false;
};

} // namespace load

#endif
