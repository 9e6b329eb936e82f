// SPDX-License-Identifier: BSL-1.0
#include "message/content.hpp"

#include "common/shown.hpp"

namespace app {
namespace {

constexpr std::size_t most_shown = 64;

std::string beginning(const std::string& text)
{
    return text.size() <= most_shown ? shown(text) : shown(text.substr(0, most_shown)) + "...";
}

// A value where another was expected.
std::string shown_value(const json_value& found)
{
    using kind_type = json_value::kind_type;
    switch (found.kind) {
    case kind_type::nothing: return "nothing";
    case kind_type::string: return beginning(found.text);
    case kind_type::number:
        return found.text.size() <= most_shown ? found.text : found.text.substr(0, most_shown) + "...";
    case kind_type::literal: return found.text;
    case kind_type::array: return "an array";
    case kind_type::object: return "an object";
    }
    return {};
}

} // namespace

std::string header_line(const hawser::messages::message& m)
{
    return std::string{"byteorder "} + (m.order == std::endian::little ? "\"little\"" : "\"big\"") + ", content-type " +
           shown(m.type) + ", content-encoding " + shown(m.encoding) + ", content-length " +
           std::to_string(m.content.size());
}

object_content::object_content(const hawser::messages::message& m, std::initializer_list<const char*> wanted)
{
    using hawser::messages::errc;
    if (m.content.empty())
        throw hawser::messages::message_error{errc::invalid_message_content, "content-length",
                                              "1 to " + std::to_string(hawser::messages::limits{}.content), "0"};
    const std::string text = m.text();
    read_ = read_json(text, wanted);
    if (!read_.error.empty())
        throw hawser::messages::message_error{errc::invalid_message_content, "content", "a JSON object",
                                              beginning(text) + " (" + read_.error + ')'};
    if (read_.whole.kind != json_value::kind_type::object)
        throw hawser::messages::message_error{errc::invalid_message_content, "content", "a JSON object",
                                              shown_value(read_.whole)};
}

const std::string& object_content::text(const char* name) const
{
    const json_value& found = read_.members.at(name);
    if (found.kind != json_value::kind_type::string)
        throw hawser::messages::message_error{hawser::messages::errc::invalid_message_content, name, "a string",
                                              shown_value(found)};
    return found.text;
}

} // namespace app
