// SPDX-License-Identifier: BSL-1.0

// Some members of a JSON object, read by events rather than into a tree: a tree takes ten times the bytes of its text,
// and whoever sends the text chooses how many those are.
#ifndef HAWSER_APPS_COMMON_JSON_MEMBERS_HPP
#define HAWSER_APPS_COMMON_JSON_MEMBERS_HPP

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace app {

/// A value of JSON, as far as anybody wants it.
struct json_value {
    enum class kind_type : std::uint8_t { nothing, string, number, literal, array, object };

    kind_type kind = kind_type::nothing;
    std::string text; ///< of a string without escapes, of a number or a literal as it is written; empty for the others
};

struct json_document {
    json_value whole; ///< what it is, with the beginning of its text
    std::map<std::string, json_value, std::less<>> members;
    std::string error; ///< in words; empty: it is JSON
};

/// Reads a text of at most 32 levels. `wanted` are the members of the outermost object to look for: each is there
/// afterwards, as nothing if it was not found, and as the last one if there were several. Takes memory for their text,
/// and for nothing else.
json_document read_json(std::string_view text, std::initializer_list<const char*> wanted);

} // namespace app

#endif
