// SPDX-License-Identifier: BSL-1.0

// One connection of bench_server on a blocking socket, from its first byte to its end.
#ifndef HAWSER_APPS_BENCH_SERVER_TALK_HPP
#define HAWSER_APPS_BENCH_SERVER_TALK_HPP

#include "bench_server/models.hpp"

namespace app {

/// How long a connection may live.
enum class life {
    kept, ///< as HTTP has it: until the client wants it to end, or ends it
    once  ///< until its first request is answered
};

/// Answers until the connection has to end. Does not close it.
void talk(int peer, reply what, life length);

} // namespace app

#endif
