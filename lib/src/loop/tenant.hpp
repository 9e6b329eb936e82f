// SPDX-License-Identifier: BSL-1.0

// What a loop holds, and what runs on it, as the loop and its watchdog see them: they know neither connections nor
// sessions nor datagrams.
//
//     runner   whose handler has the loop now: a connection's or a datagram's
//     tenant   what lies on the loop until it has closed or the loop ends: a connection
#ifndef HAWSER_SRC_LOOP_TENANT_HPP
#define HAWSER_SRC_LOOP_TENANT_HPP

#include <hawser/endpoint.hpp>
#include <hawser/error.hpp>
#include <hawser/time.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstdint>

namespace hawser::inline v0_1::detail {

class loop;

/// Whose handler keeps a loop.
struct loop_keeper {
    endpoint peer;
    time_point since; ///< when the connection was accepted, or the datagram came
};

/// Looked at by other threads, which hold the loop's `lifetime`, while its handler runs.
class runner
{
public:
    /// Throws std::bad_alloc.
    virtual loop_keeper keeper() const = 0;
    /// Its handler has kept the loop for so long.
    virtual void report_blocked(duration held) const noexcept = 0;

protected:
    ~runner() = default;
};

using tenant_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct tenant_tag>,
                                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// Owned by those who hold a boost::intrusive_ptr to it; used on its loop only.
class tenant : public runner, public tenant_hook
{
public:
    explicit tenant(loop& on) noexcept : loop_{on} {}
    tenant(const tenant&) = delete;
    tenant& operator=(const tenant&) = delete;
    virtual ~tenant() = default;

    loop& on() const noexcept { return loop_; }

    /// It fails: whoever waits is told, and nothing more is sent.
    virtual void break_off(const error_code& e) noexcept = 0;
    /// The loop ends: nothing may wait any more, and nothing is told.
    virtual void abandon() noexcept = 0;

protected:
    loop& loop_;

private:
    friend void intrusive_ptr_add_ref(tenant* t) noexcept { ++t->references_; }
    friend void intrusive_ptr_release(tenant* t) noexcept
    {
        if (--t->references_ == 0)
            delete t;
    }
    std::uint32_t references_ = 0;
};

using tenant_list = boost::intrusive::list<tenant, boost::intrusive::base_hook<tenant_hook>,
                                           boost::intrusive::constant_time_size<false>>;

} // namespace hawser::inline v0_1::detail

#endif
