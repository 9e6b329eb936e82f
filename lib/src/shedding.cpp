#include "shedding.hpp"

#include "server_core.hpp"
#include "session.hpp"

#include <algorithm>

namespace hawser::detail {
namespace {

constexpr duration least_wait = 5s;
constexpr int looked_at_in_a_turn = 256;
constexpr duration rest_for_each = 1us; // twenty times what it costs to look at a connection that is in no cache
constexpr duration least_rest = 5ms;

} // namespace

// What one loop has found. Used there, and then on the control loop.
struct shedding::search {
    std::shared_ptr<server_core> of;
    std::shared_ptr<loop> on;
    std::size_t most = 0;
    time_point begun = on->now();
    boost::intrusive_ptr<core> place = nullptr; // between two turns, on its loop
    std::vector<candidate> longest = {};        // a heap, the shortest of them first
    std::size_t looked_at = 0;
    time_point next = after(begun, least_wait); // those that do not wait now may begin to

    void consider(core& c)
    {
        const time_point since = c.between_units_since();
        if (c.owner == nullptr || &c.owner->server() != of.get() || since == time_point::max())
            return;
        if (begun - since < least_wait) {
            next = std::min(next, after(since, least_wait));
            return;
        }
        if (longest.size() == most) {
            if (since >= longest.front().since)
                return;
            std::pop_heap(longest.begin(), longest.end());
            longest.pop_back();
        }
        longest.push_back({since, c.make_handle()});
        std::push_heap(longest.begin(), longest.end());
    }
};

// Looks again at an instant. Belongs to the control loop's wheel, so it may outlive the server.
class shedding::alarm final : private wheel::entry
{
public:
    alarm(loop& control, std::weak_ptr<server_core> of) : control_{control}, of_{std::move(of)} {}

    void set(time_point at) { control_.arm(*this, at); }
    void cancel() noexcept { control_.cancel(*this); }

private:
    time_point look(time_point) override
    {
        control_.post([of = of_] {
            if (const auto server = of.lock())
                server->making_room().look();
        });
        return time_point::max();
    }

    loop& control_;
    const std::weak_ptr<server_core> of_;
};

shedding::~shedding()
{
    if (alarm_)
        server_.runtime().control().post([a = std::move(alarm_)] { a->cancel(); });
}

void shedding::permit_taken()
{
    if (wanted() != 0)
        look_soon();
}

void shedding::ended()
{
    under_way_.fetch_sub(1);
    permit_taken();
}

// Of those that are asked to end each will give its permit back.
std::size_t shedding::wanted() const noexcept
{
    const std::size_t wanting = server_.doors().wanting();
    return wanting - std::min(wanting, under_way_.load());
}

void shedding::look_soon()
{
    if (!looking_soon_.exchange(true))
        server_.runtime().control().post([self = server_.shared_from_this()] { self->making_room().look(); });
}

void shedding::look()
{
    looking_soon_.store(false);
    const std::size_t most = wanted();
    if (missing_ != 0 || most == 0 || server_.begun_draining())
        return;
    if (server_.runtime().control().now() < not_before_)
        return look_again(not_before_);
    const auto& loops = server_.runtime().loops();
    missing_ = loops.size();
    looked_at_ = 0;
    next_ = time_point::max();
    for (const auto& l : loops)
        l->post([of = server_.shared_from_this(), on = l, most] {
            look_at_some(std::make_shared<search>(search{.of = of, .on = on, .most = most}), true);
        });
}

// Between two turns a reference to the next one keeps the place in the list, which has the oldest first.
void shedding::look_at_some(std::shared_ptr<search> s, bool first)
{
    connection_list& all = s->on->connections;
    auto next = first ? all.begin() : all.iterator_to(*s->place);
    for (int i = 0; i < looked_at_in_a_turn && next != all.end(); ++i, ++next, ++s->looked_at)
        s->consider(*next);
    s->place = next != all.end() ? &*next : nullptr;
    loop& on = *s->on;
    if (s->place)
        return on.post([s = std::move(s)]() mutable { look_at_some(std::move(s), false); });
    loop& control = s->of->runtime().control();
    control.post([s = std::move(s)] { s->of->making_room().found(*s); });
}

void shedding::found(const search& s)
{
    found_.insert(found_.end(), s.longest.begin(), s.longest.end());
    looked_at_ = std::max(looked_at_, s.looked_at);
    next_ = std::min(next_, s.next);
    if (--missing_ == 0)
        end_longest();
}

void shedding::end_longest()
{
    not_before_ = after(server_.runtime().control().now(),
                        std::max(least_rest, rest_for_each * static_cast<duration::rep>(looked_at_)));
    const std::vector<candidate> all = [this] {
        std::sort(found_.begin(), found_.end());
        return std::exchange(found_, {});
    }();
    const std::size_t most = wanted();
    const std::size_t count = std::min(most, all.size());
    under_way_.fetch_add(count);
    std::for_each(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                  [this](const candidate& c) { end(c); });
    if (count < most)
        look_again(std::max(next_, not_before_));
}

// Unless it has been given something to do meanwhile.
void shedding::end(const candidate& c)
{
    c.connection->on->post([of = server_.shared_from_this(), c] {
        core* const it = c.connection->connection;
        if (it != nullptr && it->owner != nullptr && it->between_units_since() == c.since)
            it->owner->shed();
        else
            of->making_room().ended();
    });
}

void shedding::look_again(time_point at)
{
    loop& control = server_.runtime().control();
    if (!alarm_)
        alarm_ = std::make_shared<alarm>(control, server_.weak_from_this());
    alarm_->set(at);
}

} // namespace hawser::detail
