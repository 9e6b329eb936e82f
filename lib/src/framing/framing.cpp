// SPDX-License-Identifier: BSL-1.0

// The framings that take more than a few instructions, the checks that are off the hot path, and the words for errors.
#include <hawser/framing.hpp>

#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace hawser::inline v0_1 {

namespace {

constexpr std::size_t varint_max_bytes = 5;
constexpr std::uint64_t varint_max = 0xffff'ffff;

constexpr char netstring_colon = ':';
constexpr char netstring_comma = ',';
constexpr std::size_t netstring_max_digits = std::numeric_limits<std::uint64_t>::digits10 + 1;

constexpr bytes_view line_end = "\n";
constexpr bytes_view line_end_after_return = "\r\n";

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

bool continues(char varint_byte) noexcept
{
    return (static_cast<unsigned char>(varint_byte) & 0x80) != 0;
}

std::string quantity(std::uint64_t n)
{
    return std::to_string(n) + (n == 1 ? " byte" : " bytes");
}

} // namespace

static_assert(sizeof(framing) <= 32);
static_assert(netstring_max_digits + 1 <= framing::max_head);

void framing::refuse(const char* name, std::size_t value, const char* expected, std::size_t bound)
{
    std::string message = std::string{"framing: "} + name + ": expected " + expected;
    if (bound != 0)
        message += std::to_string(bound);
    throw std::invalid_argument{message + ", got " + std::to_string(value)};
}

bool framing::constants_before(const char* head) const noexcept
{
    return std::memcmp(head, constants_, constant_before_) == 0;
}

bool framing::constants_between(const char* head) const noexcept
{
    return std::memcmp(head + before_ + width_, constants_ + constant_before_, constant_between_) == 0;
}

decoded framing::decode_other(bytes_view input, std::size_t& scanned) const noexcept
{
    switch (kind_) {
    case kind::varint: return decode_varint(input);
    case kind::netstring: return decode_netstring(input);
    case kind::lines: return decode_line(input, scanned);
    case kind::delimiter: return decode_delimited(input, scanned);
    case kind::fixed:
        if (input.size() < limit_)
            return incomplete(max_payload(), limit_);
        return complete(input, 0, max_payload(), max_payload(), limit_);
    case kind::bare_u32_be:
    case kind::prefixed: break;
    }
    return decode_prefixed(input);
}

decoded framing::decode_varint(bytes_view input) const noexcept
{
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < varint_max_bytes; ++i) {
        if (i == input.size())
            return incomplete(0, 0);
        length |= std::uint64_t{static_cast<unsigned char>(input[i]) & 0x7fu} << (7 * i);
        if (continues(input[i]))
            continue;

        const bool overlong = i > 0 && input[i] == 0;
        if (overlong || length > varint_max)
            return refused(errc::malformed_length, 0);
        if (length > limit_)
            return refused(errc::frame_too_large, length);
        const std::size_t head = i + 1;
        const std::size_t whole = head + static_cast<std::size_t>(length);
        if (input.size() < whole)
            return incomplete(whole, length);
        return complete(input, head, whole, whole, length);
    }
    return refused(errc::malformed_length, 0);
}

decoded framing::decode_netstring(bytes_view input) const noexcept
{
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < input.size(); ++i) {
        if (is_digit(input[i])) {
            if (i > 0 && length == 0)
                return refused(errc::malformed_length, 0); // a leading zero
            const auto digit = static_cast<std::uint64_t>(input[i] - '0');
            const bool overflows = length > (std::numeric_limits<std::uint64_t>::max() - digit) / 10;
            length = overflows ? std::numeric_limits<std::uint64_t>::max() : length * 10 + digit;
            if (length > limit_)
                return refused(errc::frame_too_large, length);
            continue;
        }
        if (input[i] != netstring_colon || i == 0)
            return refused(errc::malformed_length, 0);

        const std::size_t head = i + 1;
        const std::size_t end = head + static_cast<std::size_t>(length);
        if (input.size() <= end)
            return incomplete(end + 1, length);
        if (input[end] != netstring_comma)
            return refused(errc::malformed_frame, length);
        return complete(input, head, end, end + 1, length);
    }
    return incomplete(0, 0);
}

decoded framing::decode_line(bytes_view input, std::size_t& scanned) const noexcept
{
    const std::size_t window = std::min(input.size(), max_payload() + line_end_after_return.size());
    const std::size_t end = input.substr(0, window).find(line_end[0], scanned);
    if (end == bytes_view::npos) {
        // One byte above the limit may still be the \r of this line's end.
        const bool may_end = window <= max_payload() || (window == max_payload() + 1 && input[max_payload()] == '\r');
        scanned = may_end ? window : 0;
        return may_end ? incomplete(0, 0) : refused(errc::frame_too_large, 0);
    }
    scanned = 0;
    const std::size_t size = end > 0 && input[end - 1] == '\r' ? end - 1 : end;
    if (size > limit_)
        return refused(errc::frame_too_large, size);
    return complete(input, 0, size, end + 1, size);
}

