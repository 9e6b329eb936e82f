// SPDX-License-Identifier: BSL-1.0

// What message_server and message_client make of a message: its header as a line, and its content as JSON.
#ifndef HAWSER_APPS_MESSAGE_CONTENT_HPP
#define HAWSER_APPS_MESSAGE_CONTENT_HPP

#include "common/json_members.hpp"

#include <hawser/message.hpp>

#include <initializer_list>
#include <string>

namespace app {

/// What -v prints: the fields of the header, in the order in which they are written.
std::string header_line(const hawser::messages::message& m);

/// The wanted members of content that is an object. Throws hawser::messages::message_error for any other.
class object_content
{
public:
    object_content(const hawser::messages::message& m, std::initializer_list<const char*> wanted);

    /// A wanted member that is a string. Throws hawser::messages::message_error if there is none.
    const std::string& text(const char* name) const;

private:
    json_document read_;
};

} // namespace app

#endif
