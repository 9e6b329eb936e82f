// SPDX-License-Identifier: BSL-1.0

// One row of /connections, and all of them as a table or as JSON.
#ifndef HAWSER_SRC_ADMIN_ROWS_HPP
#define HAWSER_SRC_ADMIN_ROWS_HPP

#include "admin/socket.hpp"

#include <hawser/connection.hpp>
#include <hawser/tls.hpp>

#include <optional>
#include <string>
#include <vector>

namespace hawser::inline v0_1::detail {

/// What a connection knows of itself, beside the kernel.
struct session_facts {
    duration age{};

    /// Since the last byte in either direction. Of a Unix socket it is known while the session waits for input.
    std::optional<duration> idle = {};

    wait_kind waiting_for = wait_kind::nothing;
    /// Since when; unknown while the handler runs, or waits for what is not the connection's.
    std::optional<duration> waiting_time = {};

    transfer_statistics carried = {};
    std::optional<tls_info> tls = {}; ///< after the handshake
};

struct socket_row {
    const char* protocol = "tcp"; ///< tcp, tcp6, unix, udp or udp6
    bool over_tls = false;
    bool suspended = false; ///< a listener that accepts nothing for now
    socket_state state = {};
    std::string local = {};
    std::string peer = {};
    int descriptor = -1;
    std::optional<session_facts> session = {}; ///< none: it listens, or takes datagrams
};

/// A loop that has not answered in time: a handler keeps it. Its connections are not among the rows.
struct silent_loop {
    std::size_t number = 0;
    std::string kept_by; ///< the peer of that handler's connection; empty: not known
};

struct socket_rows {
    std::vector<socket_row> rows;
    std::vector<silent_loop> silent;
};

/// Whose sockets they are.
struct process_facts {
    int pid = 0;
    std::string user;
};

/// A line with the names of the columns, and a line for each row: words separated by spaces, none of which is empty.
/// What a peer has chosen (names in TLS) is escaped.
std::string to_table(const socket_rows& all, const process_facts& process);

/// The same as JSON, an object: "connections", the rows, and "silent_loops".
std::string to_json(const socket_rows& all, const process_facts& process);

/// The enumerator's name, one word: "output_room".
const char* name_of(wait_kind what) noexcept;

} // namespace hawser::inline v0_1::detail

#endif
