// SPDX-License-Identifier: BSL-1.0

// One datagram of a server, its handler's coroutine, and what is told when that has ended.
//
// It is owned by the coroutine's completion handler, and destroyed from the loop's queue.
#ifndef HAWSER_SRC_DATAGRAM_SESSION_HPP
#define HAWSER_SRC_DATAGRAM_SESSION_HPP

#include "datagram/descriptor.hpp"
#include "loop/calls.hpp"
#include "loop/loop.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/intrusive/list.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>

namespace hawser::inline v0_1::detail {

class datagram_listener;

using datagram_hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class datagram_session final : public datagram_hook, public runner, private call
{
public:
    datagram_session(std::shared_ptr<datagram_listener> l, bytes_view payload,
                     const datagram_descriptor::arrival& arrival);
    datagram_session(const datagram_session&) = delete;
    datagram_session& operator=(const datagram_session&) = delete;
    ~datagram_session();

    /// Runs the handler.
    static void run(std::unique_ptr<datagram_session> self);

    /// The drain deadline: emits the terminal cancellation.
    void cut();

    bytes_view payload() const noexcept { return payload_; }
    const datagram_descriptor::arrival& arrival() const noexcept { return arrival_; }
    datagram_listener& listener() const noexcept { return *listener_; }

    // From another thread, while the handler holds its loop.
    loop_keeper keeper() const override { return {arrival_.sender.to_endpoint(), begun_}; }
    void report_blocked(duration held) const noexcept override;

    /// Counts an answer. Throws datagram_errc::answer_too_large.
    void charge(bytes_view answer);

private:
    static void ended(std::unique_ptr<datagram_session> self, std::exception_ptr e) noexcept;
    void note_end(std::exception_ptr e) noexcept;
    void tell(std::exception_ptr e) const noexcept;
    void called() override { const auto last = std::move(self_); }
    void dropped() noexcept override { const auto last = std::move(self_); }

    const std::shared_ptr<datagram_listener> listener_;
    const std::string payload_;
    const datagram_descriptor::arrival arrival_;
    const time_point begun_;
    std::size_t answered_ = 0; // bytes
    datagram_request request_{*this};
    boost::asio::cancellation_signal cancellation_;
    std::optional<std::size_t> cut_;         // its place in the drain report
    std::unique_ptr<datagram_session> self_; // once it has ended, and waits to be destroyed
    bool ended_ = false;
};

} // namespace hawser::inline v0_1::detail

#endif
