// SPDX-License-Identifier: BSL-1.0

// What the sessions and listeners of a server need of it: whom it admits, what it counts, who observes it, and how far
// its drain is.
//
//     session, listener --> ledger <-- server_core, which is one, and knows them all
//
// They hold it by shared pointers, and with it the whole server, whose drain and shedding live until the last of them
// has gone. Thread safe.
#ifndef HAWSER_SRC_SERVER_LEDGER_HPP
#define HAWSER_SRC_SERVER_LEDGER_HPP

#include "loop/runtime_core.hpp"
#include "server/admission.hpp"
#include "server/drain_record.hpp"
#include "server/memory_return.hpp"
#include "server/room_maker.hpp"
#include "server/session_list.hpp"

#include <hawser/server.hpp>

#include <atomic>
#include <memory>
#include <vector>

namespace hawser::inline v0_1::detail {

class address;

class ledger : public std::enable_shared_from_this<ledger>
{
public:
    ledger(const ledger&) = delete;
    ledger& operator=(const ledger&) = delete;

    runtime_core& runtime() const noexcept { return *runtime_; }
    const server_options& options() const noexcept { return options_; }
    hawser::observer& observer() const noexcept { return *options_.observer; }
    detail::admission& admission() noexcept { return admission_; }
    detail::drain_record& drain_record() noexcept { return drain_record_; }
    bool begun_draining() const noexcept { return drain_record_.begun(); }
    memory_return& memory() noexcept { return *memory_; }
    /// Null without limits::shed: nobody is to be told who needs room.
    virtual room_maker* room() noexcept = 0;

    /// The loop with the fewest connections.
    loop& choose_loop() const noexcept;

    /// Where those who shake hands with this server on a loop of its runtime wait.
    const std::shared_ptr<handshake_places>& places_on(const loop& on) const noexcept;

    /// The sessions of this server on a loop of its runtime: used there.
    session_list& sessions_on(const loop& on) noexcept;

    /// Once the next permit is back, every listener is called on its loop. Whoever wants one says so first, and then
    /// tries once more: one may have come back before it was known.
    void want_permit() noexcept { permit_wanted_.store(true); }
    /// What a permit (permit.hpp) is counted under is free again: the permit is too.
    void permit_returns() noexcept;

    /// A connection that was accepted at `local` will not become a session.
    void refused(const endpoint& local, const address& peer, const error_code& why) noexcept;

    /// A listener has closed for good.
    virtual void listener_closed() noexcept = 0;
    /// A listener cannot go on, and will close.
    virtual void listener_failed(const endpoint& where, const error_code& why) noexcept = 0;

    /// Those of the statistics.
    std::size_t connections() const noexcept;

    struct counters {
        std::atomic<std::uint64_t> accepted{0}, completed{0}, shed{0}, failed{0}, refused{0}, accept_errors{0};
        std::atomic<std::uint64_t> datagrams_in{0}, datagrams_out{0}, datagrams_dropped{0}, datagrams_failed{0};
        std::atomic<std::size_t> datagrams_drained{0};
    } counts;

protected:
    /// The options are complete: limits.connections and the observer are set.
    ledger(std::shared_ptr<runtime_core> r, server_options options);
    virtual ~ledger();

    /// Of the statistics what is counted here.
    server_statistics counted() const noexcept;

private:
    /// Somebody wants a permit, and one is free.
    virtual void resume_listeners() noexcept = 0;
    /// A permit is back, of a session in most cases.
    virtual void something_ended() noexcept = 0;

    std::size_t number_of(const loop& l) const noexcept;

    const std::shared_ptr<runtime_core> runtime_;
    const server_options options_;
    detail::admission admission_;
    detail::drain_record drain_record_;
    const std::vector<std::shared_ptr<handshake_places>> places_; // one for each loop
    std::vector<session_list> sessions_;                          // too
    const std::shared_ptr<memory_return> memory_;                 // which the control loop's wheel may know
    std::atomic<bool> permit_wanted_{false};
};

} // namespace hawser::inline v0_1::detail

#endif
