// SPDX-License-Identifier: BSL-1.0

// The limits and deadlines of a connection, with the defaults of a server that is safe on the internet.
//
// Uses nothing of Asio. Options are checked once, by whatever takes them: contradictory ones are refused with
// std::invalid_argument naming the field, its value and what was expected; nothing is clipped.
#ifndef HAWSER_OPTIONS_HPP
#define HAWSER_OPTIONS_HPP

#include <hawser/detail/export.hpp>
#include <hawser/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace hawser::inline v0_1 {

using namespace std::chrono_literals;

/// How long a connection waits, by cause. Each is above zero; `never` waits for ever.
struct timeouts {
    /// Over TLS, from the accepted connection to the end of the handshake: handshake_timeout. Absolute; a client's
    /// handshake is under connect_options::connect_timeout or handshake_timeout instead.
    duration handshake = 10s;

    /// Without a byte either way, while a handler waits in a read between two frames: idle_timeout. Over TLS a byte has
    /// come when its record is whole.
    duration idle = 75s;

    /// For a frame's head; and this plus 1 s for each 64 KiB announced, for all of it. Fixed when the length is known:
    /// bytes that arrive never extend it. Runs only while the session reads: frame_timeout. At drain also for the rest
    /// of a TLS record of which a part has come.
    duration frame = 10s;

    /// Over which a peer must take write_rate bytes a second on average, while output waits for it: write_timeout.
    /// An honest peer may acknowledge nothing for several seconds: much less than the default cuts some of those.
    duration write = 30s;

    /// For sessions to end by themselves once the server drains: drain_timeout. Belongs to the server.
    duration drain = 30s;
};

/// What a peer must acknowledge, in bytes a second, while output waits.
inline constexpr std::uint64_t write_rate = 240;

/// What a server, and each connection, may hold.
struct limits {
    /// Connections open at once; newcomers beyond it wait in the kernel's queue (listen_options::when_full). 1 or more.
    /// Unset: the descriptor limit when the server is made, less min(64, a quarter of it).
    std::optional<std::size_t> connections = std::nullopt;

    /// Whether sessions make room for others once `connections` or `handshakes` are taken: end_reason::shed. Leave it
    /// on where clients are not trusted: without it as many silent ones as there are places keep everybody else out.
    /// While newcomers wait, sessions make room for them. First those that linger; then those that have sent nothing in
    /// 0.25 s since they were accepted; those whose first unit or handshake is not whole after 1 s, and 1 s more for
    /// each 4 KiB that have come of the unit, so that no upload of 4 KiB a second is ended; those that have failed and
    /// have sent their output for 1 s; those that have waited between two units for 5 s, the longest first. When fewer
    /// than 2% of the connections are left it is the same, but after 5 s for each that does not linger. What has come
    /// from a peer by then is read, and nothing that is queued for it is lost but to one that has failed. The want of
    /// descriptors below the limit ends nobody.
    /// While some wait for one of `handshakes`, a handshake in progress is ended when its peer has not answered within
    /// 1 s of what it was sent last, the slowest first, one for each that waits: a peer whose whole answer comes within
    /// that time is never ended so. Bytes that are less than the whole of an answer do not extend that time. While none
    /// wait, each has the whole of timeouts::handshake.
    /// False: nobody is ended for others. Newcomers (listen_options::when_full) and handshakes wait until somebody
    /// leaves, or reaches a deadline of its own.
    bool shed = true;

    /// Connections open at once from one address (IPv6: from one /64); one more is accepted and reset. 1 or more.
    /// Unset: as many as there may be.
    std::optional<std::size_t> per_address = std::nullopt;

    /// Bytes that a connection may receive in its life; the byte after it ends the session: errc::data_limit. 1 or
    /// more. Unset: any number.
    std::optional<std::uint64_t> data_limit = std::nullopt;

    /// TLS handshakes of a server in progress at once, counted from the whole ClientHello, or from its 2,048th byte if
    /// more have to come, an equal share on each loop. Each takes up to 64 KiB, or 120 KiB once its peer has shown a
    /// certificate that tls_server::client_ca vouches for. One more waits on its loop with nothing but its hello, no
    /// more of which is read meanwhile, in the order in which they came, and for up to 10 s of that its deadline does
    /// not run. 1 or more; each loop has at least one.
    /// Once the first has waited for 1 s, every other place goes to the last that has come, which otherwise waited in
    /// vain behind a flood.
    /// The default bounds that memory by 64 MiB, and lets clients at 100 ms from here begin 10,000 sessions a second,
    /// which are more than several processors can sign. A client's handshakes are not counted.
    std::size_t handshakes = 1024;

    /// Output that waits for the peer, in bytes: at the high-water mark a writer is suspended until it has fallen to
    /// the low one. 1 or more; low below high.
    std::size_t output_high_water = 256 * 1024;
    std::size_t output_low_water = 64 * 1024; ///< where a suspended writer goes on
};

/// Checks the fields against each other and their ranges. Throws std::invalid_argument.
HAWSER_EXPORT void validate(const timeouts& t);
HAWSER_EXPORT void validate(const limits& l); ///< throws std::invalid_argument

} // namespace hawser::inline v0_1

#endif
