// SPDX-License-Identifier: BSL-1.0
#include "loop/wait_queue.hpp"

#include <new>

namespace hawser::inline v0_1::detail {

void waiting::resume_later() noexcept
{
    if (of != nullptr)
        intrusive_ptr_add_ref(of); // until it is called
    if (!on->ask(*this))
        dropped();
}

void waiting::check() const
{
    if (failed)
        throw std::bad_alloc{};
    if (cancelled)
        throw hawser::error{boost::asio::error::operation_aborted};
}

void waiting::called()
{
    resumption r = std::move(resume);
    if (of == nullptr)
        return r();
    const boost::intrusive_ptr<tenant> keep{of, false};
    const loop::running_mark mark{keep->on(), keep.get()};
    r();
}

void waiting::dropped() noexcept
{
    const boost::intrusive_ptr<tenant> keep{of, false};
    const resumption gone = std::move(resume);
}

} // namespace hawser::inline v0_1::detail
