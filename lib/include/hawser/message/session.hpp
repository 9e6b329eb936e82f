// SPDX-License-Identifier: BSL-1.0

// Messages over a connection: reading and writing one, and sessions that answer one after another.
//
//     hawser::awaitable<void> answer(hawser::connection& peer, const hawser::message& request)
//     {
//         const std::string text = hawser::json_object({{"result", request.text()}});
//         const hawser::message reply{.content = text};
//         co_await hawser::write_message(peer, reply);
//     }
//     server.listen("tcp://127.0.0.1:7001", hawser::serve_messages(answer));
//
// Uses message.hpp and connection.hpp.
#ifndef HAWSER_MESSAGE_SESSION_HPP
#define HAWSER_MESSAGE_SESSION_HPP

#include <hawser/awaitable.hpp>
#include <hawser/connection.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/message.hpp>

#include <functional>
#include <optional>

namespace hawser {

/// The next message of a connection, in place of its framing. Nothing when the peer has closed between two messages, or
/// when the server drains, all output is flushed and no message has begun; after that, nothing for ever.
///
/// Its content is valid until the next read of the connection. Reading a message allocates memory for its header, and
/// writing one for the whole of it, unlike frames, which take none each. From its first byte it may take
/// timeouts().frame, and once its length is known 1 s more for each 64 KiB of it, however the bytes come:
/// errc::frame_timeout. Throws message_error for one that is refused or that the stream's end cuts, after which the
/// connection is of no use for another; otherwise as connection::read_frame(). Cancelling it loses no byte: the next
/// read goes on. A message is a unit: inside one of the caller's this throws std::logic_error, and what was written
/// before it is taken for whole (connection::answered).
HAWSER_EXPORT awaitable<std::optional<message>> read_message(connection& peer, message_limits limits);
HAWSER_EXPORT awaitable<std::optional<message>> read_message(connection& peer); ///< with the default limits

/// Appends a message to the output, whole: messages of several writers never interleave. `m` and its content have to
/// stay valid until completion. Throws message_error as encode_message() does, and then nothing is written; otherwise
/// completes, throws and is cancelled as connection::write_frame().
HAWSER_EXPORT awaitable<void> write_message(connection& peer, const message& m, message_limits limits);
HAWSER_EXPORT awaitable<void> write_message(connection& peer, const message& m); ///< with the default limits

/// Answers one message, by write_message(), with any number of others. Runs on the connection's loop, for one message
/// of a connection at a time, and several at a time on different loops. The message is valid until it returns.
using message_handler = std::function<awaitable<void>(connection&, const message&)>;

/// What serve_messages() may be told.
struct message_options {
    message_limits limits = {}; ///< of each message, both ways

    /// Ends the session after the first answer, and ignores what follows the first message.
    bool once = false;
};

/// A session for server::listen(), and for anything else that takes a connection, that gives each message to `h` in its
/// turn. Ends when the peer closes, when the server drains, and at the idle deadline.
///
/// A message_error ends it too, be it of a message that came or out of the handler (message::text(), binary_reader): if
/// the header could be read, the peer gets message_error::reply() as {"result": reply}, and nothing otherwise; then the
/// connection is ended, lingering so that the reply arrives, and the observer is told the error. Throws
/// std::invalid_argument for limits out of range and for an empty handler.
HAWSER_EXPORT std::function<awaitable<void>(connection&)> serve_messages(message_handler h,
                                                                         message_options options = {});

} // namespace hawser

#endif
