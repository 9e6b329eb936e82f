// SPDX-License-Identifier: BSL-1.0

// Reads the header by events rather than into a tree: nothing is kept of what is not among the four keys, and a key
// that is there twice does not pass for the one that comes last.
#include "message/header.hpp"

#include "message/json.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <array>
#include <cstdint>
#include <optional>

namespace hawser::inline v0_1::messages::detail {
namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 32;

enum class value_kind : std::uint8_t { none, text, number, literal, array, object };

// A member of the header, as it came.
struct member {
    const char* name;
    unsigned times = 0;
    value_kind kind = value_kind::none;
    std::string text = {};                              // of a text; of a number or a literal, as it was written
    std::optional<std::uint64_t> number = std::nullopt; // of a number that is a non-negative integer
};

std::string shown(const member& m)
{
    switch (m.kind) {
    case value_kind::none: return "nothing";
    case value_kind::text: return json_quoted(m.text);
    case value_kind::number: return shortened(m.text);
    case value_kind::literal: return m.text;
    case value_kind::array: return "an array";
    case value_kind::object: return "an object";
    }
    return {};
}

[[noreturn]] void refuse(const member& m, const std::string& expected)
{
    throw message_error{errc::invalid_message_field, m.name, expected, shown(m)};
}

// What the parser tells; only what stands in the outermost object is of interest.
struct header_events {
    static constexpr std::size_t max_object_size = ~std::size_t{0};
    static constexpr std::size_t max_array_size = ~std::size_t{0};
    static constexpr std::size_t max_key_size = ~std::size_t{0};
    static constexpr std::size_t max_string_size = ~std::size_t{0};

    std::array<member, 4> members{member{"byteorder"}, member{"content-type"}, member{"content-encoding"},
                                  member{"content-length"}};
    member* current = nullptr; // whose value comes next
    std::size_t depth = 0;
    std::string key;
    std::string number;

    // A value begins. No value may stand where the outermost object does.
    bool begin(value_kind kind, json::error_code& e)
    {
        if (depth == 0) {
            e = json::error::not_object;
            return false;
        }
        if (depth == 1 && current != nullptr)
            current->kind = kind;
        return true;
    }

    bool add(std::string& to, json::string_view part) const
    {
        if (depth == 1)
            to.append(part.data(), part.size());
        return true;
    }

    bool is_wanted() const noexcept { return depth == 1 && current != nullptr; }

    bool on_number(std::optional<std::uint64_t> value, json::string_view rest, json::error_code& e)
    {
        add(number, rest);
        if (!begin(value_kind::number, e))
            return false;
        if (is_wanted()) {
            current->number = value;
            current->text = number;
        }
        number.clear();
        return true;
    }

    bool on_literal(const char* text, json::error_code& e)
    {
        if (!begin(value_kind::literal, e))
            return false;
        if (is_wanted())
            current->text = text;
        return true;
    }

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code& e)
    {
        if (depth != 0)
            begin(value_kind::object, e);
        ++depth;
        return true;
    }
    bool on_object_end(std::size_t, json::error_code&)
    {
        --depth;
        return true;
    }
    bool on_array_begin(json::error_code& e)
    {
        const bool inside = begin(value_kind::array, e);
        ++depth;
        return inside;
    }
    bool on_array_end(std::size_t, json::error_code&)
    {
        --depth;
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return add(key, part); }
    bool on_key(json::string_view rest, std::size_t, json::error_code&)
    {
        if (depth != 1)
            return true;
        add(key, rest);
        current = nullptr;
        for (member& each : members)
            if (key == each.name)
                current = &each;
        if (current != nullptr) {
            ++current->times;
            current->text.clear();
        }
        key.clear();
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code& e)
    {
        if (!begin(value_kind::text, e))
            return false;
        return !is_wanted() || add(current->text, part);
    }
    bool on_string(json::string_view rest, std::size_t n, json::error_code& e) { return on_string_part(rest, n, e); }
    bool on_number_part(json::string_view part, json::error_code&) { return add(number, part); }
    bool on_int64(std::int64_t value, json::string_view rest, json::error_code& e)
    {
        return on_number(value < 0 ? std::nullopt : std::optional{static_cast<std::uint64_t>(value)}, rest, e);
    }
    bool on_uint64(std::uint64_t value, json::string_view rest, json::error_code& e)
    {
        return on_number(value, rest, e);
    }
    bool on_double(double, json::string_view rest, json::error_code& e) { return on_number(std::nullopt, rest, e); }
    bool on_bool(bool value, json::error_code& e) { return on_literal(value ? "true" : "false", e); }
    bool on_null(json::error_code& e) { return on_literal("null", e); }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }
};

void parse(json::basic_parser<header_events>& parser, bytes_view text)
{
    json::error_code e;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), e);
    if (!e && used != text.size())
        e = json::error::extra_data;
    if (e)
        throw message_error{errc::invalid_message_header, "header", "a JSON object",
                            "none (" + e.message() + " at byte " + std::to_string(used) + ')'};
}

} // namespace

std::string content_range(std::size_t limit)
{
    return "0 to " + std::to_string(limit);
}

message_header read_header(bytes_view text, std::size_t content_limit)
{
    json::parse_options options;
    options.max_depth = deepest;
    json::basic_parser<header_events> parser{options};
    parse(parser, text);
    auto& [order, type, encoding, length] = parser.handler().members;

    for (const member* each : {&order, &type, &encoding, &length})
        if (each->times > 1)
            throw message_error{errc::invalid_message_field, each->name, "it once",
                                std::to_string(each->times) + " of it"};
    if (order.kind != value_kind::text || (order.text != "little" && order.text != "big"))
        refuse(order, "\"little\" or \"big\"");
    for (const member* each : {&type, &encoding})
        if (each->kind != value_kind::text)
            refuse(*each, "a string");
    if (!length.number)
        refuse(length, content_range(content_limit));
    if (*length.number > content_limit)
        throw message_error{errc::message_too_large, length.name, content_range(content_limit), shown(length)};

    message_header found;
    found.order = order.text == "little" ? std::endian::little : std::endian::big;
    found.type = std::move(type.text);
    found.encoding = std::move(encoding.text);
    found.content_length = static_cast<std::size_t>(*length.number);
    return found;
}

} // namespace hawser::inline v0_1::messages::detail
