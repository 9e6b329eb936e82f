// SPDX-License-Identifier: BSL-1.0

// What a loop is asked to call, in memory of those who ask: to ask needs no allocation, so it cannot fail.
//
//     ask(c) --> from the loop's queue, in the order of the asking: c.called()
//
// Whoever asks again before that is called once. Thread safe; a call that is asked for must not be destroyed.
#ifndef HAWSER_SRC_LOOP_CALLS_HPP
#define HAWSER_SRC_LOOP_CALLS_HPP

#include "loop/operation_place.hpp"

#include <hawser/time.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace hawser::inline v0_1::detail {

using call_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct call_tag>>;

class call : public call_hook
{
public:
    call() = default;
    call(const call&) = delete;
    call& operator=(const call&) = delete;

protected:
    ~call() = default;

private:
    friend class call_queue;
    /// From the loop's queue. May ask again, and may destroy the call.
    virtual void called() = 0;
    /// Instead of that, when the loop ends. May destroy the call.
    virtual void dropped() noexcept {}
    /// Under the queue's lock: takes out what keeps the owner alive until it has been called.
    virtual std::shared_ptr<void> take_owner() noexcept { return nullptr; }
};

/// One that keeps its owner alive from the asking to the end of the call.
class owned_call : public call
{
protected:
    ~owned_call() = default;

private:
    friend class call_queue;
    std::shared_ptr<void> take_owner() noexcept final { return std::move(owner_); }
    std::shared_ptr<void> owner_;
};

/// Where something is to be called: a loop, as those see it who wait there.
class caller
{
public:
    virtual time_point now() const noexcept = 0;
    /// False: it has ended, and will not call.
    virtual bool ask(call& c) noexcept = 0;

protected:
    ~caller() = default;
};

class call_queue
{
public:
    enum class pace : bool {
        batches,    ///< as many as were asked for, from one place in the loop's queue
        one_by_one, ///< so that a loop that is driven by hand may be looked at between any two
    };
    call_queue(boost::asio::io_context& on, pace p) noexcept : context_{on}, pace_{p} {}
    call_queue(const call_queue&) = delete;
    call_queue& operator=(const call_queue&) = delete;

    /// False: the loop has ended, and will not call.
    bool ask(call& c) noexcept;
    bool ask(owned_call& c, std::shared_ptr<void> owner) noexcept;

    /// From a call that is not done: it goes on before any that was asked for behind it, but after what others have
    /// posted to the loop meanwhile.
    bool go_on(owned_call& c, std::shared_ptr<void> owner) noexcept;

    /// The loop ends: nothing is called any more.
    void close() noexcept;

private:
    struct step;
    bool push(call& c) noexcept;
    void run();

    boost::asio::io_context& context_;
    const pace pace_;
    std::mutex mutex_;
    boost::intrusive::list<call, boost::intrusive::base_hook<call_hook>> asked_;
    bool open_ = true;
    bool posted_ = false;
    bool goes_on_ = false; // the first of those that are asked for
    operation_place place_;
};

} // namespace hawser::inline v0_1::detail

#endif
