// Words about what a peer sent, for logs and for exceptions.
#ifndef HAWSER_SRC_HTTP_SYNTAX_REFUSAL_HPP
#define HAWSER_SRC_HTTP_SYNTAX_REFUSAL_HPP

#include <hawser/bytes.hpp>

#include <string>

namespace hawser::http::detail {

/// `"a\r\n"`: in double quotes, `"` and `\` escaped, `\n \r \t`, `\xNN` for every other byte that is not visible
/// ASCII, and at most 256 bytes, then `... (N bytes)`.
std::string quoted(bytes_view bytes);

} // namespace hawser::http::detail

#endif
