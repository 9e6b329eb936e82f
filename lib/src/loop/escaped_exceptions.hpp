// SPDX-License-Identifier: BSL-1.0

// What escapes to a loop from a handler that is no session's, and who is told of it: a runtime's servers.
#ifndef HAWSER_SRC_LOOP_ESCAPED_EXCEPTIONS_HPP
#define HAWSER_SRC_LOOP_ESCAPED_EXCEPTIONS_HPP

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace hawser::inline v0_1::detail {

class escape_listener
{
public:
    /// `what`: the exception's words. From the loop's thread.
    virtual void exception_escaped(std::string_view what) noexcept = 0;

protected:
    ~escape_listener() = default;
};

/// Thread safe.
class escaped_exceptions
{
public:
    /// For as long as it lives.
    void add(std::weak_ptr<escape_listener> l)
    {
        const std::lock_guard lock{mutex_};
        std::erase_if(listeners_, [](const auto& each) { return each.expired(); });
        listeners_.push_back(std::move(l));
    }

    /// Tells each; false: there is none. A listener may end here, so it is called without the lock.
    bool tell(std::string_view what) noexcept
    {
        bool told = false;
        for (std::size_t i = 0;; ++i) {
            std::shared_ptr<escape_listener> next;
            {
                const std::lock_guard lock{mutex_};
                if (i >= listeners_.size())
                    return told;
                next = listeners_[i].lock();
            }
            if (next == nullptr)
                continue;
            next->exception_escaped(what);
            told = true;
        }
    }

private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<escape_listener>> listeners_;
};

} // namespace hawser::inline v0_1::detail

#endif
