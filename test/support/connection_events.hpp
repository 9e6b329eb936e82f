// SPDX-License-Identifier: BSL-1.0

// What happens to a session in connection.model_test, and what can be seen of it afterwards: the words that the model
// (connection_model.hpp) and the session itself (driven_session.hpp) have in common.
#ifndef HAWSER_TEST_CONNECTION_EVENTS_HPP
#define HAWSER_TEST_CONNECTION_EVENTS_HPP

#include "kit_namespace.hpp"

#include <hawser/bytes.hpp>
#include <hawser/connection.hpp>
#include <hawser/observer.hpp>

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace hawser::test {

/// One thing that happens. After it, everything runs until nothing more can happen.
enum class event : std::uint8_t {
    // The peer.
    sends_some,    ///< a half of a head, or half a frame, or the rest, whichever comes next
    sends_frame,   ///< the rest of the frame that has begun, or a whole one
    sends_rubbish, ///< a head that no frame may have
    ends,          ///< FIN
    resets,
    turns,       ///< reads no longer what comes, or reads again
    takes_a_few, ///< bytes of what it does not read
    // The session's handler.
    reads,
    writes,
    writes_much, ///< a frame beyond the high-water mark
    writes_a_byte,
    flushes,
    half_closes,
    closes,
    returns,
    throws, ///< what its last operation has thrown, or something of its own
    cancelled,
    // Another coroutine, beside the handler.
    other_reads,
    other_writes,
    other_closes,
    other_cancelled,
    // The server, and time.
    drains,
    cuts,
    step,      ///< less than any deadline
    pause,     ///< three steps: the frame's deadline, and the linger's
    long_wait, ///< eight: those of idleness and of output too
    /// The next two come in one turn of the loop.
    together,
    count
};

constexpr std::array event_names{
    "sends_some", "sends_frame", "sends_rubbish", "ends",          "resets",       "turns",        "takes_a_few",
    "reads",      "writes",      "writes_much",   "writes_a_byte", "flushes",      "half_closes",  "closes",
    "returns",    "throws",      "cancelled",     "other_reads",   "other_writes", "other_closes", "other_cancelled",
    "drains",     "cuts",        "step",          "pause",         "long_wait",    "together"};
static_assert(event_names.size() == static_cast<std::size_t>(event::count));

using events = std::vector<event>;

/// As it can be pasted into a test.
inline std::string to_string(const events& sequence)
{
    std::string all = "{";
    for (const event e : sequence)
        all += (all.size() > 1 ? ", " : "") + std::string{event_names[static_cast<std::size_t>(e)]};
    return all + '}';
}

/// How long each deadline is, in hundredths of a step; a wait begins at a whole step, and none ends at one.
struct deadline {
    static constexpr duration step = std::chrono::milliseconds{700};
    static constexpr duration in_time(int hundredths) { return step * hundredths / 100; }
    static constexpr int idle = 750;
    static constexpr int frame = 260;
    static constexpr int write = 440;
    static constexpr int drain = 1270;
    static constexpr int silence = 286; // of a peer that is lingered for: 2 s
    static constexpr int linger = 4286; // and in all: 30 s
};

/// What the session may have of its output.
struct room {
    static constexpr std::size_t link = 28; // on the way to its peer; what is left of a large write may go in one
    static constexpr std::size_t high = 64;
    static constexpr std::size_t low = 16;
    static constexpr std::size_t sip = 10; // that takes_a_few takes
};

enum hand : unsigned { handler, other, hands };

/// The hand that carries out an operation of the connection; `hands` for an event that is none.
constexpr hand hand_of(event e) noexcept
{
    using enum event;
    if (e >= reads && e <= throws)
        return handler;
    return e >= other_reads && e <= other_closes ? other : hands;
}

/// The same operation, whoever's it is.
constexpr event operation(event e) noexcept
{
    switch (e) {
    case event::other_reads: return event::reads;
    case event::other_writes: return event::writes;
    case event::other_closes: return event::closes;
    default: return e;
    }
}

inline std::string numbered(char who, unsigned n)
{
    return {who, static_cast<char>('0' + n / 100 % 10), static_cast<char>('0' + n / 10 % 10),
            static_cast<char>('0' + n % 10)};
}

/// What the n-th frame of the peer, or write of a hand, says.
inline std::string text_of_peer(unsigned n)
{
    return numbered('p', n);
}
inline std::string text_of_write(event e, hand by, unsigned n)
{
    if (e == event::writes_a_byte)
        return "~";
    std::string text = numbered(by == handler ? 'h' : 'o', n);
    return e == event::writes_much ? text + std::string(96, '.') : text;
}
inline std::string framed(const std::string& text)
{
    return std::string{'\0', static_cast<char>(text.size())} + text;
}

/// How an operation has ended.
struct outcome {
    enum kind : std::uint8_t { done, frame, nothing, failed, refused };
    event of = event::count;
    kind how = done;
    error_code error = {};
    std::string text = {};
    friend bool operator==(const outcome&, const outcome&) = default;
};

/// What can be seen of a session when nothing more can happen.
struct sight {
    std::array<std::vector<outcome>, hands> outcomes; // since the last event
    bytes_view received; // by the peer, in all: as long as who was looked at stays as it is
    bool fin = false;
    bool reset = false;
    connection_state state = connection_state::open;
    wait_kind waiting_for = wait_kind::nothing;
    std::size_t queued = 0;
    std::array<std::uint64_t, 4> counts{}; // bytes in and out, frames in and out
    std::size_t told = 0;
    end_reason reason = end_reason::completed;
    error_code error;
    friend bool operator==(const sight&, const sight&) = default;
};

inline std::string to_string(const outcome& o)
{
    constexpr const char* words[] = {"done", "frame ", "nothing", "", "refused"};
    return std::string{event_names[static_cast<std::size_t>(o.of)]} + ": " + words[o.how] + o.text +
           (o.error ? symbol(o.error) : "");
}

inline std::string to_string(const sight& s)
{
    constexpr const char* states[] = {"open", "draining", "closing", "closed"};
    std::string all = std::string{states[static_cast<std::size_t>(s.state)]} + ", waits for " +
                      to_string(s.waiting_for) + ", queued " + std::to_string(s.queued) + ", peer has " +
                      std::to_string(s.received.size()) + (s.fin ? " FIN" : "") + (s.reset ? " RST" : "") + ", counts";
    for (const auto n : s.counts)
        all += ' ' + std::to_string(n);
    for (const auto& of : s.outcomes)
        for (const outcome& o : of)
            all += "; " + to_string(o);
    if (s.told != 0)
        all += "; told " + std::to_string(s.told) + " times: " + to_string(s.reason) + ' ' + symbol(s.error);
    return all;
}

} // namespace hawser::test

#endif
