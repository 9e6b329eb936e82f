// SPDX-License-Identifier: BSL-1.0

// How often each address may send datagrams: a token bucket for each, in a table that never grows past its size.
//
// Uses no Asio. A bucket is kept as the one instant at which it will be full again, so that nothing has to refill it:
//
//     take:  full_at = max(full_at, now) + interval     unless that is more than burst * interval ahead
//
// An address whose bucket is full is as good as unknown and leaves the table. When the table is full nevertheless, the
// address that was silent longest is forgotten: whoever wants it forgotten has to send as many datagrams from other
// addresses as the table holds. Not hashed: the keys are the senders' choice, and could be chosen to collide.
#ifndef HAWSER_SRC_DATAGRAM_RATE_HPP
#define HAWSER_SRC_DATAGRAM_RATE_HPP

#include <hawser/time.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <list>
#include <map>

namespace hawser::inline v0_1::detail {

class datagram_rate
{
public:
    using address_key = std::array<unsigned char, 8>;

    datagram_rate(unsigned per_second, unsigned burst, std::size_t addresses) noexcept
        : interval_{std::chrono::nanoseconds{std::chrono::seconds{1}} / per_second}, burst_{interval_ * burst},
          addresses_{addresses}
    {}

    /// Whether one more from this address is taken now.
    bool take(const address_key& key, time_point now)
    {
        forget_full(now);
        const auto at = known_.find(key);
        if (at == known_.end()) {
            if (known_.size() == addresses_)
                forget_oldest();
            order last{key};
            known_.emplace(key, bucket{now + interval_, last.begin()});
            order_.splice(order_.end(), last); // so that both know it, or neither
            return true;
        }
        bucket& b = at->second;
        order_.splice(order_.end(), order_, b.place);
        const time_point full_at = std::max(b.full_at, now) + interval_;
        if (full_at - now > burst_)
            return false;
        b.full_at = full_at;
        return true;
    }

    std::size_t addresses() const noexcept { return known_.size(); }

private:
    using order = std::list<address_key>; // the one that was silent longest first
    struct bucket {
        time_point full_at;
        order::iterator place;
    };

    // Two a call: more than come.
    void forget_full(time_point now)
    {
        for (int i = 0; i < 2 && !order_.empty() && known_.find(order_.front())->second.full_at <= now; ++i)
            forget_oldest();
    }
    void forget_oldest()
    {
        known_.erase(order_.front());
        order_.pop_front();
    }

    const duration interval_;
    const duration burst_;
    const std::size_t addresses_;
    order order_;
    std::map<address_key, bucket> known_;
};

} // namespace hawser::inline v0_1::detail

#endif
