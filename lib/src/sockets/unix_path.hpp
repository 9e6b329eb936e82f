// SPDX-License-Identifier: BSL-1.0

// A Unix socket's path, which of several servers exactly one gets.
//
// bind() makes the file, or fails if there is one: whoever binds first has the path, with no more ado. What is left is
// the file of a server that was killed. It is removed under a lock (flock) of its folder, so that nobody removes the
// file that another has made in its place meanwhile:
//
//     bind --> there is no file: bound
//      `-----> a file: somebody's, of a socket that is bound, listening or not yet: EADDRINUSE
//                      nobody's: lock the folder, look again, remove it, bind
//
// The lock ends with the process that has it and leaves no file behind, unlike a lock file; nothing in the folder is
// locked by it, and who only binds does not wait for it. Binding under another name and moving that to the path would
// need no lock but to replace a file only if it is still the one that was found stale, which no call does.
#ifndef HAWSER_SRC_SOCKETS_UNIX_PATH_HPP
#define HAWSER_SRC_SOCKETS_UNIX_PATH_HPP

#include "sockets/descriptor.hpp"

#include <hawser/endpoint.hpp>

#include <optional>

namespace hawser::inline v0_1::detail {

/// A socket bound to the endpoint's path, whose file has this mode. Waits for the folder's lock for at most 5 s. Throws
/// endpoint_error.
descriptor bind_to_path(const endpoint& where, std::optional<unsigned> mode);

} // namespace hawser::inline v0_1::detail

#endif
