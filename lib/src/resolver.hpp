// Names to addresses, beside the loops: four threads that all runtimes of the process share.
//
// Asio's resolver joins its thread when it is destroyed, so that one stuck look-up holds the exit past every deadline;
// these threads are never joined. A look-up can be abandoned at any time.
#ifndef HAWSER_SRC_RESOLVER_HPP
#define HAWSER_SRC_RESOLVER_HPP

#include "address.hpp"
#include "wait_queue.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hawser::detail {

using address_list = std::vector<std::pair<socket_address, socklen_t>>;

/// One look-up, shared by the coroutine that waits and the thread that works.
struct lookup {
    std::shared_ptr<loop> on;
    std::string host;
    std::uint16_t port = 0;
    waiting* node = nullptr; // on the loop: who waits; null when nobody does any more
    bool done = false;       // on the loop, as what follows
    address_list found;
    error_code error;
};

constexpr std::size_t resolver_threads = 4;
constexpr std::size_t resolver_queue = 1024; // look-ups that may wait; one more is errc::resolver_busy

/// Starts a look-up; at its end `done` is set and the node woken, on its loop. Returns false if too many wait.
bool resolve(std::shared_ptr<lookup> l);

} // namespace hawser::detail

#endif
