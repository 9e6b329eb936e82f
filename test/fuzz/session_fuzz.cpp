// SPDX-License-Identifier: BSL-1.0

// libFuzzer target of a whole session over memory: frames, TLS, a handler, a client, and other coroutines beside both.
// Corpus: corpus/session; what its files do is in session_corpus.py.
//
// An input is a small program. Its first bytes choose the framing, TLS, the marks and the network, then come the
// operations that the handler does, then what happens from outside: operations of other coroutines at either end,
// cancellations, time, and what a network does, bytes of its own included. So a peer that speaks no TLS, or no frames,
// is a client whose hello is held back and a network that says something else.
//
//     | framing | flags | marks | chunk | capacity | n | n pairs: the handler's | pairs: from outside |
//
// What must hold for any bytes:
//   - each operation completes once, and nothing fails without a cause
//   - what is read is what was written, in order, and all of it unless something was done that may lose some
//   - a view's bytes stay until the next read
//   - buffers stay within what the limits say
//   - one session is told of, and no connection, coroutine, timer, block or descriptor is left
#include "session/end.hpp"
#include "session/settled_random.hpp"

#include "scenario.hpp"
#include "test/world_inside.hpp"
#include "test_certificate.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace fuzz {
namespace {

using namespace hawser::test;
using namespace std::chrono_literals;
using hawser::framing;
using hawser::never;

constexpr framing framings[] = {
    framing::u32_be,   framing::u16_le,           framing::varint,
    framing::lines,    framing::netstring,        framing::u8,
    framing::grpc,     framing::delimiter("aab"), framing{{.width = 2, .after = 2}},
    framing::fixed(5),
};

constexpr unsigned max_steps = 120;

// Takes an input apart; what is not there is 0.
class program
{
public:
    explicit program(bytes_view bytes) noexcept : rest_{bytes} {}
    bool more() const noexcept { return !rest_.empty(); }
    unsigned next() noexcept { return rest_.empty() ? 0 : static_cast<unsigned char>(take(1).front()); }
    bytes_view take(std::size_t n) noexcept
    {
        const bytes_view taken = rest_.substr(0, n);
        rest_.remove_prefix(taken.size());
        return taken;
    }

private:
    bytes_view rest_;
};

// What the first bytes say.
struct setup {
    explicit setup(program& input);

