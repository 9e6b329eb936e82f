// SPDX-License-Identifier: BSL-1.0

// Two streams joined in memory, on one loop: what tests run connections over.
//
// Each direction has a capacity, like a kernel's send buffer, and can be cut into chunks, delayed, stalled, ended or
// reset, from outside too, so that a script can play one side by itself. Not thread safe.
#ifndef HAWSER_SRC_TRANSPORT_MEMORY_LINK_HPP
#define HAWSER_SRC_TRANSPORT_MEMORY_LINK_HPP

#include "loop/calls.hpp"
#include "loop/loop.hpp"
#include "transport/stream.hpp"
#include "transport/stream_owner.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>

namespace hawser::inline v0_1::detail {

/// Is told of each operation of a link before it happens, and says whether the network breaks there.
class memory_probe
{
public:
    virtual ~memory_probe() = default;
    virtual bool breaks(unsigned side, const char* operation) noexcept = 0;
};

class memory_link final : public std::enable_shared_from_this<memory_link>, private owned_call
{
public:
    explicit memory_link(loop& on, memory_probe* probe = nullptr) noexcept : loop_{on}, probe_{probe} {}

    /// What travels from one side to the other. After changing anything here, call changed().
    struct direction {
        std::string bytes;
        std::size_t capacity = 64 * 1024;
        std::size_t chunk = ~std::size_t{0}; // most bytes that one read gives
        duration delay{};                    // from a byte's being written to its being readable
        std::uint64_t reset_after = forever; // bytes read, after which both directions are reset
        std::uint64_t end_after = forever;   // bytes read, after which the stream ends; what follows is lost
        bool stalled = false;                // nothing can be read, though there may be bytes
        bool ended = false;                  // the sender's end of stream, after the bytes
        time_point end_arrives{};
        bool gone = false;                                         // the receiver has closed: writing fails
        error_code read_error;                                     // given to the reader instead of anything else
        error_code write_error;                                    // given to the writer instead of anything else
        std::size_t writes = 0;                                    // that took bytes
        std::uint64_t read = 0;                                    // bytes, in all
        std::deque<std::pair<time_point, std::uint64_t>> arrivals; // delayed: when how many bytes in all will have come
    };
    static constexpr std::uint64_t forever = ~std::uint64_t{0};

    /// The direction that starts at `side`, 0 or 1.
    direction& from(unsigned side) noexcept { return directions_[side]; }
    direction& to(unsigned side) noexcept { return directions_[1 - side]; }

    /// Completes what has become possible, through the loop's queue.
    void changed() noexcept;

    /// Both directions fail from now on, for either side.
    void break_off();

    /// What a script, or a relay, does in the place of a stream: as memory_stream's read_now() and write_now().
    std::size_t take(unsigned side, char* into, std::size_t size, error_code& e) noexcept;
    std::size_t give_all(unsigned side, std::span<const bytes_view> from, error_code& e) noexcept;
    std::size_t give(unsigned side, two_pieces from, error_code& e) noexcept
    {
        const std::array pieces{from.first, from.second};
        return give_all(side, pieces, e);
    }
    /// Before an operation of `side`.
    void probe(unsigned side, const char* operation)
    {
        if (probe_ != nullptr && probe_->breaks(side, operation))
            break_off();
    }
    /// How much give() takes now.
    std::size_t room(unsigned side) const noexcept;
    /// Ends what `side` sends.
    void end(unsigned side) noexcept;
    /// The same, and lets go of what comes to it.
    void close(unsigned side);

    /// The parts of the above: how many bytes of a direction can be read now, and bytes that were read or are written
    /// whatever its capacity.
    std::size_t arrived(const direction& d) const noexcept;
    void consume(direction& d, std::size_t n) noexcept;
    void append(unsigned side, bytes_view bytes);

private:
    friend class memory_stream;
    struct attached {
        boost::intrusive_ptr<stream_owner> reader; // waits for readability
        boost::intrusive_ptr<stream_owner> writer; // waits for writability
        bool for_reset = false;                    // the reader waits for nothing else
        bool cancelled_input = false;
        bool cancelled_output = false;
        bool closed = false;
    };

    bool has_ended(const direction& d) const noexcept;
    bool readable(unsigned side) const noexcept;
    bool resumes_reader(unsigned side) const noexcept;
    bool writable(unsigned side) const noexcept;
    void complete(unsigned side);
    void cancel(unsigned side);
    void abandon(unsigned side) noexcept;

    loop& loop_;
    memory_probe* const probe_;
    std::array<direction, 2> directions_;
    std::array<attached, 2> ends_;
    void called() override;
};

} // namespace hawser::inline v0_1::detail

#endif
