// SPDX-License-Identifier: BSL-1.0

// A lazy timing wheel: the deadlines of one loop.
//
// An entry is linked under the instant at which it wants to be looked at. To move a deadline later, its owner stores
// the new one and leaves the wheel alone: when the old instant comes, on_due() sees the new one and returns it, and
// the wheel links the entry there. Only an earlier deadline has to be linked anew. Nothing is allocated.
//
// Levels of 64 slots, a tick of about 4 ms; level n has slots of 64^n ticks:
//
//     level 0   | 4 ms | 4 ms | ...                          up to 268 ms
//     level 1   | 268 ms | 268 ms | ...                      up to 17 s
//     level 2   | 17 s | 17 s | ...                          up to 18 min
//
// An entry stands in the level of the highest digit (base 64) in which its tick differs from the current one, and moves
// down when that digit's turn comes. Not thread safe: a wheel belongs to its loop.
#ifndef HAWSER_SRC_LOOP_WHEEL_HPP
#define HAWSER_SRC_LOOP_WHEEL_HPP

#include <hawser/time.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstdint>

namespace hawser::inline v0_1::detail {

class wheel
{
public:
    class entry : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
    {
    public:
        entry() = default;
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;
        virtual ~entry() = default;

        /// Called at the instant asked for, or up to one tick later. Returns when to look again, or
        /// time_point::max() for not at all. Must neither destroy nor link this entry. One that throws std::bad_alloc
        /// is called again soon.
        virtual time_point on_due(time_point now) = 0;

        /// The instant under which this entry is linked; time_point::max() when it is not.
        time_point linked_at() const noexcept { return at_; }

    private:
        friend class wheel;
        time_point at_ = time_point::max();
    };

    explicit wheel(time_point now) noexcept;

    /// Sees to it that `e` is looked at by `at`. One comparison when it will be already.
    void arm(entry& e, time_point at) noexcept
    {
        if (at < e.at_)
            link(e, at);
    }

    void cancel(entry& e) noexcept;

    /// Looks at every entry that is due at `now`.
    void advance(time_point now);

    /// When advance() has something to do next; time_point::max() if nothing is linked.
    time_point next() const noexcept;

    /// Whether no entry is linked: next() may still name the place of one that was cancelled.
    bool empty() const noexcept;

    /// Entries linked, counted: for tests and statistics.
    std::size_t size() const noexcept;

private:
    static constexpr int digit_bits = 6;
    static constexpr std::size_t slots_per_level = std::size_t{1} << digit_bits;
    static constexpr std::size_t levels = 7;
    static constexpr int tick_bits = 22; // a tick is 2^22 ns

    using slot = boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>>;
    struct level {
        std::uint64_t occupied = 0; // a set bit may stand for a slot that has emptied since
        std::array<slot, slots_per_level> slots;
    };

    static std::uint64_t tick_of(time_point t) noexcept
    {
        return static_cast<std::uint64_t>(t.time_since_epoch().count()) >> tick_bits;
    }

    void link(entry& e, time_point at) noexcept;
    static time_point look_at(entry& e, time_point now);
    bool earliest(std::size_t& level_index, std::size_t& slot_index, std::uint64_t& tick) const noexcept;

    std::uint64_t current_;
    std::array<level, levels> levels_;
};

} // namespace hawser::inline v0_1::detail

#endif
