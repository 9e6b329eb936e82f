#include "scenario.hpp"

#include "session.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <exception>

namespace hawser::test {
namespace {

template <class F>
std::string words_of(const std::exception_ptr& error, F&& of_system_error)
{
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        return of_system_error(e);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "something that is not a std::exception";
    }
}

} // namespace

// ---- task

template <class T>
void task<T>::rethrow() const
{
    if (state_->error != nullptr)
        std::rethrow_exception(state_->error);
}

template <class T>
std::string task<T>::outcome() const
{
    if (!done())
        return "suspended";
    if (state_->error == nullptr)
        return "done";
    return words_of(state_->error, [](const system_error& e) { return symbol(e.code()); });
}

template <class T>
std::string task<T>::what() const
{
    return state_->error == nullptr ? std::string{}
                                    : words_of(state_->error, [](const system_error& e) { return e.what(); });
}

template <class T>
void task<T>::cancel(boost::asio::cancellation_type type)
{
    state_->signal.emit(type);
    run_->poll();
}

std::string text(const task<std::optional<bytes_view>>& read)
{
    if (read.outcome() != "done")
        return read.outcome();
    return read.value() ? std::string{*read.value()} : "(nothing)";
}

// ---- peer

void peer::go()
{
    link_->changed();
    run_->poll();
}

void peer::send(bytes_view bytes)
{
    send_later(bytes);
    go();
}

void peer::send_later(bytes_view bytes)
{
    in().bytes.append(bytes);
    link_->changed();
}

void peer::end()
{
    in().ended = true;
    go();
}

void peer::reset()
{
    in().read_error = boost::asio::error::connection_reset;
    out().write_error = boost::asio::error::connection_reset;
    go();
}

void peer::stall_input(bool stalled)
{
    in().stalled = stalled;
    go();
}

std::string peer::received()
{
    return received(waiting());
}

std::string peer::received(std::size_t n)
{
    std::string taken = out().bytes.substr(0, n);
    out().bytes.erase(0, taken.size());
    go();
    return taken;
}

void peer::capacity(std::size_t bytes)
{
    out().capacity = bytes;
    go();
}

void peer::chunks(std::size_t bytes)
{
    in().chunk = bytes;
}

// ---- scenario

scenario::scenario()
    : runtime_{std::make_unique<hawser::runtime>(runtime_options{.loops = 1, .blocked_after = never, .time = &time})}
{}

scenario::~scenario() = default;

void scenario::advance(duration by)
{
    time.advance(by);
    poll();
}

void scenario::steps(duration by, duration step)
{
    for (duration gone{}; gone < by; gone += step)
        advance(std::min(step, by - gone));
}

template <class T>
task<T> scenario::start(awaitable<T> work)
{
    auto state = std::make_shared<typename task<T>::state>();
    auto slot = state->signal.slot();
    const boost::asio::any_io_executor on{loop().executor()};
    if constexpr (std::is_void_v<T>) {
        boost::asio::co_spawn(on, std::move(work),
                              boost::asio::bind_cancellation_slot(slot, [state](std::exception_ptr e) {
                                  state->done = true;
                                  state->error = std::move(e);
                                  state->value = true;
                              }));
    } else {
        boost::asio::co_spawn(on, std::move(work),
                              boost::asio::bind_cancellation_slot(slot, [state](std::exception_ptr e, T value) {
                                  state->done = true;
                                  state->error = std::move(e);
                                  state->value.emplace(std::move(value));
                              }));
    }
    poll();
    return {*this, std::move(state)};
}

std::pair<connection, peer> scenario::connect(const detail::settings& settings)
{
    auto link = std::make_shared<detail::memory_link>(loop());
    return {detail::core_access::make(new detail::core{
                loop(), detail::memory_stream{link, 0}, std::make_shared<const detail::settings>(settings), {}}),
            peer{*this, link}};
}

std::pair<connection, connection> scenario::connect_pair(const detail::settings& settings)
{
    auto [a, b, link] = connect_both(settings);
    return {std::move(a), std::move(b)};
}

std::tuple<connection, connection, std::shared_ptr<detail::memory_link>>
scenario::connect_both(const detail::settings& settings)
{
    auto link = std::make_shared<detail::memory_link>(loop());
    const auto shared = std::make_shared<const detail::settings>(settings);
    return {detail::core_access::make(new detail::core{loop(), detail::memory_stream{link, 0}, shared, {}}),
            detail::core_access::make(new detail::core{loop(), detail::memory_stream{link, 1}, shared, {}}), link};
}

// What start() is compiled for, here and not in each test.
template class task<void>;
template class task<std::size_t>;
template class task<std::optional<bytes_view>>;
template class task<std::optional<frames>>;
template task<void> scenario::start(awaitable<void>);
template task<std::size_t> scenario::start(awaitable<std::size_t>);
template task<std::optional<bytes_view>> scenario::start(awaitable<std::optional<bytes_view>>);
template task<std::optional<frames>> scenario::start(awaitable<std::optional<frames>>);

// ---- server_scenario

server_scenario::server_scenario(server_options options)
    : recorder_{std::make_shared<recorder>()}, options_{std::move(options)}
{
    options_.observer = recorder_;
    server_ = std::make_unique<hawser::server>(runtime(), options_);
}

server_scenario::~server_scenario()
{
    end_runtime();
}

peer server_scenario::open(session_handler handler, const hawser::framing& framing)
{
    return open(std::move(handler), framing, {});
}

peer server_scenario::open(session_handler handler, bytes_view sent)
{
    return open(std::move(handler), framing::u32_be, sent);
}

peer server_scenario::open(session_handler handler, const hawser::framing& framing, bytes_view sent)
{
    detail::socket_address from{};
    from.v4.sin_family = AF_INET;
    from.v4.sin_port = htons(next_port_++);
    from.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const detail::address address{from, sizeof from.v4};

    detail::server_core& core = server_->core();
    const detail::settings settings{.framing = framing,
                                    .timeouts = options_.timeouts,
                                    .data_limit = options_.limits.received_per_connection.value_or(~std::uint64_t{0}),
                                    .high_water = options_.limits.output_high_water,
                                    .low_water = options_.limits.output_low_water};
    core.doors().take();
    core.doors().enter(address.limit_key());
    core.counts.accepted.fetch_add(1);
    detail::loop& on = core.choose_loop();
    auto link = std::make_shared<detail::memory_link>(on);
    peer other{*this, link};
    other.send_later(sent);
    detail::session::start(on,
                           std::make_shared<detail::service>(
                               detail::service{std::move(handler), std::make_shared<const detail::settings>(settings),
                                               core.shared_from_this(), endpoint{"tcp://127.0.0.1:7000"}}),
                           detail::any_stream{detail::memory_stream{link, 0}}, address);
    poll();
    return other;
}

std::string server_scenario::last_end() const
{
    if (recorder_->ends.empty())
        return {};
    const session_end& end = recorder_->ends.back();
    std::string text = to_string(end.reason);
    if (end.error)
        text += ": " + symbol(end.error);
    else if (!end.what.empty())
        text += ": " + end.what;
    return text;
}

std::string frame(bytes_view payload)
{
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>(static_cast<unsigned char>(payload.size() >> shift));
    return bytes.append(payload);
}

} // namespace hawser::test
