// SPDX-License-Identifier: BSL-1.0

// Messages over a connection: reading and writing one, and sessions that answer one after another.
//
//     hawser::awaitable<void> answer(hawser::connection& peer, const hawser::messages::message& request)
//     {
//         const std::string text = hawser::messages::json_object({{"result", request.text()}});
//         const hawser::messages::message reply{.content = text};
//         co_await hawser::messages::write_message(peer, reply);
//     }
//     server.listen("tcp://127.0.0.1:7001", hawser::messages::serve(answer));
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

namespace hawser::inline v0_1::messages {

/// The next message of a connection, in place of its framing. Nothing when the peer has closed between two messages,
/// when the server drains, all output is flushed and no message has begun, or when another coroutine has called close()
/// and no message has begun; after that, nothing for ever.
///
/// The content is a view, valid until the next read of this connection or until it is destroyed, whatever becomes of
/// its socket. Throws message_error for a message that is refused or that the stream's end cuts, after which the
/// connection is of no use for another, and hawser::error with the kernel's error or hawser::errc::idle_timeout,
/// frame_timeout, write_timeout, drain_timeout, data_limit, or connection_closed where close() came inside a message.
/// Cancelling it loses no byte, wherever it waits: the next read goes on.
///
/// From its first byte a message may take timeouts().frame, and once its length is known 1 s more for each 64 KiB of
/// it, however the bytes come. Reading one allocates memory for its header, and writing one for the whole of it, unlike
/// frames, which take none each. A message is a unit: inside one of the caller's this throws std::logic_error, and what
/// was written before it is taken for whole (connection::answered).
HAWSER_EXPORT awaitable<std::optional<message>> read_message(connection& peer);

/// The same with other limits for this one message. Throws std::invalid_argument for limits that are out of range.
HAWSER_EXPORT awaitable<std::optional<message>> read_message(connection& peer, limits l);

/// Appends one message to the output, whole: messages of several writers never interleave. Completes when the message
/// is accepted, at once unless the output stands at the high-water mark; several writers then get their turns in order.
/// What is accepted leaves in the same turn of the loop, together with its neighbours; an error shows at the next
/// operation or at flush().
///
/// `m` and its content have to stay valid until completion. Throws message_error for a message that encode() refuses,
/// and then nothing is written; otherwise hawser::error as read_message(). Cancelled while suspended, it has written
/// nothing.
HAWSER_EXPORT awaitable<void> write_message(connection& peer, const message& m);

/// The same with other limits for this one message. Throws std::invalid_argument for limits that are out of range.
HAWSER_EXPORT awaitable<void> write_message(connection& peer, const message& m, limits l);

/// Answers one message, by write_message(), with any number of others. Runs on the connection's loop, for one message
/// of a connection at a time, and several at a time on different loops. The message is valid until it returns.
using handler = std::function<awaitable<void>(connection&, const message&)>;

/// What serve() may be told.
struct serve_options {
    messages::limits limits = {}; ///< of each message, both ways

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
HAWSER_EXPORT std::function<awaitable<void>(connection&)> serve(handler h, const serve_options& options = {});

} // namespace hawser::inline v0_1::messages

#endif
