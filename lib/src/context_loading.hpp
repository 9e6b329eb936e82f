// A client's TLS context, loaded in the pool of look-ups: files are read and parsed there, not on a loop.
#ifndef HAWSER_SRC_CONTEXT_LOADING_HPP
#define HAWSER_SRC_CONTEXT_LOADING_HPP

#include "client_contexts.hpp"
#include "wait_queue.hpp"

#include <exception>
#include <memory>

namespace hawser::detail {

/// Shared by the coroutine that waits and the thread that loads. Used on its loop alone.
struct wanted_context {
    std::shared_ptr<loop> on;
    waiting* node = nullptr; // who waits; null when nobody does any more
    bool done = false;       // as what follows
    std::shared_ptr<const tls_context> made;
    std::exception_ptr failed;
};

/// Starts to load the context; at its end `done` is set and the node woken, on the loop. Whoever wants the same context
/// meanwhile waits for the same load. Returns false if too many look-ups wait, or if there is no thread to be had.
bool start_loading(const client_context_key& key, std::shared_ptr<wanted_context> wanted);

} // namespace hawser::detail

#endif
