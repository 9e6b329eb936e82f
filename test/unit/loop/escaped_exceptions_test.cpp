// SPDX-License-Identifier: BSL-1.0

// What throws on a loop beside its sessions: every server's observer is told, and the loop goes on.
#include <hawser/observer.hpp>

#include <hawser/connect.hpp>
#include <hawser/runtime.hpp>
#include <hawser/server.hpp>

#define BOOST_TEST_MODULE escaped_exceptions
#include <boost/test/unit_test.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace hawser;
using namespace std::chrono_literals;

namespace {

class told final : public observer
{
public:
    void exception_escaped(std::string_view what) noexcept override
    {
        const std::lock_guard lock{mutex_};
        all_.emplace_back(what);
    }
    std::vector<std::string> all() const
    {
        const std::lock_guard lock{mutex_};
        return all_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> all_;
};

using words = std::vector<std::string>;

struct served_runtime {
    hawser::runtime runtime{{.loops = 1}};
    std::shared_ptr<told> first = std::make_shared<told>();
    std::shared_ptr<told> second = std::make_shared<told>();
    server one{runtime, {.observer = first}};
    std::optional<server> another{std::in_place, runtime, server_options{.observer = second}};

    served_runtime() { runtime.start(); }

    // Until what was posted before this call has run; false: the loop no longer runs anything.
    bool turned() const
    {
        std::promise<void> reached;
        boost::asio::post(runtime.executor(), [&reached] { reached.set_value(); });
        return reached.get_future().wait_for(10s) == std::future_status::ready;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_posted_function_that_throws_is_told_to_each_servers_observer_once_and_the_loop_goes_on)
{
    served_runtime run;
    boost::asio::post(run.runtime.executor(), [] { throw std::runtime_error{"the first"}; });
    boost::asio::post(run.runtime.executor(), [] { throw std::logic_error{"the second"}; });
    boost::asio::post(run.runtime.executor(), [] { throw 3; });
    BOOST_TEST_REQUIRE(run.turned());
    const words expected{"the first", "the second", "something that is not a std::exception"};
    BOOST_TEST((run.first->all() == expected));
    BOOST_TEST((run.second->all() == expected));
}

BOOST_AUTO_TEST_CASE(a_server_that_has_gone_is_told_no_more)
{
    served_runtime run;
    run.another.reset();
    boost::asio::post(run.runtime.executor(), [] { throw std::runtime_error{"later"}; });
    BOOST_TEST_REQUIRE(run.turned());
    BOOST_TEST((run.first->all() == words{"later"}));
    BOOST_TEST(run.second->all().empty());
}

BOOST_AUTO_TEST_CASE(a_completion_handler_that_throws_is_told_whatever_completed)
{
    served_runtime run;
    run.one.listen("tcp://127.0.0.1:0", [](connection& c) -> awaitable<void> {
        co_await c.write_frame("x");
        co_await c.read_frame();
    });
    std::promise<void> over;
    std::array<char, 1> into{};
    std::optional<connection> client;
    const auto read = [&]() -> awaitable<void> {
        client = co_await connect(run.one.endpoints().front());
        client->async_read_some(boost::asio::buffer(into),
                                [](const error_code&, std::size_t) { throw std::runtime_error{"from a read"}; });
    };
    run.runtime.spawn(read(), [&](std::exception_ptr) {
        auto timer = std::make_shared<boost::asio::steady_timer>(run.runtime.executor(), 1ms);
        timer->async_wait([&, timer](const error_code&) {
            over.set_value();
            throw std::runtime_error{"from a timer"};
        });
        throw std::runtime_error{"from the end of a coroutine"};
    });
    BOOST_TEST_REQUIRE((over.get_future().wait_for(10s) == std::future_status::ready));
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (run.first->all().size() < 3 && std::chrono::steady_clock::now() < limit)
        BOOST_TEST_REQUIRE(run.turned());
    words all = run.first->all();
    std::sort(all.begin(), all.end());
    BOOST_TEST((all == words{"from a read", "from a timer", "from the end of a coroutine"}));
    std::promise<void> closed;
    boost::asio::post(run.runtime.executor(), [&] {
        client.reset();
        closed.set_value();
    });
    BOOST_TEST_REQUIRE((closed.get_future().wait_for(10s) == std::future_status::ready));
}

BOOST_AUTO_TEST_CASE(that_more_functions_threw_than_the_one_whose_words_are_known_is_told)
{
    served_runtime run;
    boost::asio::post(run.runtime.executor(), [&] {
        const auto here = run.runtime.executor();
        boost::asio::dispatch(here, [] { throw std::runtime_error{"the first"}; });
        boost::asio::dispatch(here, [] { throw std::runtime_error{"the second"}; });
        boost::asio::dispatch(here, [] { throw std::runtime_error{"the third"}; });
    });
    BOOST_TEST_REQUIRE(run.turned());
    BOOST_TEST((run.first->all() ==
                words{"the first", "one or more that came with the one before, of which nothing more is known"}));
}

BOOST_AUTO_TEST_CASE(the_default_observer_writes_a_line_that_no_exception_can_break)
{
    std::vector<std::string> lines;
    log_observer log{[&lines](std::string_view line) { lines.emplace_back(line); }};
    log.exception_escaped("two\nlines");
    BOOST_TEST((lines == words{"an exception escaped to a loop, which goes on: two\\x0alines"}));
}
