// SPDX-License-Identifier: BSL-1.0

// One session, its peer, its handler, a coroutine beside it, its server and time: every sequence of events up to a
// length, and random ones that are longer. After each event all that can be seen is what a small model says, and at the
// end, when every deadline has passed, nothing is left.
//
// A sequence that fails is printed, and once more without the events that it can do without; give it as MODEL_CASE to
// play it alone. An event that cannot happen, or would change nothing, is left out of a sequence. MODEL_LENGTH and
// MODEL_SEQUENCES say how long the sequences are of which every one is played, and how many random ones there are.
#include <hawser/connection.hpp>

#include "model_comparison.hpp"

#define BOOST_TEST_MODULE model
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace hawser;
using namespace hawser::test;

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr unsigned longest = 4; // at twenty times the cost
constexpr unsigned random_sequences = 5'000;
#else
constexpr unsigned longest = 5;
constexpr unsigned random_sequences = 200'000;
#endif

void fail(stage& on, const events& sequence, const std::string& differs)
{
    const std::uint64_t after = on.played;
    const events least = shrunk(on, sequence);
    BOOST_FAIL("sequence " << after << ": " << to_string(sequence) << "\n"
                           << differs << "\nat least: " << to_string(least) << "\n"
                           << on.play_all(least));
}

void require(stage& on, const events& sequence)
{
    if (const std::string differs = on.play_all(sequence); !differs.empty())
        fail(on, sequence, differs);
}

// All sequences of a length, each event of which can happen; shorter ones where the session is over by then.
class tree
{
public:
    tree(stage& on, std::span<const event> of, std::size_t length) : on_{on}, of_{of}, length_{length}
    {
        grow(possible_models{connection_model{}});
    }

private:
    void grow(const possible_models& here)
    {
        if (sequence_.size() == length_)
            return require(on_, sequence_);
        for (const event e : of_) {
            if (!here.first().can(e))
                continue;
            possible_models then = here;
            for (unsigned steps = steps_in(e); steps > 0; --steps)
                then.pass_step();
            if (steps_in(e) == 0)
                then.happens(e);
            sequence_.push_back(e);
            if (then.first().over())
                require(on_, sequence_);
            else
                grow(then);
            sequence_.pop_back();
        }
    }

    stage& on_;
    const std::span<const event> of_;
    const std::size_t length_;
    events sequence_;
};

void play_all_up_to(std::size_t length, std::span<const event> of)
{
    stage on;
    for (std::size_t n = 0; n <= length; ++n)
        tree{on, of, n};
    on.print();
}

// Some events end most sessions: how rare those are is another matter for each sequence.
constexpr bool ends_soon(event e)
{
    using enum event;
    switch (e) {
    case sends_rubbish:
    case ends:
    case resets:
    case half_closes:
    case closes:
    case returns:
    case throws:
    case other_closes:
    case drains:
    case cuts:
    case pause:
    case long_wait: return true;
    default: return false;
    }
}

void play_random(stage& on, std::uint64_t seed)
{
    std::mt19937_64 random{seed};
    const auto some = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    constexpr unsigned rarities[] = {2, 8, 32, 128};
    const unsigned rarity = rarities[some(4)];
    const unsigned togetherness = some(3) == 0 ? 3 : 12;
    const std::size_t length = 1 + some(1 + some(200)); // many are short: those cost less
    events sequence;
    const std::string differs = on.play([&](const connection_model& m) -> std::optional<event> {
        if (sequence.size() == length)
            return std::nullopt;
        event e = event::together;
        while (some(togetherness) != 0 || (!sequence.empty() && sequence.back() == event::together)) {
            e = static_cast<event>(some(static_cast<unsigned>(event::together)));
            if (m.can(e) && (!ends_soon(e) || some(rarity) == 0))
                break;
            e = event::together;
        }
        sequence.push_back(e);
        return e;
    });
    if (!differs.empty())
        fail(on, sequence, differs);
}

unsigned asked_for(const char* name, unsigned otherwise)
{
    const char* const given = std::getenv(name);
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : otherwise;
}

// What a failure has printed.
events parsed(std::string_view words)
{
    events sequence;
    for (std::size_t i = 0; i < words.size();) {
        const std::size_t end = std::min(words.find_first_of("{, }", i), words.size());
        const auto name = std::find(event_names.begin(), event_names.end(), words.substr(i, end - i));
        if (name != event_names.end())
            sequence.push_back(static_cast<event>(name - event_names.begin()));
        i = end + 1;
    }
    return sequence;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_sequence_of_events_that_is_asked_for_is_seen_as_the_model_says)
{
    stage on;
    if (const char* const words = std::getenv("MODEL_CASE"))
        require(on, parsed(words));
}

BOOST_AUTO_TEST_CASE(every_short_sequence_of_events_is_seen_as_the_model_says)
{
    std::vector<event> all;
    for (event e{}; e != event::together; e = static_cast<event>(static_cast<unsigned>(e) + 1))
        all.push_back(e);
    play_all_up_to(asked_for("MODEL_LENGTH", longest) - 1, all);
}

BOOST_AUTO_TEST_CASE(every_sequence_of_the_main_events_is_seen_as_the_model_says)
{
    using enum event;
    constexpr event alphabet[] = {sends_some,   sends_frame,  ends,        resets,  turns,    reads,
                                  writes,       writes_much,  half_closes, returns, throws,   cancelled,
                                  other_writes, other_closes, drains,      cuts,    long_wait};
    play_all_up_to(asked_for("MODEL_LENGTH", longest), alphabet);
}

BOOST_AUTO_TEST_CASE(every_random_sequence_of_events_is_seen_as_the_model_says)
{
    stage on;
    const unsigned sequences = asked_for("MODEL_SEQUENCES", random_sequences);
    for (std::uint64_t seed = 1; seed <= sequences; ++seed)
        play_random(on, seed);
    on.print();
}
