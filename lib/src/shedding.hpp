// Making room in a server that is nearly full: when fewer than 2% of the permits are left, the sessions that have
// waited longest between two units, and for 5 s at least, are asked to end as at drain.
//
//     a permit is taken, few are left --> each loop looks for its longest waits, in slices
//                                     --> the longest of them all are ended, each by its own loop, until 2% are left
//                                     --> too few have waited 5 s: again when the next one may have
//
// What is looked at is the instant that a waiting connection keeps for its idle timeout: messages pay nothing. The
// search is paid by the newcomers, many of whom share one: all together, searches take a twentieth of a loop's time.
// What decides runs on the control loop. A loop that a handler keeps delays it until the handler lets go.
#ifndef HAWSER_SRC_SHEDDING_HPP
#define HAWSER_SRC_SHEDDING_HPP

#include <hawser/time.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace hawser::detail {

class server_core;
struct handle_target;

class shedding
{
public:
    explicit shedding(server_core& s) noexcept : server_{s} {}
    shedding(const shedding&) = delete;
    shedding& operator=(const shedding&) = delete;
    ~shedding();

    // From any thread.
    /// A connection has come in.
    void permit_taken();
    /// A session that was asked to end has ended.
    void ended();

private:
    class alarm;
    struct candidate {
        time_point since;
        std::shared_ptr<handle_target> connection;
        friend bool operator<(const candidate& a, const candidate& b) noexcept { return a.since < b.since; }
    };
    struct search;

    std::size_t wanted() const noexcept;
    void look_soon();
    void look();
    static void look_at_some(std::shared_ptr<search> s, bool first);
    void found(const search& s);
    void end_longest();
    void end(const candidate& c);
    void look_again(time_point at);

    server_core& server_; // owns this
    std::atomic<bool> looking_soon_{false};
    std::atomic<std::size_t> under_way_{0}; // sessions that were asked to end and have not ended

    // On the control loop.
    std::size_t missing_ = 0; // loops that have not answered yet
    std::size_t looked_at_ = 0;
    std::vector<candidate> found_;
    time_point next_ = time_point::max(); // when one more may have waited long enough
    time_point not_before_{};             // the next search, so that searches take a bounded part of the time
    std::shared_ptr<alarm> alarm_;
};

} // namespace hawser::detail

#endif
