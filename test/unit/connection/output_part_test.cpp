// SPDX-License-Identifier: BSL-1.0

// The output of a connection by itself: where bytes go, who is admitted when, what the kernel is said to have taken,
// and how fast a peer has to be.
#include "connection_parts.hpp"

#include "connection/output.hpp"

#define BOOST_TEST_MODULE output_part
#include <boost/test/unit_test.hpp>

#include <deque>
#include <random>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;
using detail::cork;
using detail::output;
using detail::two_pieces;
using detail::written;

namespace {

using place = output::place;
using given = output::given;

const detail::settings small_marks{.high_water = 1000, .low_water = 100};

struct driven final : detail::cork_owner {
    explicit driven(surroundings& s, const detail::settings& marks = small_marks)
        : around{s}, part{s.blocks, s.cork, *this, marks}
    {}
    void send_gathered(bytes_view bytes) noexcept override { sent += bytes; }

    /// As a connection appends; bytes that are for the kernel are `sent`.
    void append(std::string_view bytes)
    {
        if (part.where(bytes.size()) == place::behind_cork)
            around.cork.flush();
        char* at = nullptr;
        switch (part.where(bytes.size())) {
        case place::cork: at = part.take_cork(bytes.size()); break;
        case place::pending: at = part.extend_pending(bytes.size()); break;
        default: sent += bytes; return;
        }
        std::copy(bytes.begin(), bytes.end(), at);
    }
    /// Bytes that the kernel did not take.
    void leave_pending(std::string_view bytes) { BOOST_REQUIRE((part.gave({bytes, {}}, 0) == given::some)); }

