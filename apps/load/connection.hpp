// One connection of the load: sends its messages, compares the answers, and says what was lost when the server ends it.
//
// An echo returns the stream as it was sent, so the answers need no parsing: the bytes that come are compared with the
// bytes that went, and message number k is answered when the stream has come back as far as its end. The answers of an
// HTTP server are read by http_answers.
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
    /// Connects. `o`, `due` and `counts` outlive the connection.
    connection(std::uint32_t number, const options& o, const schedule& due, tally& counts);

    /// Begins as many new messages as the window has room for (and are due, in an open loop), and sends.
    void begin();

    /// Sends what has been begun.
    void send();

    /// Takes what has arrived into `buffer` and compares it. Throws failure when it is not what was sent, and
    /// when the stream ends though the options do not expect it.
    void receive(std::span<char> buffer);

    /// The server has ended the connection, one way or the other.
    bool ended() const noexcept { return ended_; }

    /// Nothing waits for an answer.
    bool quiet() const noexcept { return ended_ || answered_ == ring_.appended(); }

    /// The socket has taken less than there is to send.
    bool blocked() const noexcept { return blocked_; }

    /// Messages sent whose answer has not arrived: neither read here nor waiting in the socket to be read.
    std::uint64_t outstanding() const noexcept;

    int socket() const noexcept { return socket_.get(); }

private:
    void compare(std::span<const char> answer);
    void read_http(std::span<const char> answer);
    void count_answers(std::uint64_t whole);
    void count_latencies(std::uint64_t whole);
    bool may_begin(std::int64_t time) const noexcept;
    bool torn() const noexcept;
    void see_reset(const char* where);
    void end();
    std::string name() const;

    std::uint32_t number_;
    const options& options_;
    const schedule& schedule_;
    tally& counts_;
    descriptor socket_;
    message_ring ring_;
    send_log log_;
    std::uint64_t sent_ = 0;     // bytes
    std::uint64_t received_ = 0; // bytes of an echo
    std::uint64_t answered_ = 0; // messages
    http_answers http_;
    bool blocked_ = false;
    bool reset_ = false;
    bool ended_ = false;
};

} // namespace load

#endif
