// SPDX-License-Identifier: BSL-1.0

// The sessions of one server on one loop, the oldest first, and cursors that go through them in slices.
//
//     list      A  B  C  D
//     cursor          ^          C leaves --> it stands at D; D leaves --> it is at the end
//
// From the loop's thread only. Uses no Asio.
#ifndef HAWSER_SRC_SERVER_SESSION_LIST_HPP
#define HAWSER_SRC_SERVER_SESSION_LIST_HPP

#include <boost/intrusive/list.hpp>

#include <iterator>

namespace hawser::inline v0_1::detail {

using session_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct session_tag>>;

/// What a session has of the list: two pointers.
class session_entry : public session_hook
{
public:
    session_entry() = default;
    session_entry(const session_entry&) = delete;
    session_entry& operator=(const session_entry&) = delete;

protected:
    ~session_entry() = default;
};

class session_list
{
    using entries = boost::intrusive::list<session_entry, boost::intrusive::base_hook<session_hook>,
                                           boost::intrusive::constant_time_size<false>>;
    using cursor_hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

public:
    session_list() = default;
    session_list(const session_list&) = delete;
    session_list& operator=(const session_list&) = delete;

    bool empty() const noexcept { return entries_.empty(); }
    void add(session_entry& s) noexcept { entries_.push_back(s); }
    /// Cursors that stand at it go on to the next one.
    void remove(session_entry& s) noexcept
    {
        const auto next = entries_.erase(entries_.iterator_to(s));
        session_entry* const then = next != entries_.end() ? &*next : nullptr;
        for (auto c = cursors_.begin(); c != cursors_.end();)
            if (cursor& each = *c++; each.at_ == &s)
                each.stand_at(then);
    }

    // For what goes through all of them at once, and ends none.
    auto begin() noexcept { return entries_.begin(); }
    auto end() noexcept { return entries_.end(); }

    /// A place in the list, however long it is kept: the next session of those that are to come. Once it is at the end
    /// it has no part in the list any more, and may be destroyed on any thread.
    class cursor : public cursor_hook
    {
    public:
        cursor() = default; // at the end
        cursor(const cursor&) = delete;
        cursor& operator=(const cursor&) = delete;

        /// Stands at the oldest.
        void start(session_list& of) noexcept
        {
            leave();
            of_ = &of;
            if (!of.empty()) {
                of.cursors_.push_back(*this);
                at_ = &of.entries_.front();
            }
        }
        /// The session that it stood at, and goes on to the next one; null at the end.
        session_entry* step() noexcept
        {
            session_entry* const stood_at = at_;
            if (stood_at != nullptr) {
                const auto next = std::next(of_->entries_.iterator_to(*stood_at));
                stand_at(next != of_->entries_.end() ? &*next : nullptr);
            }
            return stood_at;
        }
        bool is_at_end() const noexcept { return at_ == nullptr; }
        /// Goes to the end, wherever it stands.
        void leave() noexcept { stand_at(nullptr); }

    private:
        friend class session_list;
        void stand_at(session_entry* s) noexcept
        {
            at_ = s;
            if (s == nullptr)
                cursor_hook::unlink(); // does nothing to one that is not linked
        }

        session_list* of_ = nullptr;
        session_entry* at_ = nullptr; // null at the end
    };

private:
    entries entries_;
    boost::intrusive::list<cursor, boost::intrusive::base_hook<cursor_hook>,
                           boost::intrusive::constant_time_size<false>>
        cursors_; // those that stand at a session
};

} // namespace hawser::inline v0_1::detail

#endif
