// SPDX-License-Identifier: BSL-1.0

// What a connection writes: through its loop's cork while the peer keeps up, through pending bytes of its own while
// not; those who wait for room or for the flush; and the rule of how fast a peer has to take it.
//
// It does no I/O. The connection gives the kernel what stands here, and tells how much it took.
//
//             shut              end
//     open ---------> shut -------------> ended
//      |  writes are                        ^  the end of the stream is the stream's to send
//      |  refused from here                 |
//      `------------- end ------------------'
//
//     append: pending bytes                     --> behind them
//             otherwise                         --> into the cork, which first is taken from its owner
//             does not fit the cork             --> the cork is sent; what is larger than it goes to the kernel
//
//     event                in every state
//     gave: all            the next who waits for room is admitted
//     gave: some           the rest is pending
//     went_on              at the low-water mark, the next who waits for room is admitted. No more is pending: who
//                          flushes goes on, and the block is given back
//     a turn ends          the next one is admitted, below the high-water mark
//     wake_all             whoever waits is told
//     drop                 what is pending, and in the cork, is lost
//
// Who leaves the queue by being cancelled leaves nothing behind. Who was admitted takes its turn when it goes on, and
// whatever becomes of it there, the turn ends.
//
// That writes are refused is for those to ask who write: what was accepted is sent in every state.
//
// A connection with pending bytes never owns the cork, and pending bytes always have a wait for writability under way.
// A writer waits before it appends, so memory is bounded by the high-water mark plus one frame, however many write.
#ifndef HAWSER_SRC_CONNECTION_OUTPUT_HPP
#define HAWSER_SRC_CONNECTION_OUTPUT_HPP

#include "connection/settings.hpp"
#include "connection/written.hpp"
#include "loop/buffer.hpp"
#include "loop/cork.hpp"
#include "loop/wait_queue.hpp"
#include "values/pieces.hpp"

#include <hawser/connection.hpp>

#include <cstdint>
#include <utility>

namespace hawser::inline v0_1::detail {

class output
{
public:
    enum class state : std::uint8_t { open, shut, ended };
    /// Where output goes next.
    enum class place : std::uint8_t {
        cork,
        behind_cork, // which is sent first, whoever owns it
        pending,
        kernel, // it is too large for the cork, and nothing is before it
    };
    /// What has become of the bytes that the kernel was given.
    enum class given : std::uint8_t {
        all,
        some,      // the rest is pending
        no_memory, // the rest is lost: a part of a frame may be on its way, so that the stream cannot go on
    };

    output(block_pool& blocks, cork& shared, cork_owner& owner, const settings& s) noexcept
        : owner_{owner}, cork_{shared}, settings_{s}, pending_{blocks}
    {}

    // ---- Appending

    bool takes_writes() const noexcept { return state_ == state::open; }
    std::size_t queued() const noexcept { return pending_.size() + (owns_cork() ? cork_.size : 0); }
    /// So many bytes may be queued yet. Not for one who has no room.
    std::size_t room() const noexcept { return settings_.high_water - queued(); }
    bool has_room() const noexcept { return queued() < settings_.high_water && writers_.empty() && !admitted_; }

    bool owns_cork() const noexcept { return cork_.owner == &owner_; }
    /// Room in the cork, next to the last bytes in it, as it is most of the time; null: otherwise.
    char* room_in_cork(std::size_t size) noexcept
    {
        if (!owns_cork() || cork_.room() < size) [[unlikely]]
            return nullptr;
        return extend_cork(size);
    }
    place where(std::size_t size) const noexcept
    {
        if (is_pending())
            return place::pending;
        if (cork_.owner != nullptr && (!owns_cork() || cork_.room() < size))
            return place::behind_cork;
        return size > cork::capacity ? place::kernel : place::cork;
    }
    char* take_cork(std::size_t size) noexcept
    {
        cork_.owner = &owner_;
        return extend_cork(size);
    }
    /// Throws std::bad_alloc.
    char* extend_pending(std::size_t size);
    /// The kernel was given these and took the first `n` bytes.
    given gave(two_pieces pieces, std::size_t n) noexcept
    {
        if (n != pieces.size())
            return keep(pieces, n);
        if (!writers_.empty())
            admit(); // nothing is queued now; with a low mark they may wait for the cork alone
        return given::all;
    }
    /// Throws std::bad_alloc.
    void append_pending(bytes_view bytes) { pending_.append(bytes); }

