// SPDX-License-Identifier: BSL-1.0

// Random lives of a session, over TLS and without, whose connection a second coroutine shares: it closes, half-closes,
// resets, posts, writes, and cancels the handler's reads, at any moment, while the handler holds what it has read.
//
// A view says what it said at first until the next read. No byte of the client's is lost, doubled or out of its place,
// whichever reads were cancelled. What was accepted for output arrives, once and in order, however the connection was
// ended but for a reset. Every operation completes, and nothing is left.
//
// Prints the seed of a life that fails; give it as LIVES_SEED to live it alone.
#include <hawser/connection.hpp>

#include "companions.hpp"
#include "moments.hpp"
#include "numbered_writes.hpp"
#include "random_reader.hpp"
#include "scenario.hpp"
#include "temper.hpp"
#include "test_certificate.hpp"

#define BOOST_TEST_MODULE lives
#include <boost/test/unit_test.hpp>

#include <sys/socket.h>

#include <cstdlib>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace std::chrono_literals;

namespace {

constexpr unsigned lives = 100; // of each kind

const timeouts no_timeouts{.handshake = never, .idle = never, .frame = never, .write = never, .drain = never};

enum class kind : std::uint8_t { plain, tls };

class life
{
public:
    life(std::uint64_t seed, kind of)
        : random_{seed}, tls_{of == kind::tls},
          format_{!temper_.torn() && some(2) == 0 ? framing::u32_be : framing::lines}, run_{some_options()}
    {}
    life(const life&) = delete;
    life& operator=(const life&) = delete;
    ~life()
    {
        client_.reset();
        run_.end_runtime(); // should something be suspended: what it uses is still there
    }

    void live()
    {
        connect();
        for (unsigned steps = 10 + some(60); steps > 0; --steps)
            step();
        finish();
        judge();
    }

private:
    unsigned some(unsigned below) { return below == 0 ? 0 : static_cast<unsigned>(random_() % below); }
    std::size_t some_below(std::size_t n) { return some(static_cast<unsigned>(n)); }
    server_options some_options()
    {
        const std::size_t high = std::size_t{1} << (1 + some(temper_.crowded() ? 5 : 14));
        const limits output{.output_high_water = high, .output_low_water = some_below(high)};
        return {.limits = output, .timeouts = no_timeouts};
    }

    // ---- The session's handler, and its client

