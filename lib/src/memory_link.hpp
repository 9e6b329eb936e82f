// Two streams joined in memory, on one loop: what tests run connections over.
//
// Each direction has a capacity, like a kernel's send buffer, and can be cut into chunks, stalled, ended or reset, from
// outside too, so that a script can play one side by itself. Not thread safe.
#ifndef HAWSER_SRC_MEMORY_LINK_HPP
#define HAWSER_SRC_MEMORY_LINK_HPP

#include "core.hpp"

#include <array>
#include <memory>
#include <string>

namespace hawser::detail {

class memory_link : public std::enable_shared_from_this<memory_link>
{
public:
    explicit memory_link(loop& on) noexcept : loop_{on} {}

    /// What travels from one side to the other. After changing anything here, call changed().
    struct direction {
        std::string bytes;
        std::size_t capacity = 64 * 1024;
        std::size_t chunk = ~std::size_t{0}; // most bytes that one read gives
        bool stalled = false;                // nothing can be read, though there may be bytes
        bool ended = false;                  // the sender's end of stream, after the bytes
        bool gone = false;                   // the receiver has closed: writing fails
        error_code read_error;               // given to the reader instead of anything else
        error_code write_error;              // given to the writer instead of anything else
        std::size_t writes = 0;              // that took bytes
    };
    /// The direction that starts at `side`, 0 or 1.
    direction& from(unsigned side) noexcept { return directions_[side]; }
    direction& to(unsigned side) noexcept { return directions_[1 - side]; }

    /// Completes what has become possible, through the loop's queue.
    void changed();

private:
    friend class memory_stream;
    enum class input_operation : std::uint8_t { none, read, wait };
    struct end {
        boost::intrusive_ptr<core> reader;
        boost::intrusive_ptr<core> writer; // waits for writability
        input_operation input = input_operation::none;
        char* into = nullptr;
        std::size_t size = 0;
        bool cancelled_input = false;
        bool cancelled_output = false;
        bool closed = false;
    };

    bool readable(unsigned side) const noexcept;
    bool writable(unsigned side) const noexcept;
    std::size_t take(unsigned side, char* into, std::size_t size, error_code& e) noexcept;
    std::size_t give(unsigned side, two_pieces from, error_code& e) noexcept;
    void complete(unsigned side);
    void cancel(unsigned side);
    void close(unsigned side);
    void abandon(unsigned side) noexcept;

    loop& loop_;
    std::array<direction, 2> directions_;
    std::array<end, 2> ends_;
    bool posted_ = false;
};

} // namespace hawser::detail

#endif
