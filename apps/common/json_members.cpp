// SPDX-License-Identifier: BSL-1.0
#include "common/json_members.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>

namespace app {
namespace {

namespace json = boost::json;
using kind_type = json_value::kind_type;

constexpr std::size_t deepest = 32;
constexpr std::size_t most_of_a_word = 128; // bytes of a key, of a number, and of what is no object

// What the parser tells.
struct events {
    static constexpr std::size_t max_object_size = ~std::size_t{0};
    static constexpr std::size_t max_array_size = ~std::size_t{0};
    static constexpr std::size_t max_key_size = ~std::size_t{0};
    static constexpr std::size_t max_string_size = ~std::size_t{0};

    json_document read;
    json_value* current = nullptr; // what comes next, if it is wanted
    std::size_t depth = 0;
    std::string key;

    static void append(std::string& to, json::string_view part, std::size_t most)
    {
        to.append(part.data(), std::min(part.size(), most - std::min(most, to.size())));
    }

    // A value, or the next part of one.
    bool take(kind_type kind, json::string_view part = {})
    {
        json_value* const to = depth == 0 ? &read.whole : depth == 1 ? current : nullptr;
        if (to == nullptr)
            return true;
        to->kind = kind;
        append(to->text, part, depth == 1 && kind == kind_type::string ? ~std::size_t{0} : most_of_a_word);
        return true;
    }
    bool enter(kind_type kind)
    {
        take(kind);
        ++depth;
        return true;
    }
    bool leave()
    {
        --depth;
        return true;
    }

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return enter(kind_type::object); }
    bool on_object_end(std::size_t, json::error_code&) { return leave(); }
    bool on_array_begin(json::error_code&) { return enter(kind_type::array); }
    bool on_array_end(std::size_t, json::error_code&) { return leave(); }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&)
    {
        if (depth == 1)
            append(key, part, most_of_a_word);
        return true;
    }
    bool on_key(json::string_view rest, std::size_t n, json::error_code& e)
    {
        on_key_part(rest, n, e);
        if (depth != 1)
            return true;
        const auto found = read.members.find(key);
        current = found == read.members.end() ? nullptr : &found->second;
        if (current != nullptr)
            *current = {};
        key.clear();
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&)
    {
        return take(kind_type::string, part);
    }
    bool on_string(json::string_view rest, std::size_t, json::error_code&) { return take(kind_type::string, rest); }
    bool on_number_part(json::string_view part, json::error_code&) { return take(kind_type::number, part); }
    bool on_int64(std::int64_t, json::string_view rest, json::error_code&) { return take(kind_type::number, rest); }
    bool on_uint64(std::uint64_t, json::string_view rest, json::error_code&) { return take(kind_type::number, rest); }
    bool on_double(double, json::string_view rest, json::error_code&) { return take(kind_type::number, rest); }
    bool on_bool(bool value, json::error_code&) { return take(kind_type::literal, value ? "true" : "false"); }
    bool on_null(json::error_code&) { return take(kind_type::literal, "null"); }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }
};

} // namespace

json_document read_json(std::string_view text, std::initializer_list<const char*> wanted)
{
    json::parse_options options;
    options.max_depth = deepest;
    json::basic_parser<events> parser{options};
    json_document& read = parser.handler().read;
    for (const char* const name : wanted)
        read.members.try_emplace(name);
    json::error_code error;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), error);
    if (!error && used != text.size())
        error = json::error::extra_data;
    if (error)
        read.error = error.message();
    return std::move(read);
}

} // namespace app
