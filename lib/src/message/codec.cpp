// SPDX-License-Identifier: BSL-1.0

// A message as one piece of bytes: its length, its header, its content.
#include "message/header.hpp"
#include "message/json.hpp"
#include "message/utf8.hpp"

#include <hawser/message.hpp>

#include <stdexcept>

namespace hawser::inline v0_1::messages {
namespace {

using detail::longest_header;

constexpr std::size_t length_size = 2;
constexpr std::size_t most_content = ~std::size_t{0} - length_size - longest_header; // of a message that has a size

void check_text(const char* field, const std::string& text)
{
    if (detail::valid_utf8(text) != text.size())
        throw message_error{errc::invalid_message_field, field, "UTF-8", detail::json_quoted(text)};
}

std::string header_of(const message& m)
{
    std::string json = m.order == std::endian::little ? R"({"byteorder": "little", "content-type": )"
                                                      : R"({"byteorder": "big", "content-type": )";
    detail::append_json(json, m.type);
    json += R"(, "content-encoding": )";
    detail::append_json(json, m.encoding);
    json += R"(, "content-length": )";
    json += std::to_string(m.content.size());
    json += '}';
    return json;
}

void check_header_length(std::size_t length, std::size_t limit)
{
    if (length == 0 || length > limit)
        throw message_error{errc::invalid_message_header, "header", "1 to " + std::to_string(limit) + " bytes",
                            std::to_string(length)};
}

} // namespace

void validate(const limits& l)
{
    if (l.header == 0 || l.header > longest_header)
        throw std::invalid_argument{"messages::limits::header: expected 1 to " + std::to_string(longest_header) +
                                    ", got " + std::to_string(l.header)};
    if (l.content > most_content)
        throw std::invalid_argument{"messages::limits::content: expected at most " + std::to_string(most_content) +
                                    ", got " + std::to_string(l.content)};
}

std::string encode(const message& m, const limits& l)
{
    validate(l);
    check_text("content-type", m.type);
    check_text("content-encoding", m.encoding);
    if (m.content.size() > l.content)
        throw message_error{errc::message_too_large, "content to send", detail::content_range(l.content) + " bytes",
                            std::to_string(m.content.size())};
    const std::string json = header_of(m);
    check_header_length(json.size(), l.header);

    std::string out;
    out.reserve(length_size + json.size() + m.content.size());
    out += static_cast<char>(json.size() >> 8U);
    out += static_cast<char>(json.size() & 0xffU);
    out += json;
    out += m.content;
    return out;
}

decoder::decoder(const limits& l) : limits_{l}, needed_{length_size}
{
    validate(l);
}

std::optional<message> decoder::decode(bytes_view input)
{
    if (!content_at_) {
        needed_ = length_size;
        if (input.size() < needed_)
            return std::nullopt;
        const std::size_t length =
            static_cast<std::size_t>(static_cast<unsigned char>(input[0])) << 8U | static_cast<unsigned char>(input[1]);
        check_header_length(length, limits_.header);
        needed_ = length_size + length;
        if (input.size() < needed_)
            return std::nullopt;
        detail::message_header header = detail::read_header(input.substr(length_size, length), limits_.content);
        fields_ = {.type = std::move(header.type), .encoding = std::move(header.encoding), .order = header.order};
        content_at_ = needed_;
        needed_ += header.content_length;
    }
    if (input.size() < needed_)
        return std::nullopt;
    fields_.content = input.substr(*content_at_, needed_ - *content_at_);
    content_at_.reset();
    return std::move(fields_);
}

message_error decoder::cut(bytes_view input) const
{
    const std::string end = "the end of the stream after " + std::to_string(input.size());
    if (content_at_)
        return {hawser::errc::truncated_payload, "content", std::to_string(needed_ - *content_at_) + " bytes",
                "the end of the stream after " + std::to_string(input.size() - *content_at_)};
    return {hawser::errc::truncated_head, "header", std::to_string(needed_) + " bytes with its length", end};
}

} // namespace hawser::inline v0_1::messages
