// SPDX-License-Identifier: BSL-1.0

// A function on its way to a connection's loop: whatever can be called with the connection once, move-only ones too.
#ifndef HAWSER_DETAIL_POSTED_FUNCTION_HPP
#define HAWSER_DETAIL_POSTED_FUNCTION_HPP

#include <memory>
#include <type_traits>
#include <utility>

namespace hawser::inline v0_1 {
class connection;
}

namespace hawser::inline v0_1::detail {

class posted_function
{
public:
    posted_function() = default;
    posted_function(const posted_function&) = delete;
    posted_function& operator=(const posted_function&) = delete;
    virtual ~posted_function() = default;
    virtual void run(connection& on) = 0;
};

template <class F>
std::unique_ptr<posted_function> make_posted(F&& function)
{
    struct made final : posted_function {
        explicit made(F&& f) : held(std::forward<F>(f)) {}
        void run(connection& on) override { std::move(held)(on); }
        std::decay_t<F> held;
    };
    return std::make_unique<made>(std::forward<F>(function));
}

/// What connection_handle::post() takes.
template <class F>
concept postable = std::is_invocable_v<std::decay_t<F>, connection&>&& std::is_constructible_v<std::decay_t<F>, F>;

} // namespace hawser::inline v0_1::detail

#endif
