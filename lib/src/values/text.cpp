// SPDX-License-Identifier: BSL-1.0
#include "values/text.hpp"

namespace hawser::inline v0_1::detail {

std::string quoted(bytes_view bytes, std::size_t most)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string text = "\"";
    for (const char c : bytes.substr(0, most)) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            text.append({'\\', c});
        else if (c == '\n')
            text += "\\n";
        else if (c == '\r')
            text += "\\r";
        else if (c == '\t')
            text += "\\t";
        else if (byte < 0x20 || byte >= 0x7f)
            text.append({'\\', 'x', digits[byte >> 4], digits[byte & 15]});
        else
            text += c;
    }
    text += '"';
    if (bytes.size() > most)
        text += "... (" + std::to_string(bytes.size()) + " bytes)";
    return text;
}

} // namespace hawser::inline v0_1::detail