    void connect()
    {
        listen_options how{.framing = format_};
        connect_options with{.framing = format_, .timeouts = no_timeouts, .limits = {.output_high_water = 1U << 30}};
        if (tls_) {
            static const tls_server shown = good();
            how.tls = shown;
            with.tls.ca = root().certificate();
        }
        auto dialled = run_.start(run_.dial([this](connection& c) { return serve(c); }, how, with));
        BOOST_TEST_REQUIRE(dialled.outcome() == "done");
        client_.emplace(dialled.take());
        network_.emplace(run_.last_wire());
        client_reads_ = run_.start(take(*client_));
        if (tls_) {
            const int little = 1;
            const int fd = detail::core_access::get(*session_).descriptor();
            BOOST_TEST_REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little) == 0);
        }
        change_network();
    }

    awaitable<void> serve(connection& c)
    {
        session_ = &c;
        handle_ = c.handle();
        struct leaving {
            life& of;
            ~leaving() { of.session_ = nullptr; }
        } const at_the_end{*this};
        try {
            co_await serve_until_the_end(c);
            end_ = "completed";
        } catch (const system_error& e) {
            end_ = "failed: " + symbol(e.code());
            throw;
        } catch (const std::exception& e) {
            end_ = e.what();
            throw;
        }
    }

    awaitable<void> serve_until_the_end(connection& c)
    {
        for (;;) {
            const bool more = co_await reader_.read(c);
            if (!more)
                co_return;
            for (unsigned holds = some(temper_.torn() ? 2 : 4); holds > 0; --holds)
                co_await reader_.hold();
            if (some(3) == 0)
                co_await write_unless_refused(c);
            reader_.look_at_views();
        }
    }

    awaitable<void> write_unless_refused(connection& c)
    {
        try {
            co_await write(c);
        } catch (const system_error&) { // the second coroutine has ended the output
        }
    }

    awaitable<void> write(connection& c)
    {
        return writes_.write(c, static_cast<numbered_writes::how>(some(numbered_writes::hows)), some_size(20'000));
    }
    std::size_t some_size(unsigned largest) { return some(some(6) == 0 ? largest : 100); }

    // It reads on when it is let.
    awaitable<void> take(connection& c)
    {
        while (const auto frame = co_await c.read_frame()) {
            writes_.arrived(*frame);
            while (client_pauses_)
                co_await resumed_.next();
        }
    }

    // ---- The second coroutine

    // When the handler has gone on so often, and then a little later.
    awaitable<void> do_later(unsigned times, unsigned turns, deed what)
    {
        for (; times > 0; --times)
            co_await reader_.began.next();
        co_await some_turns(turns);
        if (session_ != nullptr)
            co_await act(*session_, what);
    }

    awaitable<void> act(connection& c, deed what)
    {
        switch (what) {
        case deed::close: closes_ = true; return c.close();
        case deed::half_close: return c.half_close();
        case deed::write: return write(c);
        case deed::flush: return c.flush();
        case deed::closed: return c.closed();
        default: act_at_once(c, what); return some_turns(0);
        }
    }

    void act_at_once(connection& c, deed what)
    {
        switch (what) {
        case deed::reset:
            lossy_ = true;
            c.reset();
            break;
        case deed::throws:
            lossy_ = true;
            handle_.post([](connection&) { throw std::runtime_error{"posted"}; });
            break;
        case deed::post: handle_.post([this](connection& of) { posted(of); }); break;
        case deed::cancel_read: reader_.cancel_read(); break;
        case deed::end_race: reader_.end_race(); break;
        case deed::end_hold: reader_.end_hold(); break;
        case deed::cancel_another: companions_.cancel(some_below(companions_.count())); break;
        default: pause_client(!client_pauses_); break;
        }
    }

    void posted(connection& of)
    {
        try {
            if (temper_.patient() || some(8) != 0)
                return writes_.try_write(of, some_size(1000));
            closes_ = true;
            companions_.begin(of.close());
        } catch (const system_error&) { // the output has ended
        }
    }

    void pause_client(bool pauses)
    {
        client_pauses_ = pauses && !finishes_;
        resumed_.happens();
    }

    // ---- The course of a life

    void step()
    {
        for (unsigned deeds = some(temper_.crowded() ? 8 : 4); deeds > 0; --deeds)
            companions_.begin(do_later(some(4), some(4), temper_.some_deed()));
        if (some(2) == 0)
            offer();
        switch (some(12)) {
        case 0: change_network(); break;
        case 1: pass_time(); break;
        case 2: stop_server(); break;
        case 3: reset_client(); break;
        case 4: reader_.end_hold(); break;
        case 5: let_all_arrive(); break;
        default: break;
        }
        run_.poll();
    }

    void change_network()
    {
        network_->inbound(some_path());
        network_->outbound(some_path());
    }
    path some_path()
    {
        return {.chunk = 1 + some(some(8) == 0 ? 60 : 8000),
                .capacity = 1 + some(some(8) == 0 ? 300 : 20'000),
                .stalled = some(6) == 0};
    }

    // Whoever waits for room gets it then.
    void let_all_arrive()
    {
        network_->inbound({});
        network_->outbound({});
        pause_client(false);
        run_.poll();
        BOOST_TEST_REQUIRE(writes_.waiting() == 0u);
    }

    // What ends waits for its client no longer than it may be silent.
    void pass_time()
    {
        if (session_ != nullptr && session_->state() == connection_state::open && !closes_)
            run_.advance(duration{1s} * some(10) / 4);
    }

    void stop_server()
    {
        if (temper_.patient() || some(20) != 0)
            return;
        drains_ = true;
        run_.server().drain();
    }

    void reset_client()
    {
        if (temper_.patient() || some(30) != 0)
            return;
        lossy_ = true;
        client_->reset();
    }

    // The client sends frames, in pieces of any size; now and then more of them than one turn has.
    void offer()
    {
        const bool many = some(8) == 0;
        for (unsigned frames = some(many ? 200 : 4); frames > 0; --frames)
            sent_.add(std::string(some(!many && some(8) == 0 ? 20'000
                                       : some(2) == 0        ? 4
                                                             : 40),
                                  static_cast<char>('a' + some(26))));
        const std::size_t rest = sent_.size() - offered_;
        send(!temper_.torn() && some(2) == 0 ? rest : some_below(rest));
    }

    void send(std::size_t n)
    {
        if (client_ended_ || n == 0)
            return;
        try {
            client_->try_write(bytes_view{sent_.bytes()}.substr(offered_, n));
            offered_ += n;
        } catch (const system_error&) { // the session has gone
            client_ended_ = true;
        }
    }

    void end_client()
    {
        send(sent_.size() - offered_);
        if (!std::exchange(client_ended_, true))
            companions_.begin(client_->half_close());
        run_.poll();
    }

    // The client ends, before it has read all or after that; the handler is kept by nobody, and ends by itself.
    void finish()
    {
        finishes_ = true;
        if (temper_.patient() || some(3) == 0)
            end_while_output_waits();
        if (some(2) == 0)
            end_client();
        let_all_arrive();
        end_client();
        for (unsigned turns = 0; turns < 100'000 && session_ != nullptr; ++turns) {
            reader_.let_go();
            run_.poll();
        }
        companions_.begin(client_->close());
        run_.steps(3s, 250ms);
        client_.reset();
        for (int waits = 0; waits < 4; ++waits) { // for a moment of the handler's
            reader_.began.happens();
            run_.poll();
        }
    }

    // One half-closes, and another closes.
    void end_while_output_waits()
    {
        network_->outbound({.capacity = 1 + some(300), .stalled = true});
        if (session_ != nullptr)
            companions_.begin(writes_.write(*session_, numbered_writes::how::frame, 20'000));
        run_.poll();
        companions_.begin(do_later(0, some(4), deed::half_close));
        companions_.begin(do_later(0, some(4), deed::close));
        run_.poll();
    }

    void judge()
    {
        BOOST_TEST_REQUIRE(session_ == nullptr);
        BOOST_TEST_REQUIRE(companions_.all_done());
        BOOST_TEST_REQUIRE(client_reads_->done());
        BOOST_TEST_REQUIRE(run_.settle().to_string() == "nothing");
        BOOST_TEST_REQUIRE((end_ == "completed" || end_.starts_with("failed: ") || (lossy_ && end_ == "posted")), end_);
        if (lossy_)
            return;
        BOOST_TEST_REQUIRE(client_reads_->outcome() == "done");
        writes_.judge();
        if (end_ == "failed: connection_closed") // inside a unit
            BOOST_TEST_REQUIRE((closes_ && sent_.taken() != offered_));
        else
            BOOST_TEST_REQUIRE(end_ == "completed");
        if (!closes_ && !drains_)
            BOOST_TEST_REQUIRE(sent_.taken() == sent_.size());
        BOOST_TEST_REQUIRE(run_.last_end() == end_);
    }

    std::mt19937_64 random_;
    const bool tls_;
    temper temper_{[this](unsigned n) { return some(n); }};
    const framing format_;
    scenario run_;

    std::optional<connection> client_;
    std::optional<wire> network_;
    std::optional<task<void>> client_reads_;
    sent_stream sent_{format_};
    std::size_t offered_ = 0; // of it, to the client's connection
    bool client_ended_ = false;
    bool client_pauses_ = false;
    bool finishes_ = false;
    moments resumed_{run_.loop()};

    connection* session_ = nullptr; // while its handler runs
    connection_handle handle_;
    random_reader reader_{run_.loop(), sent_, format_ == framing::lines, [this](unsigned n) { return some(n); }};
    numbered_writes writes_;
    std::string end_; // of the handler

    companions companions_{run_.loop()};
    bool closes_ = false;
    bool drains_ = false;
    bool lossy_ = false; // something was reset or failed: what was under way may be lost
};

void live(kind of)
{
    if (const char* const seed = std::getenv("LIVES_SEED"))
        return life{std::strtoull(seed, nullptr, 10), of}.live();
    const std::uint64_t first = std::random_device{}();
    for (std::uint64_t seed = first; seed < first + lives; ++seed)
        BOOST_TEST_CONTEXT("LIVES_SEED=" << seed << ", life " << seed - first + 1)
        {
            life{seed, of}.live();
        }
}

} // namespace

BOOST_AUTO_TEST_CASE(whatever_a_second_coroutine_does_each_life_ends_with_everything_accounted_for)
{
    live(kind::plain);
}

BOOST_AUTO_TEST_CASE(and_so_it_does_over_tls)
{
    live(kind::tls);
}
