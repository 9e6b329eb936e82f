// SPDX-License-Identifier: BSL-1.0

// Static files as an HTTP handler.
//
//     server.listen("tcp://127.0.0.1:8080", hawser::http::serve(hawser::http::files("/srv/www")));
//
// What it answers: GET and HEAD of regular files beneath the root, whole or one range of them; a directory by its
// index.html; 304 where If-Modified-Since allows it. No listings.
//
// Uses server.hpp. Linux: openat2.
#ifndef HAWSER_HTTP_FILES_HPP
#define HAWSER_HTTP_FILES_HPP

#include <hawser/detail/export.hpp>
#include <hawser/http/server.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace hawser::inline v0_1::http {

/// Which files are served.
struct files_options {
    /// Names beginning with a dot that are served, wherever in a path they stand, and all that is beneath them as far
    /// as it does not begin with another. `.well-known` (RFC 8615) is the one that most sites want. None at first:
    /// `.git`, `.env` and `.htpasswd` are seldom meant for everybody.
    std::vector<std::string> dot_names = {};

    /// Files that stay open while their readers are slow, so that slow readers cannot take up the descriptors that
    /// limits::connections leaves. Any other is closed whenever its reader has to be waited for, and opened again by
    /// its name. If that leads to another file by then, the connection is reset; a file that stays open is sent as it
    /// was. Raise it where files are replaced while they are read and descriptors abound; 0 keeps none open.
    std::size_t max_held_open = 16;
};

/// A handler for the files beneath `root`, which is opened now: throws hawser::error, naming it, if it is no
/// directory that can be searched. A later rename or removal of the directory does not change which one it is. Throws
/// std::invalid_argument, naming the field, for options that make no sense.
///
/// A request's path is decoded once, and opened below the root for this request alone, so that neither `..` nor a
/// symbolic link, not even one that is swapped in meanwhile, leads out of it. A path that cannot be decoded, or holds
/// an encoded `/`, a `\` or a control character, is 400; one with an empty segment, or one that begins with a dot and
/// is none of files_options::dot_names, or without a file, 404; a file that may not be read, and all that is neither
/// file nor directory (FIFO, device, socket), 403, without waiting for it; one for which there is no descriptor now,
/// 503 with `Retry-After: 1`; another method, 405. Of a symbolic link, its own name counts and not where it leads.
///
/// Files are sent in pieces of 16 KiB, read when the peer has taken the one before. A file that becomes shorter
/// meanwhile resets the connection, as may one that is replaced (files_options::max_held_open): exactly Content-Length
/// bytes of one file are sent, or less and the client can tell. Reading from a disk blocks the loop.
HAWSER_EXPORT handler files(const std::filesystem::path& root, const files_options& options = {});

} // namespace hawser::inline v0_1::http

#endif
