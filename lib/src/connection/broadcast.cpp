// SPDX-License-Identifier: BSL-1.0
#include <hawser/broadcast.hpp>

#include "connection/core.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

namespace hawser::inline v0_1 {
namespace {

using namespace detail;

constexpr std::size_t most_at_once = 256; // connections, before others of their loop get their turn

// The frame, or without one the news that it is behind.
void deliver(connection_core& to, const encoded_frame* frame, const std::function<void(connection&)>& behind)
{
    if (!to.takes_output())
        return;
    const boost::intrusive_ptr<connection_core> keep{&to};
    const loop::running_mark mark{to.on(), &to};
    connection borrowed = core_access::make(keep);
    try {
        if (frame != nullptr && to.configured().framing != frame->format())
            throw std::invalid_argument{"send_to_all: expected a frame of the connection's own framing"};
        if (frame == nullptr || !to.try_write_encoded(frame->bytes()))
            behind(borrowed);
    } catch (...) {
        to.fail(std::current_exception());
    }
    core_access::release(borrowed);
}

// A connection on its way to its loop, with the bytes of the frame that wait there for it; 0: it is behind.
class destination
{
public:
    destination(std::shared_ptr<handle_target> target, std::size_t bytes) noexcept
        : target_{std::move(target)}, bytes_{bytes}
    {}
    destination(destination&&) noexcept = default;
    destination& operator=(destination&&) = delete;
    ~destination() { arrive(); }

    bool is_behind() const noexcept { return bytes_ == 0; }

    /// Waits no longer. Null: it has ended.
    connection_core* arrive() noexcept
    {
        const auto target = std::move(target_);
        if (target == nullptr)
            return nullptr;
        target->bytes.fetch_sub(bytes_);
        if (is_behind())
            target->behind = false;
        return target->connection;
    }

private:
    std::shared_ptr<handle_target> target_;
    std::size_t bytes_;
};

// What is left to do on one loop.
class delivery final : public std::enable_shared_from_this<delivery>, private owned_call
{
public:
    delivery(const encoded_frame& frame, const std::function<void(connection&)>& behind, std::shared_ptr<loop> on)
        : frame_{frame}, behind_{behind}, on_{std::move(on)}
    {}

    const loop* on() const noexcept { return on_.get(); }

    void add(const std::shared_ptr<handle_target>& target)
    {
        const std::size_t size = frame_.bytes().size();
        if (handle_target::take(target->bytes, size, target->high_water)) {
            to_.push_back(destination{target, size});
            ++queued_;
        } else if (!target->behind.exchange(true)) {
            to_.push_back(destination{target, 0});
        }
    }

    /// For how many the frame was queued.
    std::size_t begin() noexcept { return !to_.empty() && on_->deliver(*this, shared_from_this()) ? queued_ : 0; }

private:
    void called() override
    {
        const std::size_t end = std::min(to_.size(), next_ + most_at_once);
        for (; next_ != end; ++next_)
            if (connection_core* const c = to_[next_].arrive())
                deliver(*c, to_[next_].is_behind() ? nullptr : &frame_, behind_);
        if (next_ != to_.size())
            on_->go_on_delivering(*this, shared_from_this());
    }

    const encoded_frame frame_;
    const std::function<void(connection&)> behind_;
    const std::shared_ptr<loop> on_;
    std::vector<destination> to_;
    std::size_t queued_ = 0; // of these, not behind
    std::size_t next_ = 0;
};

} // namespace

encoded_frame::encoded_frame(const framing& format, any_bytes bytes)
{
    const bytes_view payload = bytes;
    if (const auto refused = format.check(payload))
        throw frame_error{*refused, format.describe(*refused, payload)};
    auto made = std::make_shared<content>(content{format, std::string(format.head_size(payload), '\0')});
    format.encode_head(made->bytes.data(), payload);
    made->bytes += payload;
    made->bytes += format.tail(payload);
    content_ = std::move(made);
}

std::size_t send_to_all(std::span<const connection_handle> to, const encoded_frame& frame,
                        std::function<void(connection&)> behind)
{
    if (!behind)
        throw std::invalid_argument{
            "send_to_all: expected a function for connections that are behind, got an empty one"};
    std::vector<std::shared_ptr<delivery>> by_loop; // there are few loops
    for (const connection_handle& each : to) {
        if (!each.target_ || each.target_->connection == nullptr)
            continue;
        auto at =
            std::find_if(by_loop.begin(), by_loop.end(), [&](auto& d) { return d->on() == each.target_->on.get(); });
        if (at == by_loop.end())
            at = by_loop.insert(at, std::make_shared<delivery>(frame, behind, each.target_->on));
        (*at)->add(each.target_);
    }
    std::size_t queued = 0;
    for (const auto& each : by_loop)
        queued += each->begin();
    return queued;
}

} // namespace hawser::inline v0_1
