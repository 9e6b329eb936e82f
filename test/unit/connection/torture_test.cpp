// SPDX-License-Identifier: BSL-1.0

// Random lives of two connections: reads, writes, cancellations, marks, chunks, stalls, time, and each way to end, at
// any moment. Every operation completes once, no frame is torn, doubled, or out of order, and nothing stays behind.
//
// Prints the seed of a life that fails; give it as TORTURE_SEED to live it alone.
#include <hawser/connection.hpp>

#include "scenario.hpp"

#define BOOST_TEST_MODULE torture
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

#ifdef __SANITIZE_THREAD__
constexpr unsigned lives = 50; // of one thread each, at forty times the cost
#else
constexpr unsigned lives = 400;
#endif

class life
{
public:
    explicit life(std::uint64_t seed) : random_{seed} {}

    void live()
    {
        connect_and_live();
        run_.poll();
        BOOST_TEST_REQUIRE(run_.loop().connections.empty());
        BOOST_TEST_REQUIRE(run_.loop().blocks().in_use() == 0u);
    }

private:
    void connect_and_live()
    {
        const std::size_t high = std::size_t{1} << some(12);
        const detail::settings settings{
            .timeouts = {.idle = never, .frame = never, .write = never, .drain = never},
            .high_water = high,
            .low_water = some(static_cast<unsigned>(high)),
        };
        auto [a, b, link] = run_.connect_both(settings);
        for (unsigned side = 0; side < 2; ++side) {
            link->from(side).chunk = 1 + some(some(2) == 0 ? 8 : 8000);
            link->from(side).capacity = 1 + some(some(2) == 0 ? 50 : 20'000);
        }
        read(b);
        for (unsigned steps = 10 + some(60); steps > 0 && !ended_; --steps)
            step(a, b, *link);
        finish(a, b, *link);
    }

    unsigned some(unsigned below) { return below == 0 ? 0 : static_cast<unsigned>(random_() % below); }

    static std::string payload(std::size_t number, std::size_t size)
    {
        return std::to_string(number) + ':' + std::string(size, static_cast<char>('a' + number % 26));
    }

    void read(connection& b)
    {
        for (;;) {
            if (reads_.empty() || reads_.back().done()) {
                if (!reads_.empty()) {
                    const auto& last = reads_.back();
                    if (last.outcome() != "done" && last.outcome() != "ECANCELED")
                        return;
                    if (last.outcome() == "done") {
                        if (!last.value())
                            return;
                        take(*last.value());
                    }
                }
                reads_.push_back(run_.start(b.read_frame()));
            }
            if (!reads_.back().done())
                return;
        }
    }

    void take(bytes_view got)
    {
        const std::size_t number = std::stoul(std::string{got.substr(0, got.find(':'))});
        BOOST_TEST_REQUIRE(number < writes_.size());
        BOOST_REQUIRE(got == payload(number, sizes_[number]));
        BOOST_TEST_REQUIRE((received_.empty() || received_.back() < number));
        received_.push_back(number);
    }

    void step(connection& a, connection& b, detail::memory_link& link)
    {
        switch (some(24)) {
        case 0: reads_.back().cancel(); break;
        case 1:
            if (!writes_.empty())
                writes_[some(static_cast<unsigned>(writes_.size()))].cancel();
            break;
        case 2:
            link.from(0).stalled = !link.from(0).stalled;
            link.changed();
            break;
        case 3: run_.advance(duration{1s} * some(10) / 4); break;
        case 4: others_.push_back(run_.start(a.flush())); break;
        case 5: others_.push_back(run_.start(a.closed())); break;
        case 6: others_.push_back(run_.start(b.closed())); break;
        case 7:
            if (!others_.empty())
                others_[some(static_cast<unsigned>(others_.size()))].cancel();
            break;
        case 8:
            if (some(8) == 0) {
                lossy_ = true;
                ended_ = true;
                if (some(2) == 0)
                    a.reset();
                else
                    b.reset();
            }
            break;
        case 9:
            if (some(8) == 0) {
                lossy_ = true; // what was not admitted yet is refused, and what the other sends is dropped
                ended_ = true;
                others_.push_back(run_.start(some(2) == 0 ? a.close() : b.close()));
            }
            break;
        case 10:
            if (some(8) == 0)
                others_.push_back(run_.start(a.half_close()));
            break;
        case 11: link.from(0).capacity = 1 + some(20'000); break;
        default:
            sizes_.push_back(some(some(4) == 0 ? 40'000 : 100));
            texts_.push_back(std::make_unique<std::string>(payload(writes_.size(), sizes_.back())));
            writes_.push_back(run_.start(a.write_frame(*texts_.back())));
        }
        run_.poll();
        read(b);
    }

    void finish(connection& a, connection& b, detail::memory_link& link)
    {
        link.from(0).stalled = false;
        link.changed();
        run_.poll();
        read(b);
        others_.push_back(run_.start(a.half_close()));
        read(b);
        others_.push_back(run_.start(b.close()));
        others_.push_back(run_.start(a.close()));
        run_.steps(5s, 100ms);
        read(b);
        for (std::size_t i = 0; i < writes_.size(); ++i) {
            BOOST_TEST_REQUIRE(writes_[i].done());
            const bool got = std::binary_search(received_.begin(), received_.end(), i);
            if (got || !lossy_)
                BOOST_TEST_REQUIRE(got == (writes_[i].outcome() == "done"));
        }
        for (const auto& r : reads_)
            BOOST_TEST_REQUIRE(r.done());
        for (const auto& o : others_)
            BOOST_TEST_REQUIRE(o.done());
        BOOST_TEST_REQUIRE((a.state() == connection_state::closed));
        BOOST_TEST_REQUIRE((b.state() == connection_state::closed));
    }

    std::mt19937_64 random_;
    scenario run_;
    std::vector<task<std::optional<bytes_view>>> reads_;
    std::vector<task<void>> writes_;
    std::vector<std::size_t> sizes_;
    std::vector<std::unique_ptr<std::string>> texts_;
    std::vector<std::size_t> received_;
    std::vector<task<void>> others_;
    bool lossy_ = false;
    bool ended_ = false;
};

} // namespace

BOOST_AUTO_TEST_CASE(every_life_of_a_connection_ends_with_everything_accounted_for)
{
    if (const char* const seed = std::getenv("TORTURE_SEED"))
        return life{std::strtoull(seed, nullptr, 10)}.live();
    const std::uint64_t first = std::random_device{}();
    for (std::uint64_t seed = first; seed < first + lives; ++seed)
        BOOST_TEST_CONTEXT("TORTURE_SEED=" << seed)
        {
            life{seed}.live();
        }
}