decoded framing::decode_delimited(bytes_view input, std::size_t& scanned) const noexcept
{
    const bytes_view delimiter{constants_, width_};
    const std::size_t window = std::min(input.size(), max_payload() + delimiter.size());
    const std::size_t from = scanned < delimiter.size() ? 0 : scanned - delimiter.size() + 1;
    const std::size_t end = input.substr(0, window).find(delimiter, from);
    if (end == bytes_view::npos) {
        const bool may_end = window < max_payload() + delimiter.size();
        scanned = may_end ? window : 0;
        return may_end ? incomplete(0, 0) : refused(errc::frame_too_large, 0);
    }
    scanned = 0;
    return complete(input, 0, end, end + delimiter.size(), end);
}

end_of_stream framing::at_end(bytes_view rest) const noexcept
{
    if (rest.empty())
        return end_of_stream::clean;

    bool inside_head = false;
    switch (kind_) {
    case kind::bare_u32_be:
    case kind::prefixed: inside_head = rest.size() < head_; break;
    case kind::varint: inside_head = std::all_of(rest.begin(), rest.end(), continues); break;
    case kind::netstring: inside_head = std::all_of(rest.begin(), rest.end(), is_digit); break;
    case kind::lines:
    case kind::delimiter:
    case kind::fixed: break; // these have no head
    }
    return inside_head ? end_of_stream::inside_head : end_of_stream::inside_payload;
}

std::optional<errc> framing::check_delivered(bytes_view frame) const noexcept
{
    // What the frame holds of the head has to be what the head would be.
    std::array<char, max_length_bytes> length{};
    put_length(length.data(), length_of(frame));
    const std::size_t begin = std::size_t{head_} - delivered_;
    const auto holds = [&](std::size_t offset, bytes_view part) {
        const std::size_t cut = std::min(part.size(), begin - std::min(begin, offset));
        part.remove_prefix(cut);
        return part.empty() || frame.substr(offset + cut - begin, part.size()) == part;
    };
    if (!holds(0, {constants_, constant_before_}))
        return errc::malformed_frame;
    if (!holds(before_, {length.data(), width_}))
        return errc::malformed_length;
    if (!holds(std::size_t{before_} + width_, {constants_ + constant_before_, constant_between_}))
        return errc::malformed_frame;
    return std::nullopt;
}

std::optional<errc> framing::check_other(bytes_view frame) const noexcept
{
    if (frame.size() > limit_)
        return errc::frame_too_large;

    const bytes_view delimiter{constants_, width_};
    switch (kind_) {
    case kind::varint:
        if (frame.size() > varint_max)
            return errc::frame_too_large;
        break;
    case kind::lines:
        if (frame.find(line_end) != bytes_view::npos)
            return errc::malformed_frame;
        break;
    case kind::delimiter: {
        // The delimiter may not begin earlier than where it is written: not inside the frame, and not at its end
        // and going on into the delimiter, as "x-" followed by "--" would.
        if (frame.find(delimiter) != bytes_view::npos)
            return errc::malformed_frame;
        for (std::size_t held = std::min(frame.size(), delimiter.size() - 1); held > 0; --held) {
            const std::size_t following = delimiter.size() - held;
            if (frame.ends_with(delimiter.substr(0, held)) && delimiter.starts_with(delimiter.substr(held, following)))
                return errc::malformed_frame;
        }
        break;
    }
    case kind::fixed:
        if (frame.size() < limit_)
            return errc::length_too_small;
        break;
    case kind::bare_u32_be:
    case kind::prefixed:
    case kind::netstring: break;
    }
    return std::nullopt;
}

std::size_t framing::head_size_other(bytes_view frame) const noexcept
{
    std::size_t size = 0;
    if (kind_ == kind::varint) {
        size = 1;
        for (std::uint64_t rest = frame.size() >> 7; rest != 0; rest >>= 7)
            ++size;
    } else if (kind_ == kind::netstring) {
        size = 2; // a digit and the colon
        for (std::uint64_t rest = frame.size() / 10; rest != 0; rest /= 10)
            ++size;
    }
    return size;
}

std::size_t framing::encode_head_other(char* out, bytes_view frame) const noexcept
{
    if (kind_ == kind::varint) {
        char* at = out;
        std::uint64_t rest = frame.size();
        for (; rest >= 0x80; rest >>= 7)
            *at++ = static_cast<char>((rest & 0x7f) | 0x80);
        *at++ = static_cast<char>(rest);
        return static_cast<std::size_t>(at - out);
    }
    if (kind_ == kind::netstring) {
        char* const digits_end = std::to_chars(out, out + netstring_max_digits, frame.size()).ptr;
        *digits_end = netstring_colon;
        return static_cast<std::size_t>(digits_end + 1 - out);
    }
    if (kind_ != kind::prefixed)
        return 0;

    std::array<char, max_head> head{};
    std::memcpy(head.data(), constants_, constant_before_);
    put_length(head.data() + before_, length_of(frame));
    std::memcpy(head.data() + before_ + width_, constants_ + constant_before_, constant_between_);
    const std::size_t size = std::size_t{head_} - delivered_;
    std::memcpy(out, head.data(), size);
    return size;
}

