// SPDX-License-Identifier: BSL-1.0

// What a session must do, in the fewest words: two strings of bytes, one for each way, how far each has come, what each
// hand waits for, and since when. No buffers, no queues, no loop: after each event settle() does what can be done until
// there is nothing more.
//
// Its events, its input and its output stand in connection_model.cpp, its end and its deadlines in
// connection_model_end.cpp. README.md, "How a session ends", and <hawser/connection.hpp> have the rules. Where they
// leave two outcomes open, as two deadlines that pass in one step do, there is a model for each (possible_models in
// model_comparison.hpp).
#ifndef HAWSER_TEST_CONNECTION_MODEL_HPP
#define HAWSER_TEST_CONNECTION_MODEL_HPP

#include "connection_events.hpp"
#include "kit_namespace.hpp"

#include <boost/asio/error.hpp>

#include <optional>

namespace hawser::test {

class connection_model
{
public:
    /// Whether it can happen now, and would change anything.
    bool can(event e) const;
    /// Begins an event that takes no time; `settle()` ends it.
    void begin(event e);
    void settle();
    sight look() const;
    bool over() const noexcept { return told_; }
    bool drains() const noexcept { return drain_since_.has_value(); }
    bool handler_waits() const noexcept { return runs_ && !hands_[handler].busy(); }
    /// Somebody reads, and the drain has him wait for the output to be flushed.
    bool flushes_at_drain() const noexcept { return reader_ == wait::flush_at_drain; }
    void forget_outcomes()
    {
        for (auto& of : outcomes_)
            of.clear();
    }

    // ---- Time

    enum class clock : std::uint8_t { input, output, end, drain };
    void pass_step()
    {
        now_ += 100;
        looks_for_ack_ = true;
    }
    bool is_due(clock which) const;
    void expire(clock which);

    friend bool operator==(const connection_model&, const connection_model&) = default;

private:
    struct doing {
        event what = event::count;
        std::string bytes = {};
        bool busy() const noexcept { return what != event::count; }
        bool is(event e) const noexcept { return what == e; }
        bool flushes() const noexcept { return what == event::flushes || what == event::half_closes; }
        friend bool operator==(const doing&, const doing&) = default;
    };
    enum class wait : std::uint8_t { none, unit_to_come, rest_of_unit, flush_at_drain };

    std::size_t queued() const noexcept { return accepted_.size() - sent_; }
    bool open() const noexcept { return state_ == connection_state::open || state_ == connection_state::draining; }
    bool closed() const noexcept { return state_ == connection_state::closed; }
    error_code why() const { return error_ ? error_ : error_code{errc::connection_closed}; }
    error_code why_no_output() const { return !error_ && open() ? error_code{errc::shut_down} : why(); }

    void finish(hand h, outcome::kind how, const error_code& e = {}, std::string text = {});

    void start(hand h, event what);
    void start_write(hand h, event what);
    void accept(hand h);
    void cancel(hand h);
    void end_handler(event how);

    bool peer_takes();
    bool send();
    bool admit_writers();
    bool end_flushes();
    bool end_closes();
    bool read_on();
    bool read_by(hand h);
    bool wait_for(wait what);
    bool close_on();
    bool tell();

    void fail(const error_code& e);
    void break_off(const error_code& e);
    void begin_close();
    void reset();
    void close_now();
    void keep_lingering();
    void cut();

    int now_ = 0;
    std::array<std::vector<outcome>, hands> outcomes_;

    // What the peer has sent: first what the session has not looked at, which a reset destroys.
    std::string arriving_;
    std::string taken_;
    unsigned frames_begun_ = 0; // by the peer
    std::size_t of_frame_ = 0;  // bytes of the last of them that it has sent
    bool peer_fin_ = false, peer_reset_ = false;
    bool end_seen_ = false;
    std::uint64_t bytes_in_ = 0, frames_in_ = 0, frames_out_ = 0;

    // What the session has to send, and how far that has come.
    std::string accepted_;
    std::size_t sent_ = 0, received_ = 0;
    bool peer_reads_ = true;
    bool output_open_ = true;
    bool fin_ = false, reset_ = false;
    bool part_ = false; // bytes were written, of which only the handler knows what they belong to
    std::vector<hand> writers_;
    std::array<unsigned, hands> written_{};

    // Who does what.
    std::array<doing, hands> hands_;
    wait reader_ = wait::none;
    int reader_since_ = 0;
    int unit_spent_ = 0;
    std::optional<int> sending_since_;
    std::size_t received_then_ = 0;
    std::optional<int> end_since_;
    int end_until_ = 0;
    bool looks_for_ack_ = false;

    // How it goes.
    connection_state state_ = connection_state::open;
    error_code error_; // the first, of the connection
    bool broken_ = false, torn_ = false;
    bool draining_ = false, drained_ = false;
    std::optional<int> drain_since_;
    bool runs_ = true; // the handler
    event ended_by_ = event::count;
    error_code thrown_, last_thrown_; // by the handler, and its last operation
    bool cut_ = false, told_ = false;
};

} // namespace hawser::test

#endif
