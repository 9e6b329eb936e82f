#include "message_content.hpp"

#include "payload.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace app {
namespace {

namespace json = boost::json;

constexpr std::size_t most_shown = 64;

std::string beginning(const std::string& text)
{
    return text.size() <= most_shown ? shown(text) : shown(text.substr(0, most_shown)) + "...";
}

// A value where another was expected.
std::string shown_value(const json::value* found)
{
    if (found == nullptr)
        return "nothing";
    if (found->is_string())
        return beginning(std::string{found->get_string()});
    if (found->is_object())
        return "an object";
    if (found->is_array())
        return "an array";
    return json::serialize(*found);
}

} // namespace

std::string header_line(const hawser::message& m)
{
    return std::string{"byteorder "} + (m.order == std::endian::little ? "\"little\"" : "\"big\"") + ", content-type " +
           shown(m.type) + ", content-encoding " + shown(m.encoding) + ", content-length " +
           std::to_string(m.content.size());
}

object_content::object_content(const hawser::message& m)
{
    using hawser::errc;
    if (m.content.empty())
        throw hawser::message_error{errc::invalid_message_content, "content-length",
                                    "1 to " + std::to_string(hawser::message_limits{}.content), "0"};
    const std::string text = m.text();
    json::error_code error;
    all_ = json::parse(text, error);
    if (error)
        throw hawser::message_error{errc::invalid_message_content, "content", "a JSON object",
                                    beginning(text) + " (" + error.message() + ')'};
    if (!all_.is_object())
        throw hawser::message_error{errc::invalid_message_content, "content", "a JSON object", shown_value(&all_)};
}

std::string object_content::text(const char* name) const
{
    const json::value* const found = all_.get_object().if_contains(name);
    if (found == nullptr || !found->is_string())
        throw hawser::message_error{hawser::errc::invalid_message_content, name, "a string", shown_value(found)};
    return std::string{found->get_string()};
}

} // namespace app
