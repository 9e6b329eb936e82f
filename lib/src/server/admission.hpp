// SPDX-License-Identifier: BSL-1.0

// Who may come in: permits for all connections together, and a count for each address. Thread safe.
//
// Uses no Asio. A permit is taken before accept, so that a limit is hard; the address is known, and counted, only
// after.
#ifndef HAWSER_SRC_SERVER_ADMISSION_HPP
#define HAWSER_SRC_SERVER_ADMISSION_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>

namespace hawser::inline v0_1::detail {

class admission
{
public:
    using address_key = std::array<unsigned char, 8>;

    admission(std::size_t permits, std::optional<std::size_t> per_address) noexcept
        : permits_{permits}, per_address_{per_address}
    {}

    /// Takes a permit, if one is left.
    bool take() noexcept
    {
        std::size_t taken = taken_.load();
        while (taken < permits_)
            if (taken_.compare_exchange_weak(taken, taken + 1))
                return true;
        return false;
    }
    void give() noexcept { taken_.fetch_sub(1); }
    /// Permits that are wanting for 2% of them to be left.
    std::size_t shortfall() const noexcept
    {
        const std::size_t spare = permits_ / 50 + (permits_ % 50 != 0 ? 1 : 0);
        const std::size_t left = permits_ - taken_.load();
        return left < spare ? spare - left : 0;
    }
    std::size_t taken() const noexcept { return taken_.load(); }

    /// Counts one more connection from an address, unless it has all it may have.
    bool enter(const address_key& key)
    {
        if (!per_address_)
            return true;
        const std::lock_guard lock{mutex_};
        std::size_t& open = open_[key];
        if (open == *per_address_)
            return false;
        ++open;
        return true;
    }
    void leave(const address_key& key) noexcept
    {
        if (!per_address_)
            return;
        const std::lock_guard lock{mutex_};
        const auto at = open_.find(key);
        if (--at->second == 0)
            open_.erase(at); // the map holds no more addresses than there are connections
    }

private:
    const std::size_t permits_;
    const std::optional<std::size_t> per_address_;
    std::atomic<std::size_t> taken_{0};
    std::mutex mutex_;
    std::map<address_key, std::size_t> open_;
};

/// What a server takes of the process's descriptors when it is not told: all but a reserve for files and listeners.
constexpr std::size_t default_permits(std::size_t descriptor_limit) noexcept
{
    const std::size_t quarter = descriptor_limit / 4;
    return descriptor_limit - (quarter < 64 ? quarter : 64);
}

} // namespace hawser::inline v0_1::detail

#endif
