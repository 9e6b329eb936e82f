// What message_server and message_client make of a message: its header as a line, and its content as JSON.
#ifndef HAWSER_APPS_MESSAGE_CONTENT_HPP
#define HAWSER_APPS_MESSAGE_CONTENT_HPP

#include <hawser/message.hpp>

#include <boost/json/value.hpp>

#include <string>

namespace app {

/// What -v prints: the fields of the header, in the order in which they are written.
std::string header_line(const hawser::message& m);

/// Content that is an object. Throws hawser::message_error for any other.
class object_content
{
public:
    explicit object_content(const hawser::message& m);

    /// A member that is a string. Throws hawser::message_error if there is none.
    std::string text(const char* name) const;

private:
    boost::json::value all_;
};

} // namespace app

#endif
