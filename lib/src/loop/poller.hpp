// SPDX-License-Identifier: BSL-1.0

// The sockets of a loop's connections: each is registered once in an epoll of the loop's own, edge-triggered.
//
//     Asio waits for this epoll --> look(): up to 64 events --> entry::ready(), each in turn --> Asio waits again
//
// A socket of Asio's tries each read before it waits, and the read after a message finds nothing; a wait without that
// try costs an epoll_ctl. Either is a twentieth of a small message's whole cost. Here an entry remembers what its
// socket may still have to give, and does neither.
//
// Used from its loop's thread only.
#ifndef HAWSER_SRC_LOOP_POLLER_HPP
#define HAWSER_SRC_LOOP_POLLER_HPP

#include "loop/operation_place.hpp"
#include "sockets/descriptor.hpp"

#include <hawser/error.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/intrusive/list.hpp>

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hawser::inline v0_1::detail {

class poller
{
public:
    /// Whose socket is registered.
    class entry : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
    {
    public:
        /// `events` as epoll_wait(2) gives them, or ones that another socket of the same number has had. May destroy
        /// entries.
        virtual void ready(std::uint32_t events) = 0;
        /// What call_later() has asked for. May destroy entries.
        virtual void due() = 0;

    protected:
        entry() = default;
        ~entry() = default;
    };

    enum class while_empty : bool {
        waits, ///< for the first socket; cheaper where sockets come and go
        rests, ///< so that it does not keep the io_context running
    };

    /// Throws system_error if the kernel has no epoll to give.
    poller(boost::asio::io_context& on, while_empty w);
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;
    ~poller() = default;

    /// Registers a socket for input, its end and urgent data; attach() has to follow in the same turn of the loop.
    error_code add(int socket) noexcept;
    void attach(int socket, entry& e) noexcept { entries_[static_cast<std::size_t>(socket)] = &e; }
    /// From now on for output too. What is possible already is announced again, so that no wait depends on an edge that
    /// has passed; it is called only when a peer takes its output slowly.
    void watch_output(int socket) noexcept;
    /// Before the socket is closed.
    void forget(int socket) noexcept;
    /// A timer's descriptor, which expects nothing until expect() has been called.
    error_code add_timer(int timer, entry& e) noexcept;
    void forget_timer(int timer) noexcept { entries_[static_cast<std::size_t>(timer)] = nullptr; }
    void expect() noexcept;
    void expect_no_more() noexcept;

    /// Calls e.due() from the loop's queue.
    void call_later(entry& e) noexcept;

    /// Before the context is destroyed. Nothing is called any more.
    void close() noexcept;

private:
    struct step;
    error_code register_for_input(int socket) noexcept;
    using entry_list = boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>>;
    void wait();
    void announced();
    void look();
    void run_due();
    void post_due();

    descriptor epoll_;
    std::vector<entry*> entries_; // by the socket's number; null where it is another's, or closed
    std::array<epoll_event, 64> events_;
    std::size_t next_ = 0; // of the events that look() has got
    std::size_t got_ = 0;
    entry_list due_;
    bool due_posted_ = false;
    const while_empty while_empty_;
    bool waits_ = false;       // announced() will be called
    std::size_t expected_ = 0; // sockets that are registered, and timers that are set
    operation_place waiting_place_;
    operation_place due_place_;
    boost::asio::io_context& context_;
    std::optional<boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>>
        readiness_; // of epoll_
};

} // namespace hawser::inline v0_1::detail

#endif
