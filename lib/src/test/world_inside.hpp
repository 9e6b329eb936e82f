// SPDX-License-Identifier: BSL-1.0

// The inside of a test's world: its runtime and server, the links between its connections, and what a sweep does to it.
#ifndef HAWSER_SRC_TEST_WORLD_INSIDE_HPP
#define HAWSER_SRC_TEST_WORLD_INSIDE_HPP

#include "loop/runtime_core.hpp"
#include "server/session.hpp"
#include "test/relay.hpp"
#include "transport/memory_link.hpp"

#include <hawser/test/world.hpp>

#include <memory>
#include <string>
#include <vector>

namespace hawser::inline v0_1::detail {

/// What a sweep does to one run: at the n-th step it counts, it strikes. By itself, it counts and does nothing.
class disturbance final : public memory_probe
{
public:
    enum class kind : std::uint8_t { none, failure, cancellation };

    disturbance() = default;
    disturbance(kind what, std::size_t at, boost::asio::cancellation_type how) noexcept
        : what_{what}, at_{at}, how_{how}
    {}

    bool cancels() const noexcept { return what_ == kind::cancellation; }
    bool has_struck() const noexcept { return at_ != 0 && count_ >= at_; }
    boost::asio::cancellation_type how() const noexcept { return how_; }
    const std::string& where() const noexcept { return where_; }

    /// Counts a step; whether it is the one to strike at.
    bool strikes(kind what, const std::string& where)
    {
        if (what != what_ || ++count_ != at_)
            return false;
        where_ = where;
        return true;
    }
    bool breaks(unsigned side, const char* operation) noexcept override
    {
        return strikes(kind::failure, std::string{operation} + (side == 0 ? " of the connection" : " of its peer"));
    }

private:
    kind what_ = kind::none;
    std::size_t at_ = 0;
    std::size_t count_ = 0;
    boost::asio::cancellation_type how_ = boost::asio::cancellation_type::terminal;
    std::string where_;
};

struct world_inside {
    world_inside(const clock& time, server_options o, disturbance* by);
    ~world_inside();

    loop& on() const noexcept { return runtime_access::get(*runtime).first(); }
    server_core& serving();
    std::shared_ptr<memory_link> link(const test::path& inbound, const test::path& outbound);
    void begin_session(session_handler handler, const listen_options& how, any_stream stream);

    void poll();
    bool poll_by_handler();
    bool pump();
    void cancel_suspended();

    disturbance undisturbed;
    disturbance* const by;
    std::unique_ptr<hawser::runtime> runtime;
    std::shared_ptr<test::recorder> seen = std::make_shared<test::recorder>();
    server_options options;
    std::unique_ptr<hawser::server> server;
    std::vector<std::weak_ptr<memory_link>> links;
    std::vector<std::unique_ptr<test_relay>> relays; // of the connections over TLS
    std::vector<std::weak_ptr<task_state>> tasks;
    std::uint16_t next_port = 50001;
};

/// What Hawser's own parts and tests make and look at of a world.
struct world_access {
    static test::world disturbed(const server_options& options, disturbance& by) { return {options, by}; }
    static test::peer peer(test::world& run, std::shared_ptr<memory_link> link) { return {run, std::move(link)}; }
    static const std::shared_ptr<memory_link>& link(const test::wire& of) noexcept { return of.link_; }
};

settings settings_of(const framing& format, const timeouts& t, const limits& l);

/// Makes a direction be as `how` says.
void set_path(memory_link::direction& d, const test::path& how);

} // namespace hawser::inline v0_1::detail

#endif
