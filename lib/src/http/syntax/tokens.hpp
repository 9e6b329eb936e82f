// SPDX-License-Identifier: BSL-1.0

// The second of three looks at a head: its names and values. See head_scan.hpp for the others.
#ifndef HAWSER_SRC_HTTP_SYNTAX_TOKENS_HPP
#define HAWSER_SRC_HTTP_SYNTAX_TOKENS_HPP

#include <hawser/bytes.hpp>

#include <cstddef>
#include <string_view>

namespace hawser::inline v0_1::http::detail {

/// The fields whose meaning this library has to know.
enum class known_field : unsigned char {
    other,
    connection,
    content_length,
    expect,
    host,
    transfer_encoding,
};

/// Takes the fields of a head in order. The views are into the head.
class field_receiver
{
public:
    /// False: it is refused, and tokenizing ends.
    virtual bool on_field(known_field which, std::string_view name, std::string_view value) noexcept = 0;

protected:
    ~field_receiver() = default;
};

/// Why tokenizing ended before the end of the head: not at all, if words is empty.
struct token_error {
    std::string_view words;
    std::size_t at = 0; // where the line begins
};

/// Gives each field of a whole head that scan_head() has passed to `receiver`: every line ends with CRLF, no other
/// control character but tabs stands in it, and none begins with white space.
token_error tokenize(bytes_view head, field_receiver& receiver) noexcept;

} // namespace hawser::inline v0_1::http::detail

#endif
