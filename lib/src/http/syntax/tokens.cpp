// SPDX-License-Identifier: BSL-1.0
#include "http/syntax/tokens.hpp"

#include "http/syntax/characters.hpp"

#include <cstring>

namespace hawser::inline v0_1::http::detail {
namespace {

known_field find_known(std::string_view name) noexcept
{
    const auto if_same = [name](const char* model, known_field f) {
        for (const char c : name)
            if (lower(c) != *model++)
                return known_field::other;
        return f;
    };
    switch (name.size()) {
    case 4: return if_same("host", known_field::host);
    case 6: return if_same("expect", known_field::expect);
    case 10: return if_same("connection", known_field::connection);
    case 14: return if_same("content-length", known_field::content_length);
    case 17: return if_same("transfer-encoding", known_field::transfer_encoding);
    default: return known_field::other;
    }
}

bool is_blank(char c) noexcept
{
    return c == ' ' || c == '\t';
}

} // namespace

token_error tokenize(bytes_view head, field_receiver& receiver) noexcept
{
    const char* const begin = head.data();
    const char* const end = begin + head.size();
    const auto size = [](const char* from, const char* to) { return static_cast<std::size_t>(to - from); };
    const auto line_end = [&](const char* from) {
        return static_cast<const char*>(std::memchr(from, '\r', size(from, end)));
    };

    // Every search ends at the CR of its line, or before.
    for (const char* line = line_end(begin) + 2; *line != '\r';) {
        const char* colon = line;
        while (is(*colon, token_character))
            ++colon;
        if (*colon != ':' || colon == line)
            return {"field: expected a name, which is a token, and a colon right behind it", size(begin, line)};
        const char* value = colon + 1;
        while (is_blank(*value))
            ++value;
        const char* const next = line_end(value);
        const char* value_end = next;
        while (value_end != value && is_blank(value_end[-1]))
            --value_end;
        const std::string_view name{line, size(line, colon)};
        if (!receiver.on_field(find_known(name), name, {value, size(value, value_end)}))
            return {"field: refused", size(begin, line)};
        line = next + 2;
    }
    return {};
}

} // namespace hawser::inline v0_1::http::detail
