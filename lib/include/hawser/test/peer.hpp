// SPDX-License-Identifier: BSL-1.0

// The other end of a connection in memory, played by the test, and the network in between.
//
//     peer p = run.open(handler);
//     p.inbound({.chunk = 1});            // what is sent arrives a byte at a time
//     p.outbound({.reset_after = 1000});  // and the connection breaks when 1000 bytes have come back
//     p.send(frame("hello"));
#ifndef HAWSER_TEST_PEER_HPP
#define HAWSER_TEST_PEER_HPP

#include <hawser/bytes.hpp>
#include <hawser/time.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace hawser::inline v0_1::detail {
class memory_link;
struct world_access;
} // namespace hawser::inline v0_1::detail

namespace hawser::inline v0_1::test {

class peer;
class world;

/// How one direction of a connection carries bytes. Any combination is possible. Over TLS, the bytes are ciphertext,
/// and what is reset looks cut short.
struct path {
    /// No limit.
    static constexpr std::uint64_t forever = ~std::uint64_t{0};

    /// Most bytes that one read gets; 1 or more. 1 shows every place at which input can be cut.
    std::size_t chunk = ~std::size_t{0};

    /// Bytes under way before the sender has to wait, as in a kernel's buffer; a write of more is taken in part. Over
    /// TLS the kernel's buffers of two pairs of sockets add to it.
    std::size_t capacity = 64 * 1024;

    /// From a byte's being sent to its arrival, by the world's clock: it arrives in advance().
    duration delay{};

    /// Bytes, counted from the connection's beginning, after whose arrival both directions are reset: connection_reset.
    std::uint64_t reset_after = forever;

    /// Bytes, counted alike, after which the stream ends for the receiver; what is sent behind them is lost.
    std::uint64_t end_after = forever;

    /// Nothing arrives, for as long as this is set.
    bool stalled = false;
};

/// The network between the two ends of a connection in memory. Copies are the same. Each change runs the world until
/// nothing more can happen.
///
///     the other end  -- inbound -->  the connection under test  -- outbound -->  the other end
///
/// The connection under test is the handler's, or the one that world::connect() gave. Must not outlive its world.
class wire
{
public:
    /// Changes a direction from now on. Throws std::invalid_argument for a chunk of 0.
    void inbound(const path& how);
    void outbound(const path& how); ///< the same, of what the connection sends

    /// Breaks both directions: connection_reset for whoever reads or writes, and what is under way is lost.
    void break_off();

    /// Bytes that have arrived, at either end.
    std::uint64_t carried_in() const noexcept;
    std::uint64_t carried_out() const noexcept; ///< the same, of what the connection has sent

private:
    friend class peer;
    friend class world;
    friend struct hawser::detail::world_access;
    wire(world& run, std::shared_ptr<hawser::detail::memory_link> link) noexcept : run_{&run}, link_{std::move(link)} {}
    void go(); // runs the world until nothing more can happen

    world* run_;
    std::shared_ptr<hawser::detail::memory_link> link_; // what joins the ends
};

/// The other end: it does what the test says, and nothing by itself. Each action runs the world until nothing more can
/// happen, but for those that say so. Copies are the same peer.
class peer : public wire
{
public:
    /// To the connection.
    void send(bytes_view bytes);
    void send_later(bytes_view bytes); ///< without running anything
    void end();                        ///< end of stream, after what was sent: half-closed, or closed with reset()
    void reset();                      ///< connection reset, both ways
    void stall_input(bool stalled);    ///< what is sent does not arrive, for now

    /// From the connection. Takes what has arrived; each call makes room for more.
    std::string received();
    /// At most `n` bytes of it.
    std::string received(std::size_t n);
    /// How much has arrived and was not taken.
    std::size_t waiting() const noexcept;
    /// What the connection may send before it has to wait, or all that arrives at one write.
    void capacity(std::size_t bytes);
    /// Most bytes that one read of the connection gets.
    void chunks(std::size_t bytes);
    /// Writes of the connection that took bytes.
    std::size_t writes() const noexcept;

    bool has_ended() const noexcept; ///< the connection has ended its output, or closed
    bool was_reset() const noexcept; ///< the connection was reset, by either side
    bool is_gone() const noexcept;   ///< the connection has closed

private:
    friend class world;
    friend struct hawser::detail::world_access;
    using wire::wire;
};

/// A frame of `u32_be`, the default format: what such a peer sends and receives.
std::string frame(bytes_view payload);

} // namespace hawser::inline v0_1::test

#endif