    void wrote(written w) noexcept { written_ = w; }
    /// The protocol above says it of what was written, and of what will be until it says otherwise.
    void answered(answer_state a) noexcept
    {
        in_answer_ = a == answer_state::part;
        written_ = in_answer_ ? written::unknown : written::whole;
    }
    written last() const noexcept { return in_answer_ ? written::torn : written_; }

    // ---- Those who wait for room, one admitted after the other

    wait_queue& writers() noexcept { return writers_; }
    const wait_queue& writers() const noexcept { return writers_; }
    /// The turn of one who was admitted: whoever had to wait for it lets the next one have it, whether it has appended
    /// or not.
    class turn
    {
    public:
        turn() = default;
        explicit turn(output& of) noexcept : of_{&of} {}
        turn(turn&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
        turn& operator=(turn&& other) noexcept
        {
            std::swap(of_, other.of_);
            return *this;
        }
        ~turn()
        {
            if (of_ != nullptr)
                of_->admit_next();
        }

    private:
        output* of_ = nullptr;
    };
    /// One has been admitted and has not gone on yet: nobody passes it by.
    void admitted() noexcept { admitted_ = true; }
    turn take_turn() noexcept
    {
        admitted_ = false;
        return turn{*this};
    }
    void admit() noexcept;

    // ---- Sending what is pending

    bool is_pending() const noexcept { return !pending_.empty(); }
    bytes_view pending() const noexcept { return pending_.data(); }
    bool is_sending() const noexcept { return sending_; }
    /// The wait for writability begins, with so many bytes acknowledged.
    void begin_sending(std::uint64_t acknowledged) noexcept
    {
        sending_ = true;
        sending_from_ = acknowledged;
    }
    void end_sending() noexcept { sending_ = false; }
    /// The kernel took the first `n` pending bytes.
    void sent(std::size_t n) noexcept { pending_.consume(n); }
    /// It takes no more for now. Whether there is more.
    bool went_on() noexcept;
    wait_queue& flushers() noexcept { return flushers_; }
    const wait_queue& flushers() const noexcept { return flushers_; }
    /// What was accepted is lost.
    void drop() noexcept;

    /// Whether the peer has taken enough since the window began, which begins anew with that.
    bool keeps_pace(std::uint64_t acknowledged, duration window) noexcept;

    // ---- The end

    void shut() noexcept
    {
        if (state_ == state::open)
            state_ = state::shut;
    }
    void end() noexcept { state_ = state::ended; }
    bool has_ended() const noexcept { return state_ == state::ended; }
    void wake_all() noexcept
    {
        writers_.wake_all();
        flushers_.wake_all();
    }
    wait_kind waiting_for() const noexcept
    {
        if (!writers_.empty())
            return wait_kind::output_room;
        return flushers_.empty() ? wait_kind::nothing : wait_kind::output_flushed;
    }
    void abandon() noexcept
    {
        drop();
        writers_.abandon();
        flushers_.abandon();
    }

private:
    char* extend_cork(std::size_t size) noexcept
    {
        char* const at = cork_.bytes.data() + cork_.size;
        cork_.size += size;
        return at;
    }
    given keep(two_pieces pieces, std::size_t taken) noexcept;
    void admit_next() noexcept
    {
        if (!writers_.empty() && queued() < settings_.high_water)
            admit();
    }

    // What each message touches comes first.
    cork_owner& owner_;
    cork& cork_;
    const settings& settings_;
    state state_ = state::open;
    written written_ = written::whole;
    bool in_answer_ = false; // all of it is a part
    bool sending_ = false;   // a wait for writability is under way
    bool admitted_ = false;  // one was woken, or posted, and has not gone on yet
    buffer pending_;
    wait_queue writers_;
    wait_queue flushers_;
    std::uint64_t sending_from_ = 0; // acknowledged when the window of the write rule began
};

} // namespace hawser::inline v0_1::detail

#endif
