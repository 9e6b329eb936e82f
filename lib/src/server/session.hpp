// SPDX-License-Identifier: BSL-1.0

// A session: one connection of a server, its handler's coroutine, and what is told when both have ended.
//
//     start --> [TLS handshake] --> handler --> returns: flush, FIN, linger  --> closed --> told, permit given back
//                      |                   |--> throws: the same, or a reset if its answer was torn
//                      |                   `--> is cut: reset --------------^
//                      `--> refused: alert, FIN, linger ---------------------^
//
// During the handshake the session is owned by its connection, while the handler runs by the coroutine's completion
// handler, and after that by the connection again.
#ifndef HAWSER_SRC_SERVER_SESSION_HPP
#define HAWSER_SRC_SERVER_SESSION_HPP

#include "connection/core.hpp"
#include "server/ledger.hpp"
#include "server/permit.hpp"
#include "sockets/listening_socket.hpp"
#include "tls/context.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>

namespace hawser::inline v0_1::detail {

/// What the sessions of one listener share; it lives as long as any of them.
struct session_config {
    session_handler handler;
    std::shared_ptr<const settings> configured;
    std::shared_ptr<detail::ledger> ledger;
    endpoint local;
    std::shared_ptr<tls_configuration> tls = nullptr;  // null: without
    std::optional<std::string> refusal = std::nullopt; // of one connection too many: what it is told; unset: it waits
};

class session;

/// By which a session is remembered on other threads than its loop's.
struct session_place {
    loop& on;
    session* has = nullptr; // used on its loop only; null once it has gone
};

/// Says in `end` what a handler threw, without its words if there is no memory for them. Does not take a null pointer.
void describe(session_end& end, std::exception_ptr thrown) noexcept;

class session final : public connection_owner, public session_entry
{
public:
    /// Takes over a connection that was accepted with a permit, on the loop that this is assigned to.
    static void start(loop& on, std::shared_ptr<session_config> s, descriptor fd, const address& peer,
                      permit place) noexcept;

    /// The same over a stream that is there already, and has been for so long. Throws std::bad_alloc, and has not taken
    /// the permit then.
    static void start(loop& on, std::shared_ptr<session_config> s, any_stream stream, const address& peer,
                      permit&& place, duration queued = duration::zero());

    session(boost::intrusive_ptr<connection_core> c, std::shared_ptr<session_config> s, permit place) noexcept;
    ~session() override;

    const detail::ledger& ledger() const noexcept { return *config_->ledger; }
    connection_core& on_connection() const noexcept { return *core_; }

    /// What it does with its place, and since when: a first unit's time begins when the kernel had the connection, as
    /// far as that is known.
    claim claims() const noexcept;
    /// Ends it to make room, if it still has the claim that it was found with and nothing has come from its peer.
    void shed(const claim& found);

    /// By which other threads remember it. Throws std::bad_alloc.
    std::shared_ptr<session_place> place();

    /// The drain deadline: resets the connection and emits the terminal cancellation.
    void cut();

    /// Cancels what the handler waits for, and nothing else: for tests. Not from a handler of this session.
    void cancel_handler(boost::asio::cancellation_type type) { cancellation_.emit(type); }
    /// It has begun, and not ended.
    bool runs_handler() const noexcept { return begun_ && !ended_; }

    /// From the watchdog's thread, while this session's handler runs.
    void report_blocked(duration held) const noexcept override;

private:
    static void handshake_ended(std::unique_ptr<session> self);
    static void run(std::unique_ptr<session> self);
    void ended(std::unique_ptr<session> self, std::exception_ptr e) noexcept;
    connection_core::handler_end note_end(std::exception_ptr e) noexcept;
    void note_end(session_end end) noexcept;
    void connection_closed() noexcept override;
    session_list& listed_in() const noexcept { return config_->ledger->sessions_on(core_->on()); }

    boost::intrusive_ptr<connection_core> core_;
    connection peer_;
    std::shared_ptr<session_config> config_;
    boost::asio::cancellation_signal cancellation_;
    permit permit_;
    std::shared_ptr<session_place> place_; // once it was asked for
    time_point came_{};                    // when the kernel had the connection
    std::optional<std::size_t> cut_;       // its place in the drain report
    std::unique_ptr<session_end> end_;     // once the handler has ended, unless there was no memory for it
    bool begun_ = false;                   // the handler, and
    bool ended_ = false;
    bool shed_ = false;
    bool handshake_failed_ = false;
};

/// That of an entry in a server's list.
inline session& session_of(session_entry& e) noexcept
{
    return static_cast<session&>(e);
}

/// That of a server's connection, as long as there is one; null for a client's.
inline session* session_of(const connection_core& c) noexcept
{
    return static_cast<session*>(c.owner);
}

} // namespace hawser::inline v0_1::detail

#endif
