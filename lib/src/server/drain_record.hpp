// SPDX-License-Identifier: BSL-1.0

// How far a server's drain is, and whom it has cut. The drain (drain.hpp) leads it; sessions ask it and write in it,
// for as long as they live. Thread safe.
#ifndef HAWSER_SRC_SERVER_DRAIN_RECORD_HPP
#define HAWSER_SRC_SERVER_DRAIN_RECORD_HPP

#include <hawser/observer.hpp>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

namespace hawser::inline v0_1::detail {

class address;
class connection_core;
class runner;

class drain_record
{
public:
    bool begun() const noexcept { return begun_.load(); }
    /// What comes from now on is cut.
    bool cuts() const noexcept { return cuts_.load(); }

    // ---- For sessions

    /// A session is cut: the place of it in the report. From its loop.
    std::size_t note_cut(const connection_core& c) noexcept;
    /// The same for a handler that has no connection.
    std::size_t note_cut(const runner& of, time_point now) noexcept;
    /// And then it has ended after all.
    void note_ended(std::size_t place) noexcept;
    /// One that was accepted is reset before its session has begun. From its loop.
    void note_refused(const address& peer) noexcept;

    // ---- For the drain

    /// False: it had begun before.
    bool begin() noexcept { return !begun_.exchange(true); }
    void begin_cut() noexcept { cuts_.store(true); }
    /// Makes room for so many, so that none is left out for want of memory. Throws std::bad_alloc.
    void reserve(std::size_t sessions);
    /// Some that were cut have not ended.
    bool any_goes_on() const;

    struct entries {
        std::vector<cut_session> cut;
        std::size_t refused = 0; // of these, those that had not begun
    };
    entries all() const;

private:
    std::size_t note_cut(cut_session c) noexcept;

    std::atomic<bool> begun_{false};
    std::atomic<bool> cuts_{false};
    mutable std::mutex mutex_;
    entries entries_;
};

} // namespace hawser::inline v0_1::detail

#endif
