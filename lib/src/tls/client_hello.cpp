// SPDX-License-Identifier: BSL-1.0
#include "tls/client_hello.hpp"

#include <algorithm>
#include <utility>

namespace hawser::inline v0_1::detail {
namespace {

constexpr unsigned char handshake_record = 22;
constexpr unsigned char version_major = 3;
constexpr unsigned char hello_message = 1;

} // namespace

client_hello::state client_hello::pass(bytes_view next, std::string* kept) noexcept
{
    while (!next.empty() && !over_ && state_ != state::too_large) {
        if (kept != nullptr && state_ != state::begun) // what comes now is kept as it is
            std::exchange(kept, nullptr)->append(next);
        std::size_t taken = 1;
        if (left_ == 0) {
            record_[in_record_++] = static_cast<unsigned char>(next.front());
            if (in_record_ == record_.size()) {
                record_begins();
                if (kept != nullptr)
                    keep_head(*kept);
            }
        } else {
            taken = std::min(left_, next.size());
            if (record_[0] == handshake_record)
                taken = message_goes_on(next.substr(0, taken));
            if (kept != nullptr)
                kept->append(next.substr(0, taken));
            left_ -= taken;
        }
        next.remove_prefix(taken);
        if (complete_ && left_ == 0)
            settle(state::whole);
    }
    return state_;
}

// Takes some of what the record holds.
std::size_t client_hello::message_goes_on(bytes_view bytes) noexcept
{
    std::size_t taken = 1;
    if (rest_ != 0) {
        taken = std::min(rest_, bytes.size());
        rest_ -= taken;
    } else {
        begin_[begun_++] = static_cast<unsigned char>(bytes.front());
        if (begin_[0] != hello_message)
            settle(state::malformed);
        if (begun_ != begin_.size())
            return taken;
        begun_ = 0;
        rest_ = size();
        if (rest_ > largest)
            state_ = state::too_large;
    }
    complete_ = complete_ || rest_ == 0;
    return taken;
}

void client_hello::record_begins() noexcept
{
    in_record_ = 0;
    left_ = std::size_t{record_[3]} * 256 + record_[4];
    if (left_ == 0 && empty_records_ <= most_empty_records)
        ++empty_records_;
    if (record_[0] != handshake_record || record_[1] != version_major || left_ > largest_record ||
        empty_records_ > most_empty_records)
        settle(state::malformed);
}

// As a record of its own, or as more of the last one.
void client_hello::keep_head(std::string& kept) noexcept
{
    if (kept.empty() || state_ != state::begun || kept_ + left_ > largest_record) {
        kept.append(reinterpret_cast<const char*>(record_.data()), record_.size());
        kept_ = left_;
        return;
    }
    char* const size = &kept[kept.size() - kept_ - 2]; // the last bytes of its head
    kept_ += left_;
    size[0] = static_cast<char>(kept_ / 256);
    size[1] = static_cast<char>(kept_ % 256);
}

} // namespace hawser::inline v0_1::detail
