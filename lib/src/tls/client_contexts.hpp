// SPDX-License-Identifier: BSL-1.0

// The contexts of a process's clients: whoever connects again with the same options loads nothing anew.
//
// The system's authorities take some 60 ms to load, which is nothing to do on a loop: see context_loading.hpp.
#ifndef HAWSER_SRC_TLS_CLIENT_CONTEXTS_HPP
#define HAWSER_SRC_TLS_CLIENT_CONTEXTS_HPP

#include "tls/context.hpp"

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <memory>

namespace hawser::inline v0_1::detail {

/// Changes when a file does; the same for whatever is no file.
struct file_stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    friend bool operator==(const file_stamp&, const file_stamp&) = default;
};

/// What a context is made of: options, and what their files are now.
struct client_context_key {
    explicit client_context_key(tls_client from);
    friend bool operator==(const client_context_key&, const client_context_key&) = default;

    tls_client options; // without the name, which each handshake has for itself
    std::array<file_stamp, 3> files;
};

constexpr std::size_t client_contexts_kept = 4; // those used last; with the system's authorities 2 MB each

/// The context, if it is kept. From any thread, as the next.
std::shared_ptr<const tls_context> kept_client_context(const client_context_key& key);

/// The same; else a new one, which is kept then. Throws as tls_context does.
std::shared_ptr<const tls_context> client_context(const client_context_key& key);

} // namespace hawser::inline v0_1::detail

#endif
