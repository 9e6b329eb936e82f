// SPDX-License-Identifier: BSL-1.0

// A client's TLS context, loaded in the pool of look-ups: files are read and parsed there, not on a loop.
#ifndef HAWSER_SRC_CLIENT_CONTEXT_LOADING_HPP
#define HAWSER_SRC_CLIENT_CONTEXT_LOADING_HPP

#include "loop/wait_queue.hpp"
#include "tls/client_contexts.hpp"

#include <hawser/error.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace hawser::inline v0_1::detail {

/// Why a context could not be made, as words and not as an exception: each thread that is told throws one of its own.
struct loading_failure {
    enum class kind : std::uint8_t { none, tls, argument, memory };
    kind what = kind::none;
    error_code code;
    std::string words;

    /// Throws tls_error, std::invalid_argument or std::bad_alloc, unless it is none.
    void raise() const;
};

/// Shared by the coroutine that waits and the thread that loads, which asks the loop to call it when that is done.
struct wanted_context final : owned_call {
    std::shared_ptr<loop> on;
    waiting* node = nullptr;                 // who waits; null when nobody does any more
    bool done = false;                       // on the loop, as the node
    std::shared_ptr<const tls_context> made; // written by the thread before the loop is asked, as what follows
    loading_failure failed;

private:
    void called() override;
};

/// Starts to load the context; at its end `done` is set and the node woken, on the loop. Whoever wants the same context
/// meanwhile waits for the same load. Returns false if too many look-ups wait, or if there is no thread to be had.
bool start_loading(const client_context_key& key, std::shared_ptr<wanted_context> wanted);

} // namespace hawser::inline v0_1::detail

#endif
