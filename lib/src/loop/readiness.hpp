// SPDX-License-Identifier: BSL-1.0

// Waits until a descriptor that somebody else owns is readable or writable, on a loop. It lets go of the loop's
// io_context when that ends, so that it, and what it is a part of, may be destroyed later.
//
// Used on the loop, but for its construction and destruction, and what says so.
#ifndef HAWSER_SRC_LOOP_READINESS_HPP
#define HAWSER_SRC_LOOP_READINESS_HPP

#include "loop/loop.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

namespace hawser::inline v0_1::detail {

class readiness final : private loop::guest
{
public:
    using descriptor_type = boost::asio::posix::basic_stream_descriptor<loop::executor_type>;
    using wait_type = descriptor_type::wait_type;
    static constexpr wait_type wait_read = descriptor_type::wait_read;
    static constexpr wait_type wait_write = descriptor_type::wait_write;

    /// Throws std::logic_error if the loop has ended.
    explicit readiness(loop& on)
    {
        if (!on.enter(*this, [&] { waits_.emplace(on.executor()); }))
            throw std::logic_error{"the runtime has ended: expected one that lives"};
    }
    ~readiness() override
    {
        leave();
        release();
    }

    bool is_open() const noexcept { return waits_ && waits_->is_open(); }

    /// Waits for this descriptor from now on. Throws std::logic_error if the loop has ended.
    void assign(int descriptor, error_code& e)
    {
        if (!waits_)
            throw std::logic_error{"the runtime has ended: expected one that lives"};
        waits_->assign(descriptor, e);
    }

    /// Ends the waits, and leaves the descriptor alone.
    void release() noexcept
    {
        if (is_open())
            waits_->release();
    }

    /// Ends the waits with operation_aborted.
    void cancel() noexcept
    {
        error_code ignored;
        if (waits_)
            waits_->cancel(ignored);
    }

    /// Completes with an error_code. A descriptor is assigned, and the loop has not ended.
    template <class Token>
    auto async_wait(wait_type what, Token&& token)
    {
        return waits_->async_wait(what, std::forward<Token>(token));
    }

private:
    void loop_ends() noexcept override
    {
        release();
        waits_.reset();
    }

    std::optional<descriptor_type> waits_;
};

} // namespace hawser::inline v0_1::detail

#endif
