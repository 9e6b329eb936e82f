// SPDX-License-Identifier: BSL-1.0

// What is left of a suspended coroutine: something to call once, or to destroy.
#ifndef HAWSER_DETAIL_RESUMPTION_HPP
#define HAWSER_DETAIL_RESUMPTION_HPP

#include <cstddef>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

namespace hawser::inline v0_1::detail {

/// A move-only function object of the signature void() or void(std::exception_ptr), called at most once, kept in place:
/// no allocation.
class resumption
{
public:
    resumption() = default;
    template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, resumption>) explicit resumption(F&& f)
        : table_{&table_of<std::remove_cvref_t<F>>}
    {
        using function = std::remove_cvref_t<F>;
        static_assert(sizeof(function) <= sizeof storage_ && std::is_nothrow_move_constructible_v<function>);
        ::new (static_cast<void*>(storage_)) function(std::forward<F>(f));
    }
    resumption(resumption&& other) noexcept : table_{std::exchange(other.table_, nullptr)}
    {
        if (table_ != nullptr)
            table_->move(other.storage_, storage_);
    }
    resumption& operator=(resumption&& other) noexcept
    {
        if (this != &other) {
            this->~resumption();
            ::new (static_cast<void*>(this)) resumption(std::move(other));
        }
        return *this;
    }
    ~resumption()
    {
        if (table_ != nullptr)
            table_->destroy(storage_);
    }

    explicit operator bool() const noexcept { return table_ != nullptr; }

    /// Empties this, then calls what was held, with the error, or with none, if it takes one.
    void operator()(std::exception_ptr* error = nullptr)
    {
        const table* t = std::exchange(table_, nullptr);
        t->call(storage_, error);
    }

private:
    struct table {
        void (*call)(std::byte*, std::exception_ptr*);
        void (*move)(std::byte*, std::byte*) noexcept;
        void (*destroy)(std::byte*) noexcept;
    };
    template <class F>
    static constexpr table table_of{
        [](std::byte* at, [[maybe_unused]] std::exception_ptr* error) {
            F& held = *std::launder(reinterpret_cast<F*>(at));
            F taken(std::move(held));
            held.~F(); // NOLINT(bugprone-use-after-move)
            if constexpr (std::is_invocable_v<F&, std::exception_ptr>)
                taken(error != nullptr ? std::move(*error) : std::exception_ptr{});
            else
                taken();
        },
        [](std::byte* from, std::byte* to) noexcept {
            F& held = *std::launder(reinterpret_cast<F*>(from));
            ::new (static_cast<void*>(to)) F(std::move(held));
            held.~F(); // NOLINT(bugprone-use-after-move)
        },
        [](std::byte* at) noexcept { std::launder(reinterpret_cast<F*>(at))->~F(); },
    };

    const table* table_ = nullptr;
    alignas(void*) std::byte storage_[2 * sizeof(void*)];
};

} // namespace hawser::inline v0_1::detail

#endif
