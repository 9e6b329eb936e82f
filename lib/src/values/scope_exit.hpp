// SPDX-License-Identifier: BSL-1.0

// What is done at the end of a scope, however that is left: scope_exit of the Library Fundamentals TS, version 3.
#ifndef HAWSER_SRC_VALUES_SCOPE_EXIT_HPP
#define HAWSER_SRC_VALUES_SCOPE_EXIT_HPP

#include <type_traits>
#include <utility>

namespace hawser::inline v0_1::detail {

/// Calls `f`, which does not throw, when it is destroyed, unless it was released:
///     busy = true;
///     const scope_exit no_longer{[&] { busy = false; }};
template <class F>
class [[nodiscard]] scope_exit
{
    static_assert(std::is_nothrow_move_constructible_v<F>);

public:
    explicit scope_exit(F f) noexcept : at_end_{std::move(f)} {}
    scope_exit(const scope_exit&) = delete;
    scope_exit& operator=(const scope_exit&) = delete;
    ~scope_exit()
    {
        if (!released_)
            at_end_();
    }

    void release() noexcept { released_ = true; }

private:
    F at_end_;
    bool released_ = false;
};

} // namespace hawser::inline v0_1::detail

#endif
