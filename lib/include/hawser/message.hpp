// SPDX-License-Identifier: BSL-1.0

// Application messages: a JSON header that says what the content is and how long it is, then the content.
//
//     +-------------+-------------------------+- - - - - - - - - - - - - - - -+
//     | length (2)  |  header: a JSON object  |  content: content-length bytes |
//     +-------------+-------------------------+- - - - - - - - - - - - - - - -+
//      big-endian, of
//      the header
//
//     00 67  {"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8", "content-length": 41}
//            {"action": "search", "value": "morpheus"}
//
// Here is the codec, which knows neither sockets nor Asio: messages::message, encode() and decoder. Numbers in binary
// content are read and written by message/binary.hpp; message/session.hpp sends and answers messages over a connection.
//
// Uses bytes.hpp and error.hpp.
#ifndef HAWSER_MESSAGE_HPP
#define HAWSER_MESSAGE_HPP

#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>
#include <hawser/message/error.hpp>

#include <bit>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hawser::inline v0_1::messages {

/// How long a message may be. The same when reading and when writing.
struct limits {
    /// Bytes of the JSON header: 1 to 65,535, which is what its length can say.
    std::size_t header = 16 * 1024;

    /// Bytes of content; one more is refused before any of them has come. 0 allows none. At most what a size can say
    /// together with the longest header.
    std::size_t content = 1024 * 1024;
};

/// Checks the range of each field. Throws std::invalid_argument.
HAWSER_EXPORT void validate(const limits& l);

/// One message. The fields are those of the header, as text without escapes.
struct HAWSER_EXPORT message {
    std::string type = "text/json";          ///< content-type: text/json, or anything else for raw bytes
    std::string encoding = "utf-8";          ///< content-encoding: of text; binary for what is none
    std::endian order = std::endian::native; ///< byteorder: the sender's, in which its binary content holds numbers

    /// Somebody else's bytes: a message that was read views its input, one to be written views the caller's.
    bytes_view content = {};

    bool is_json() const noexcept { return type == "text/json"; } ///< whether its content is JSON

    /// The content as UTF-8, decoded from `encoding`: utf-8, ascii, latin-1, utf-16, utf-16-le or utf-16-be, under the
    /// other names too that Python has for them. utf-16 begins with a byte order mark, which is not part of the text;
    /// without one it is in `order`. Strict: throws message_error for another encoding, and for content that is none in
    /// this one.
    std::string text() const;
};

/// A message that cannot be read, or written. code() says what is wrong:
///   errc::invalid_message_header   the header is no JSON object, or its length is 0 or above the limit
///   errc::invalid_message_field    a field of the header is missing, there twice, or has a value that it may not have
///   errc::message_too_large        content-length, or the content to send, is above the limit
///   errc::invalid_message_content  the content is not what its header says
///   hawser::errc::truncated_head, truncated_payload   the stream ended inside the header, or inside the content
class HAWSER_EXPORT message_error : public error
{
public:
    /// `part` is a field of the header, or "content", or "header"; of a message that cannot be written, also "content
    /// to send", so that nobody takes it for what has come.
    message_error(const error_code& code, const std::string& part, const std::string& expected, const std::string& got)
        : hawser::error{code, part + ": expected " + expected + ", got " + got}
    {}

    /// Whether the header could be read, so that its sender understands an answer.
    bool is_answerable() const noexcept
    {
        return code() != errc::invalid_message_header && code() != hawser::errc::truncated_head &&
               code() != hawser::errc::truncated_payload;
    }

    /// What its sender is told: "Error: content-length: expected 0 to 1048576, got -2."
    std::string reply() const { return std::string{"Error: "} + what() + '.'; }
};

/// The message as it goes on the wire, its header's keys in the order byteorder, content-type, content-encoding,
/// content-length, spaced and escaped as Python's json.dumps(ensure_ascii=False) writes them. Throws message_error for
/// what a decoder with these limits would refuse, and for a type or encoding that is not UTF-8.
HAWSER_EXPORT std::string encode(const message& m, const limits& l = {});

/// Finds messages in a stream, however it is cut. Keys may stand in any order, with any white space and escapes; those
/// that are not among the four are skipped.
class HAWSER_EXPORT decoder
{
public:
    /// Throws std::invalid_argument for limits that are out of range.
    explicit decoder(const limits& l = {});

    /// `input` is what has come since the first byte of a message. Returns it once it is whole, with the content as a
    /// view into `input`, and is ready for the next; needed() bytes are to be dropped then. Before that, nothing: call
    /// it again with the same bytes, wherever they stand now, and more. Throws message_error as soon as it is known
    /// that no message comes of it, and is of no use afterwards.
    std::optional<message> decode(bytes_view input);

    /// The size of the message that decode() has returned; before that, how many of its bytes it waits for: 2, then
    /// with the header, then with the content.
    std::size_t needed() const noexcept { return needed_; }

    /// What it means that the stream ends after `input`, of which decode() has returned nothing.
    message_error cut(bytes_view input) const;

private:
    limits limits_;
    std::size_t needed_;
    std::optional<std::size_t> content_at_; // once the header is read
    message fields_;
};

/// A JSON object of strings, as Python's json.dumps(ensure_ascii=False) writes it: {"result": "..."}. Throws
/// std::invalid_argument for what is not UTF-8.
HAWSER_EXPORT std::string json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

} // namespace hawser::inline v0_1::messages

#endif