    surroundings& around;
    output part;
    std::string sent;
};

std::string text(std::size_t n)
{
    std::string made(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        made[i] = static_cast<char>('a' + i % 26);
    return made;
}

} // namespace

BOOST_AUTO_TEST_CASE(bytes_go_to_the_cork_behind_another_or_to_the_kernel)
{
    surroundings around;
    driven one{around};
    driven two{around};
    BOOST_TEST((one.part.where(1) == place::cork));
    BOOST_TEST((one.part.where(cork::capacity) == place::cork));
    BOOST_TEST((one.part.where(cork::capacity + 1) == place::kernel));
    one.append("one");
    BOOST_TEST(one.part.owns_cork());
    BOOST_TEST(one.part.queued() == 3U);
    BOOST_TEST(two.part.queued() == 0U);
    BOOST_TEST((one.part.where(cork::capacity - 3) == place::cork));
    BOOST_TEST((one.part.where(cork::capacity - 2) == place::behind_cork));
    BOOST_TEST((two.part.where(1) == place::behind_cork));
    two.append("two");
    BOOST_TEST(one.sent == "one");
    BOOST_TEST(two.part.owns_cork());
    BOOST_TEST(!one.part.owns_cork());
    two.leave_pending("rest");
    BOOST_TEST((two.part.where(1) == place::pending));
    BOOST_TEST((two.part.where(cork::capacity + 1) == place::pending));
}

BOOST_AUTO_TEST_CASE(what_the_kernel_leaves_of_two_pieces_is_pending_in_order)
{
    for (std::size_t n = 0; n <= 5; ++n) {
        surroundings around;
        driven d{around};
        BOOST_TEST((d.part.gave({"ab", "cde"}, n) == (n == 5 ? given::all : given::some)));
        BOOST_TEST(d.part.pending() == std::string_view{"abcde"}.substr(n));
    }
}

BOOST_AUTO_TEST_CASE(there_is_room_below_the_high_water_mark_for_one_who_passes_nobody_by)
{
    surroundings around;
    driven d{around};
    d.append(text(999));
    BOOST_TEST(d.part.has_room());
    BOOST_TEST(d.part.room() == 1U);
    d.append("x");
    BOOST_TEST(!d.part.has_room());
    around.cork.flush();
    BOOST_TEST(d.part.has_room());
    sleeper first{around, d.part.writers()};
    BOOST_TEST(!d.part.has_room()); // somebody was there before
    d.part.admit();
    BOOST_TEST(first.is_woken());
    BOOST_TEST(!d.part.has_room()); // and has not appended yet
    {
        const output::turn turn = d.part.take_turn();
        BOOST_TEST(d.part.has_room());
    }
    d.part.admitted();
    BOOST_TEST(!d.part.has_room());
}

BOOST_AUTO_TEST_CASE(writers_are_admitted_one_after_the_other_while_there_is_room)
{
    surroundings around;
    driven d{around};
    d.leave_pending(text(1000));
    std::deque<sleeper> waiting;
    for (int i = 0; i < 4; ++i)
        waiting.emplace_back(around, d.part.writers());
    d.part.begin_sending(0);
    d.part.sent(899);
    BOOST_TEST(d.part.went_on());
    BOOST_TEST(!waiting[0].is_woken()); // 101 are left, and the low-water mark is 100
    d.part.sent(1);
    BOOST_TEST(d.part.went_on());
    BOOST_TEST(waiting[0].is_woken());
    BOOST_TEST(!waiting[1].is_woken());
    {
        const output::turn turn = d.part.take_turn();
        d.append(text(899));
    }
    BOOST_TEST(waiting[1].is_woken()); // 999 are queued
    BOOST_TEST(!waiting[2].is_woken());
    {
        const output::turn turn = d.part.take_turn();
        d.append("x");
    }
    BOOST_TEST(!waiting[2].is_woken()); // 1,000 are
    d.part.sent(1000);
    BOOST_TEST(!d.part.went_on());
    BOOST_TEST(waiting[2].is_woken());
    { // one who appends nothing lets the next one have its turn all the same
        const output::turn turn = d.part.take_turn();
    }
    BOOST_TEST(waiting[3].is_woken());
}

BOOST_AUTO_TEST_CASE(those_who_flush_go_on_once_nothing_is_pending)
{
    surroundings around;
    driven d{around};
    d.leave_pending("abc");
    sleeper flusher{around, d.part.flushers()};
    BOOST_TEST((d.part.waiting_for() == wait_kind::output_flushed));
    d.part.begin_sending(0);
    d.part.sent(2);
    BOOST_TEST(d.part.went_on());
    BOOST_TEST(d.part.is_sending());
    BOOST_TEST(!flusher.is_woken());
    d.part.sent(1);
    BOOST_TEST(!d.part.went_on());
    BOOST_TEST(!d.part.is_sending());
    BOOST_TEST(flusher.is_woken());
    BOOST_TEST(around.blocks.in_use() == 0U);
    BOOST_TEST((d.part.waiting_for() == wait_kind::nothing));
}

BOOST_AUTO_TEST_CASE(writes_are_refused_from_the_end_on_and_the_end_stays)
{
    surroundings around;
    driven d{around};
    BOOST_TEST(d.part.takes_writes());
    d.part.shut();
    BOOST_TEST(!d.part.takes_writes());
    BOOST_TEST(!d.part.has_ended());
    d.part.end();
    BOOST_TEST(d.part.has_ended());
    d.part.shut();
    BOOST_TEST(d.part.has_ended());
    BOOST_TEST(!d.part.takes_writes());
}

BOOST_AUTO_TEST_CASE(what_is_dropped_is_lost_in_the_cork_too_but_only_ones_own)
{
    surroundings around;
    driven one{around};
    driven two{around};
    one.append("one");
    two.part.drop();
    BOOST_TEST(one.part.queued() == 3U);
    one.part.drop();
    BOOST_TEST(one.part.queued() == 0U);
    around.cork.flush();
    BOOST_TEST(one.sent.empty());
    one.leave_pending("abc");
    one.part.drop();
    BOOST_TEST(!one.part.is_pending());
    BOOST_TEST(around.blocks.in_use() == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_written_is_a_part_while_the_protocol_says_so)
{
    surroundings around;
    driven d{around};
    BOOST_TEST((d.part.last() == written::whole));
    d.part.wrote(written::unknown);
    BOOST_TEST((d.part.last() == written::unknown));
    d.part.answered(answer_state::part);
    BOOST_TEST((d.part.last() == written::torn));
    d.part.wrote(written::unknown);
    BOOST_TEST((d.part.last() == written::torn));
    d.part.answered(answer_state::whole);
    BOOST_TEST((d.part.last() == written::whole));
}

BOOST_AUTO_TEST_CASE(a_peer_keeps_pace_that_takes_enough_in_each_window)
{
    surroundings around;
    driven d{around};
    const auto least = static_cast<std::uint64_t>(2 * write_rate);
    d.part.begin_sending(1000);
    BOOST_TEST(!d.part.keeps_pace(1000 + least - 1, 2s));
    BOOST_TEST(d.part.keeps_pace(1000 + least, 2s));
    BOOST_TEST(!d.part.keeps_pace(1000 + 2 * least - 1, 2s)); // the window began anew
    BOOST_TEST(d.part.keeps_pace(1000 + 2 * least, 2s));
    BOOST_TEST(!d.part.keeps_pace(1000 + 2 * least, 1ns)); // one byte at least
    BOOST_TEST(d.part.keeps_pace(1000 + 2 * least + 1, 1ns));
}

// Two connections on one cork, and a kernel that takes what it likes: each peer gets what was written, in order, and
// nobody waits for ever.
BOOST_AUTO_TEST_CASE(random_lives_lose_nothing_and_wake_everybody)
{
    std::mt19937 random{20'261'130};
    const auto below = [&](unsigned n) { return static_cast<std::size_t>(random() % n); };
    for (int life = 0; life < 2000; ++life) {
        surroundings around;
        struct peer final : detail::cork_owner {
            explicit peer(surroundings& s) : part{s.blocks, s.cork, *this, small_marks} {}
            void send_gathered(bytes_view bytes) noexcept override { give({bytes, {}}); }
            void give(two_pieces pieces) noexcept
            {
                const std::size_t n = std::min(takes, pieces.size());
                takes -= n;
                const std::string all = std::string{pieces.first} + std::string{pieces.second};
                received += all.substr(0, n);
                if (part.gave(pieces, n) == given::some)
                    part.begin_sending(received.size());
            }
            output part;
            std::string written, received;
            std::size_t takes = 0; // as many bytes yet
            std::deque<sleeper> waiting;
        } peers[2]{peer{around}, peer{around}};
        for (int i = 0; i < 60; ++i) {
            peer& p = peers[below(2)];
            const std::string bytes = text(1 + below(below(8) == 0 ? 40'000 : 300));
            const auto append = [&] {
                if (p.part.where(bytes.size()) == place::behind_cork)
                    around.cork.flush();
                p.written += bytes;
                switch (p.part.where(bytes.size())) {
                case place::cork: std::copy(bytes.begin(), bytes.end(), p.part.take_cork(bytes.size())); break;
                case place::pending: std::copy(bytes.begin(), bytes.end(), p.part.extend_pending(bytes.size())); break;
                default: p.give({bytes, {}});
                }
            };
            switch (below(5)) {
            case 0:
            case 1: // one writes, or waits
                if (p.part.has_room())
                    append();
                else
                    p.waiting.emplace_back(around, p.part.writers());
                break;
            case 2: // one who was admitted
                if (!p.waiting.empty() && p.waiting.front().is_woken()) {
                    p.waiting.pop_front();
                    const output::turn turn = p.part.take_turn();
                    append();
                }
                break;
            case 3: p.takes += below(2000); break;
            case 4: around.cork.flush(); break;
            }
            BOOST_REQUIRE(p.part.is_pending() == p.part.is_sending());
            BOOST_REQUIRE(!(p.part.is_pending() && p.part.owns_cork()));
            if (p.part.is_sending() && p.takes != 0) { // it is writable
                const std::size_t n = std::min(p.takes, p.part.pending().size());
                p.received += p.part.pending().substr(0, n);
                p.takes -= n;
                p.part.sent(n);
                p.part.went_on();
            }
        }
        around.cork.flush();
        for (peer& p : peers) {
            while (p.part.is_pending()) {
                const std::size_t n = std::min<std::size_t>(777, p.part.pending().size());
                p.received += p.part.pending().substr(0, n);
                p.part.sent(n);
                p.part.went_on();
            }
            BOOST_TEST(p.received == p.written);
            while (!p.waiting.empty()) {
                BOOST_REQUIRE(p.waiting.front().is_woken());
                p.waiting.pop_front();
                const output::turn turn = p.part.take_turn();
            }
        }
        BOOST_REQUIRE(around.blocks.in_use() == 0U);
    }
}