    hawser::framing format = framing::u32_be;
    bool tls = false;
    bool held_back = false; // the client's hello
    std::size_t high_water = 0;
    hawser::timeouts timeouts = {.handshake = never, .idle = never, .frame = never, .write = never, .drain = never};
    hawser::duration within = never; // the client's handshake
    hawser::limits limits = {};
    path way;
    std::size_t budget = 0;
    bytes_view handler;
};

setup::setup(program& input)
{
    const unsigned chosen = input.next();
    constexpr std::size_t limits_of_payload[] = {1000, 40, 60'000, 5};
    format =
        framings[chosen % std::size(framings)].with_max_payload(limits_of_payload[chosen / std::size(framings) % 4]);
    const unsigned flags = input.next();
    tls = flags % 4 >= 2;
    held_back = flags % 4 == 3;
    if (flags / 4 % 2 != 0 || held_back) {
        timeouts = {};
        within = 20s;
    }
    if (flags / 8 % 4 == 3)
        limits.data_limit = 1 + flags / 32 * 100;
    const unsigned marks = input.next();
    high_water = std::size_t{1} << marks % 17;
    limits.output_high_water = high_water;
    limits.output_low_water = high_water * (marks / 17 % 15) / 15;
    const unsigned chunk = input.next();
    way.chunk = chunk < 128 ? 1 + chunk : 64U * chunk;
    const unsigned capacity = input.next();
    way.capacity = capacity < 128 ? 1 + capacity : 512U * (capacity - 127);
    budget = std::min({way.chunk, way.capacity, high_water}) < 64 ? 3'000 : 100'000; // in few steps
    if (tls) {
        way.chunk += 15;
        way.capacity += 15;
    }
    handler = input.take(2 * (input.next() % 32));
}

class life
{
public:
    life(const setup& how, program input, const hawser::tls_server& certified);
    void live();

private:
    enum outside : unsigned {
        cancel,
        pass_time,
        stall,
        shape,
        inject,
        drain,
        break_wire,
        drop_client,
        release_handler,
        delay,
        cut_sessions,
        outsides,
    };

    awaitable<void> serve(connection& c);
    void step();
    void from_outside(unsigned what, unsigned how, unsigned side);
    void say(bytes_view bytes);
    void break_somehow(unsigned how, unsigned side);
    void finish();
    void read_on();
    void look();
    void release(bool throwing);
    const std::shared_ptr<hawser::detail::memory_link>& link() const
    {
        return hawser::detail::world_access::link(*network_);
    }
    hawser::detail::memory_link::direction& from(unsigned side) { return link()->from(side); }
    void changed()
    {
        link()->changed();
        run_.poll();
    }

    const setup how_;
    program input_;
    const hawser::tls_server& certified_;
    life_facts facts_;
    std::array<carried, 2> carried_; // from each end
    end server_{facts_, carried_[1], carried_[0]};
    end client_{facts_, carried_[0], carried_[1]};
    const std::array<end*, 2> ends_{&server_, &client_};
    scenario run_{hawser::server_options{.limits = how_.limits}};
    boost::asio::steady_timer gate_{run_.loop().context(), boost::asio::steady_timer::time_point::max()};
    bool released_ = false;
    bool throws_ = false;
    bool delayed_ = false;
    std::optional<wire> network_;
    std::optional<task<connection>> dialled_;
    std::optional<connection> connection_; // the client's
    std::vector<task<void>> acts_;
};

life::life(const setup& how, program input, const hawser::tls_server& certified)
    : how_{how}, input_{input}, certified_{certified}
{
    facts_.budget = how.budget;
    facts_.lossy = how.limits.data_limit.has_value();
    server_.other = &client_;
    client_.other = &server_;
    server_.done = client_.done = [this] { gate_.cancel(); };
}

// The session's handler: its own operations, then whatever is done beside it, until it is released or cancelled. It
// outlives what uses its connection.
awaitable<void> life::serve(connection& c)
{
    server_.begin(c, how_.high_water);
    program mine{how_.handler};
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    const auto cancelled = [&] { return state.cancelled() != boost::asio::cancellation_type::none; };
    while (mine.more() && !cancelled()) {
        const unsigned what = mine.next();
        const unsigned how = mine.next();
        co_await server_.act(what % end::operations, how);
    }
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    while (!released_ && !cancelled()) {
        boost::system::error_code ignored;
        co_await gate_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    facts_.lossy = true;
    while (server_.running() != 0) {
        c.reset();
        boost::system::error_code ignored;
        co_await gate_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    server_.over();
    if (throws_)
        throw std::runtime_error{"the handler's own"};
}

void life::live()
{
    run_.inbound = run_.outbound = how_.way;
    if (how_.held_back) {
        run_.inbound.capacity = 0;
        facts_.lossy = true;
    }
    hawser::listen_options listened{.framing = how_.format, .timeouts = how_.timeouts};
    hawser::connect_options with{
        .framing = how_.format, .connect_timeout = how_.within, .timeouts = how_.timeouts, .limits = how_.limits};
    if (how_.tls) {
        listened.tls = certified_;
        with.tls.ca = root().certificate();
    }
    dialled_ = run_.start(run_.dial([this](connection& c) { return serve(c); }, listened, with));
    network_.emplace(run_.last_wire());
    for (unsigned steps = 0; input_.more() && steps < max_steps; ++steps) {
        look();
        step();
    }
    finish();
    look();
    for (const auto& act : acts_)
        require(act.done(), "each operation completes");
    require(run_.seen().ends.size() == 1, "one session is told of");
    const remains left = run_.left();
    require(left.none(), left.to_string().c_str());
    require(run_.loop().connections.empty(), "no connection is left");
}

// Whatever happens, this holds.
void life::look()
{
    if (dialled_ && dialled_->done()) {
        if (dialled_->outcome() == "done") {
            connection_ = dialled_->take();
            client_.begin(*connection_, how_.high_water);
        } else {
            require(facts_.lossy, "a client connects");
        }
        dialled_.reset();
    }
    std::size_t memory = 0;
    for (const end* e : ends_) {
        e->check();
        memory += e->most_memory();
    }
    require(run_.loop().blocks().in_use() <= memory, "buffers stay within the limits");
    for (const carried& c : carried_)
        require(c.taken() <= how_.limits.data_limit.value_or(~0ULL), "a connection receives what it may");
}

void life::step()
{
    const unsigned byte = input_.next();
    const unsigned how = input_.next();
    const unsigned side = byte / 128;
    const unsigned what = byte % 128 % (end::operations + outsides);
    if (what >= end::operations)
        return from_outside(what - end::operations, how, side);
    end& e = *ends_[side];
    if (e.peer != nullptr)
        acts_.push_back(run_.start(e.act(what, how)));
}

void life::from_outside(unsigned what, unsigned how, unsigned side)
{
    switch (what) {
    case cancel:
        if (acts_.empty())
            return;
        facts_.cancelled = true;
        return acts_[how % acts_.size()].cancel();
    case pass_time: facts_.lossy = facts_.lossy || how_.timeouts.frame != never; return run_.advance(10ms * how * how);
    case stall: from(side).stalled = !from(side).stalled; return changed();
    case shape:
        from(side).chunk = how_.tls ? 16 + how * 16 : 1 + how;
        from(side).capacity = std::max<std::size_t>(how_.way.capacity, how * 64U);
        return changed();
    case inject: return say(input_.take(how));
    case drain:
        facts_.lossy = true;
        run_.server().drain();
        return run_.poll();
    case break_wire: facts_.lossy = true; return break_somehow(how, side);
    case drop_client:
        if (client_.running() != 0 || !connection_)
            return;
        facts_.lossy = true;
        client_.over();
        connection_.reset();
        return run_.poll();
    case release_handler: return release(how % 2 != 0);
    case delay:
        delayed_ = true;
        from(side).delay = 10ms * how;
        return changed();
    default:
        facts_.lossy = true;
        run_.server().abort();
        run_.poll();
    }
}

// The network says something to the server that the client has not.
void life::say(bytes_view bytes)
{
    auto& d = from(1);
    if (d.ended || d.read_error || d.gone)
        return;
    if (how_.tls)
        facts_.lossy = true;
    else
        carried_[1].insert(d.read + d.bytes.size(), bytes);
    hawser::detail::world_access::peer(run_, link()).send(bytes);
}

void life::break_somehow(unsigned how, unsigned side)
{
    switch (how % 4) {
    case 0: return network_->break_off();
    case 1: from(side).end_after = from(side).read + how; break;
    case 2: from(side).reset_after = from(side).read + how; break;
    default: link()->end(side);
    }
    changed();
}

void life::release(bool throwing)
{
    facts_.lossy = true;
    released_ = true;
    throws_ = throwing;
    gate_.cancel();
    run_.poll();
}

// Both ends read what still comes.
void life::read_on()
{
    for (int rounds = 0; rounds < 3; ++rounds) {
        for (end* e : ends_)
            if (e->peer != nullptr && !e->reading())
                acts_.push_back(run_.start(e->read_all()));
        look();
    }
}

void life::finish()
{
    for (unsigned side = 0; side < 2; ++side) {
        auto& d = from(side);
        d.stalled = false;
        d.chunk = d.capacity = 64 * 1024;
        d.delay = {};
    }
    changed();
    if (delayed_) {
        facts_.lossy = facts_.lossy || how_.timeouts.frame != never;
        run_.advance(3s);
    }
    look();
    for (end* e : ends_)
        e->unit.end();
    read_on();
    for (const end* e : ends_)
        require(facts_.lossy || e->writing() == 0, "each write ends when its peer reads");
    for (end* e : ends_)
        if (e->peer != nullptr)
            acts_.push_back(run_.start(e->act(end::half_closes, 0)));
    read_on();
    for (const end* e : ends_)
        require(facts_.lossy || !e->reading(), "each read ends at the end of the stream");
    for (const carried& c : carried_)
        require(facts_.lossy || c.has_all(), "all that was sent comes");

    if (dialled_)
        network_->break_off();
    for (end* e : ends_)
        if (e->peer != nullptr)
            acts_.push_back(run_.start(e->act(end::closes, 0)));
    release(false);
    run_.steps(32s, 500ms);
    look();
    if (connection_) {
        client_.over();
        connection_.reset();
    }
    run_.settle();
}

int lowest_free_descriptor()
{
    const int fd = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
    ::close(fd);
    return fd;
}

} // namespace
} // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const hawser::tls_server certified = [] {
        fuzz::settle_random();
        return hawser::test::good();
    }();
    fuzz::settle_random();
    fuzz::program input{{reinterpret_cast<const char*>(data), size}};
    const fuzz::setup how{input};
    const int free = fuzz::lowest_free_descriptor();
    fuzz::life{how, input, certified}.live();
    fuzz::require(fuzz::lowest_free_descriptor() == free, "no descriptor is left");
    return 0;
}