bytes_view framing::tail_other(bytes_view frame) const noexcept
{
    switch (kind_) {
    case kind::netstring: return {&netstring_comma, 1};
    case kind::lines: return frame.ends_with('\r') ? line_end_after_return : line_end;
    case kind::delimiter: return {constants_, width_};
    case kind::bare_u32_be:
    case kind::prefixed:
    case kind::varint:
    case kind::fixed: break;
    }
    return {};
}

std::string framing::describe(const decoded& refused, bytes_view input) const
{
    if (refused.state != decoded::status::refused)
        return {};

    std::string sentence;
    switch (refused.error) {
    case errc::frame_too_large:
        sentence =
            refused.length == 0 ? "frame of more than " + quantity(limit_) : "frame of " + quantity(refused.length);
        sentence += ", limit " + std::to_string(limit_);
        break;
    case errc::length_too_small:
        sentence = "frame length of " + std::to_string(refused.length);
        sentence += ", which covers at least " + quantity(covered_);
        break;
    case errc::malformed_length:
        sentence = kind_ == kind::netstring ? "frame length is not a number without leading zeros and a colon"
                                            : "frame length is not a varint of at most 5 bytes in its shortest form";
        break;
    default:
        sentence = kind_ == kind::netstring ? "no comma behind a netstring of " + quantity(refused.length)
                                            : "frame head has other bytes than the constant ones";
    }
    if (const std::string_view hint = looks_like(input); !hint.empty())
        sentence.append(" (looks like ").append(hint).append(")");
    return sentence;
}

std::string framing::describe(errc error, bytes_view bytes) const
{
    const std::string size = quantity(bytes.size());
    switch (error) {
    case errc::truncated_head: return "stream ended inside a frame's head, after " + size;
    case errc::truncated_payload: {
        std::string sentence = "stream ended inside a frame, after " + size;
        if (const decoded last = decode(bytes); last.needed != 0)
            sentence += " of " + std::to_string(last.needed);
        return sentence;
    }
    case errc::frame_too_large: {
        const std::uint64_t head = kind_ == kind::prefixed ? delivered_ : 0;
        const std::uint64_t payload = bytes.size() - std::min<std::uint64_t>(head, bytes.size());
        std::uint64_t most = kind_ == kind::varint ? std::min(limit_, varint_max) : limit_;
        if (kind_ == kind::prefixed || kind_ == kind::bare_u32_be)
            most = std::min(limit_, max_encodable());
        return "frame of " + quantity(payload) + ", limit " + std::to_string(most);
    }
    case errc::length_too_small:
        return "frame of " + size + ", expected at least " +
               quantity(kind_ == kind::fixed ? limit_ : std::uint64_t{delivered_} + after_);
    case errc::malformed_length: return "frame of " + size + " begins with a length that is not its own";
    case errc::malformed_frame:
        return kind_ == kind::prefixed ? "frame of " + size + " does not begin with its part of the head"
                                       : "frame of " + size + " holds its own delimiter";
    default: return symbol(make_error_code(error));
    }
}

std::string_view looks_like(bytes_view input) noexcept
{
    struct opening {
        bytes_view bytes;
        std::size_t least; // so many of them have to be there
        std::string_view name;
    };
    // The methods of RFC 9110 and RFC 5789, HTTP/2's preface (RFC 9113), a TLS handshake record (RFC 8446),
    // and the identification of SSH (RFC 4253).
    static constexpr opening openings[] = {
        {"GET ", 3, "HTTP"},     {"HEAD ", 3, "HTTP"},  {"POST ", 3, "HTTP"},   {"PUT ", 3, "HTTP"},
        {"DELETE ", 3, "HTTP"},  {"PATCH ", 3, "HTTP"}, {"TRACE ", 3, "HTTP"},  {"OPTIONS ", 3, "HTTP"},
        {"CONNECT ", 3, "HTTP"}, {"PRI * ", 3, "HTTP"}, {"HTTP/1.", 5, "HTTP"}, {"\x16\x03", 2, "TLS"},
        {"SSH-", 3, "SSH"},
    };
    for (const opening& known : openings) {
        const bytes_view begin = input.substr(0, known.bytes.size());
        if (begin.size() >= known.least && known.bytes.starts_with(begin))
            return known.name;
    }
    return {};
}

} // namespace hawser::inline v0_1
