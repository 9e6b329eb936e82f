// SPDX-License-Identifier: BSL-1.0

// A run of the load: all connections on one thread and one epoll set.
//
//     running     every connection keeps its window full; in an open loop, begins what is due
//     gathering   nothing new is begun until every answer is there; then all windows are filled in one go, and
//                 SIGTERM follows at once if enough of these messages are still without answer
//     finishing   nothing new is begun, nor comes due in an open loop, which begins what is; the run is over when every
//                 answer is there
//
// What goes wrong is counted, and a connection that ends is replaced while it has something to begin. A run in which
// nothing comes for as long as the options' patience is given up, with all that was due until then.
#ifndef LOAD_GENERATOR_HPP
#define LOAD_GENERATOR_HPP

#include "clock.hpp"
#include "common/progress.hpp"
#include "connection.hpp"
#include "options.hpp"
#include "report.hpp"
#include "schedule.hpp"
#include "socket.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace load {

class generator
{
public:
    /// Makes all connections. Throws what connect() throws for the first one, and for each in a run to the server's
    /// end; for the others the error is counted.
    explicit generator(const options& o);

    /// Runs to the end that the options name. Throws failure when it cannot bring about what they ask of it. The
    /// connections stay as they are.
    report run();

    // The connections hold references into this object.
    generator(const generator&) = delete;
    generator& operator=(const generator&) = delete;

private:
    enum class phase { running, gathering, finishing };

    std::int64_t until_next(std::int64_t time) const;
    void serve_ready_connections();
    void serve(connection& c, std::uint32_t events);
    void replace_connections(std::int64_t time);
    void see_timeouts(std::int64_t time);
    void begin_what_is_due();
    void pump(connection& c);
    void settle(connection& c);
    std::size_t index_of(const connection& c) const noexcept;
    void measure(std::int64_t time);
    bool messages_measured() const;
    void finish_measurement(std::int64_t time);
    void read_processor_clocks(std::int64_t time);
    void conclude();
    void gather(std::int64_t time);
    void give_up_when_stuck(std::int64_t time);
    bool over() const;
    bool all_quiet() const;
    bool any_behind(std::int64_t time) const;

    options options_;
    schedule schedule_;
    report report_;
    std::optional<app::progress> progress_line_; // unless the result is for a program
    std::optional<process_clock> server_clock_;
    descriptor epoll_;
    std::vector<connection> connections_;
    std::vector<std::size_t> missing_; // connections that have no socket, by index
    std::vector<bool> output_watched_;
    std::vector<char> buffer_;

    phase phase_ = phase::running;
    std::int64_t start_ = 0;
    bool measuring_ = false;
    bool measured_ = false;
    std::int64_t measure_start_ = 0;
    std::int64_t cpu_start_ = 0;
    std::int64_t own_cpu_start_ = 0;
    std::uint64_t begun_ = 0; // messages whose connection was told that they are due, of an open loop
    std::uint64_t answered_at_start_ = 0;
    std::uint64_t refused_at_start_ = 0;
    unsigned attempts_ = 0;
    std::uint64_t most_outstanding_ = 0;
    std::int64_t last_progress_ = 0;
    std::uint64_t progress_ = 0;
    std::int64_t timeouts_seen_ = 0;
    bool stuck_ = false;
};

} // namespace load

#endif
