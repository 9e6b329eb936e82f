// SPDX-License-Identifier: BSL-1.0

// Making room in a server that is full, or nearly so, unless limits::shed is off. Sessions are shed in this order, of
// each kind the oldest first:
//
//                                                          while newcomers wait   while fewer than 2% of the
//                                                                                 permits are left
//     those that linger                                            at once                at once
//     those that never received a byte                       after 0.25 s                   5 s
//     those whose first unit or handshake is not whole         after 1 s                    5 s
//       (for each 4 KiB that have come of the unit             1 s more                  1 s more)
//     those that have failed and still send their output       after 1 s                    5 s
//     those that wait between two units                        after 5 s                    5 s
//
// Whoever sends 4 KiB of a large first unit each second keeps its place, and whoever drips does not: a second in it
// costs 4 KiB, whenever they have come.
//
// A session that has failed comes late, since its peer loses what it has not been sent yet, but before those that have
// done nothing wrong. Of these, no more are shed than are wanting for 2% of the permits to be left; of the others,
// twice as many each time while newcomers take every place that is made.
//
//     few permits are left, or newcomers wait --> each loop looks at what its sessions do, in slices
//         --> the first of them all are ended, each by its own loop, in one turn
//         --> too few: again, when the next one may be old enough
//
// What is looked at is what a waiting connection keeps for its deadlines: messages pay nothing. The search is paid by
// the newcomers, many of whom share one: all together, searches take a twentieth of a loop's time. What decides runs on
// the control loop. A loop that a handler keeps delays it until the handler lets go.
#ifndef HAWSER_SRC_SERVER_SHEDDING_HPP
#define HAWSER_SRC_SERVER_SHEDDING_HPP

#include "connection/claim.hpp"
#include "server/room_maker.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace hawser::inline v0_1::detail {

class ledger;
class loop;
struct session_place;

class shedding final : public room_maker
{
public:
    explicit shedding(ledger& l) noexcept : ledger_{l} {}
    shedding(const shedding&) = delete;
    shedding& operator=(const shedding&) = delete;
    ~shedding();

    // From any thread.
    void permit_taken() override;
    void newcomers_wait(bool begin) override;
    void newcomer_refused() override;
    bool is_urgent() const noexcept { return waiting_.load() != 0 || refused_.load(); }
    bool has_kept_waiting(time_point since) const noexcept override
    {
        return waited_at_.load() >= since.time_since_epoch();
    }

private:
    class alarm;
    struct candidate {
        claim found;
        std::shared_ptr<session_place> place;
        friend bool operator<(const candidate& a, const candidate& b) noexcept { return a.found < b.found; }
    };
    struct search;
    struct ending;

    std::shared_ptr<shedding> shared();
    loop& control() const noexcept;
    std::size_t wanted() const noexcept;
    std::size_t batch(time_point now);
    void look_soon();
    void look();
    static void look_at_some(std::shared_ptr<search> s);
    void found(search& s);
    void choose();
    void end(std::vector<candidate> chosen);
    void ended(unsigned round);
    void look_again(time_point at);

    ledger& ledger_; // its server owns this
    std::atomic<bool> looking_soon_{false};
    std::atomic<int> waiting_{0};                      // listeners
    std::atomic<duration> waited_at_{duration::min()}; // when the last of them began or ended
    std::atomic<bool> refused_{false};

    // On the control loop.
    unsigned round_ = 0;      // the number of this one: a search, and the ends that come of it
    time_point begun_{};      // when it began
    std::size_t missing_ = 0; // loops that have not answered yet
    bool asked_ = false;      // meanwhile, to look
    std::size_t looked_at_ = 0;
    std::vector<candidate> found_;
    time_point next_ = time_point::max(); // when one more may be old enough
    time_point not_before_{};             // the next search, so that searches take a bounded part of the time
    std::size_t batch_ = 0;               // how many were wanted at once, the last time that newcomers waited,
    time_point batch_at_{};               // which was then
    std::shared_ptr<alarm> alarm_;
};

} // namespace hawser::inline v0_1::detail

#endif
