// SPDX-License-Identifier: BSL-1.0

// How a handler reads a request's body, and what becomes of one that it does not read.
#include "http/server/exchange.hpp"

#include "loop/expiry.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace hawser::inline v0_1::http {
namespace detail {
namespace {

using hawser::detail::loop_of;

constexpr bytes_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

} // namespace

// Once for each request with a body, before its handler.
void exchange::begin_body(bytes_view input)
{
    const request_head& head = parser_.head();
    body_refused_ = false;
    const std::size_t came = input.size() - head.size();
    if (const auto length = head.content_length(); length && *length <= came) {
        in_place_ = true;
        continue_due_ = false;
        body_ = input.substr(head.size(), static_cast<std::size_t>(*length));
        used_ += body_.size();
        unit_.end();
        return;
    }
    body_done_ = false;
    continue_due_ = head.expects_continue() && came == 0;
    head_copy_.assign(input.data(), head.size());
    if (!unit_.is_open()) // which the head alone is not
        unit_ = peer_->begin_unit();
    peer_->consume(std::exchange(used_, 0));
    parser_.rebase(head_copy_.data());
}

std::optional<bytes_view> exchange::take_in_place()
{
    if (body_.size() > body_limit_.value_or(serving_->options.max_body)) {
        refusal why;
        why.status = status::content_too_large;
        why.words = "the body is longer than this server takes";
        refuse_body(why);
    }
    if (body_.empty())
        return std::nullopt;
    return std::exchange(body_, {});
}

// The rest of the connection's input cannot be told from a request.
void exchange::refuse_body(const refusal& why)
{
    body_refused_ = true;
    throw status_error{why.status, std::string{why.words}};
}

// Says whether the client has to be told to send it, which it is once that has been written.
bool exchange::begin_reading(std::uint64_t limit)
{
    if (body_done_)
        return false;
    if (!reading_)
        start_reading(limit);
    if (continue_due_ && response_.sent_)
        throw std::logic_error{"an HTTP handler reads a body that the client keeps back, after the response"};
    return continue_due_;
}

void exchange::start_reading(std::uint64_t limit)
{
    reading_ = true;
    decoder_.start(parser_.head(), limit, serving_->options.head);
    if (decoder_.next({}).state == body_state::refused)
        refuse_body(decoder_.refusal());
}

awaitable<void> exchange::say_continue()
{
    co_await peer_->write(go_on);
    continue_due_ = false;
}

// Takes a step on what has come of the body; false: more has to come.
bool exchange::take(bytes_view input, body_step& step)
{
    step = decoder_.next(input);
    switch (step.state) {
    case body_state::data: held_ = step.consumed; return true;
    case body_state::need_more:
        if (step.consumed != 0)
            peer_->consume(step.consumed);
        return false;
    case body_state::done:
        if (step.consumed != 0)
            peer_->consume(step.consumed);
        body_done_ = true;
        return true;
    case body_state::refused: break;
    }
    refuse_body(decoder_.refusal());
}

// What a body of which so much has come may take.
duration exchange::time_for_body() const noexcept
{
    const serve_options& o = serving_->options;
    if (o.body_timeout == never)
        return never;
    const double seconds = static_cast<double>(decoder_.received()) / static_cast<double>(o.body_rate);
    constexpr double longest = 1e9;
    const std::chrono::duration<double> earned{std::min(seconds, longest)};
    return o.body_timeout + std::chrono::duration_cast<duration>(earned);
}

// The slowest client that is waited for: counted from the first read of the body.
void exchange::allow_time()
{
    unit_.allow(time_for_body());
}

// Before each read: gives back the piece that was handed out.
void exchange::drop_piece()
{
    if (held_ != 0)
        peer_->consume(std::exchange(held_, 0));
}

awaitable<std::optional<bytes_view>> exchange::read_some()
{
    if (in_place_)
        co_return take_in_place();
    if (begin_reading(body_limit_.value_or(serving_->options.max_body)))
        co_await say_continue();
    if (std::exchange(collecting_, false) && !collected_.empty())
        co_return collected_;
    drop_piece();
    bytes_view input = peer_->buffered();
    body_step step;
    while (!body_done_ && !take(input, step)) {
        allow_time();
        const std::optional<bytes_view> more = co_await peer_->fill(0);
        input = *more; // within a unit, the end is an error
    }
    if (body_done_)
        co_return std::nullopt;
    co_return step.data;
}

// The same, without a coroutine for each piece. Cancelled, it keeps what it has for the next read.
awaitable<bytes_view> exchange::read_all()
{
    if (in_place_)
        co_return take_in_place().value_or(bytes_view{});
    if (begin_reading(body_limit_.value_or(serving_->options.max_body)))
        co_await say_continue();
    if (!std::exchange(collecting_, true))
        collected_.clear();
    drop_piece();
    bytes_view input = peer_->buffered();
    while (!body_done_) {
        body_step step;
        if (take(input, step)) {
            collected_ += step.data;
            drop_piece();
            input = peer_->buffered();
            continue;
        }
        allow_time();
        const std::optional<bytes_view> more = co_await peer_->fill(0);
        input = *more;
    }
    collecting_ = false;
    co_return collected_;
}

bool exchange::leaves_too_much() const noexcept
{
    if (body_done_)
        return false;
    const std::uint64_t left = reading_ ? decoder_.remaining() : parser_.head().content_length().value_or(0);
    return continue_due_ || left > serving_->options.max_unread_body;
}

// What the handler has left of the body, so that the next request can be found; or the end of the connection, which is
// never that of the response, of which a slow client may still have to get the most. That is why a body that is late
// ends this wait and not, as the connection's own deadline would, the connection.
awaitable<void> exchange::drop_body()
{
    const bool found = !leaves_too_much();
    keep_alive_ = false;
    if (!found)
        co_return;
    try {
        if (!reading_)
            start_reading(serving_->options.max_unread_body);
        unit_.allow(never);
        const time_point begin = loop_of(peer_->get_executor()).now();
        const std::uint64_t most = decoder_.received() + serving_->options.max_unread_body;
        drop_piece();
        bytes_view input = peer_->buffered();
        while (!body_done_ && decoder_.received() <= most) {
            body_step step;
            if (take(input, step)) {
                drop_piece();
                input = peer_->buffered();
                continue;
            }
            const auto more = co_await read_in_time(begin);
            if (!more)
                co_return;
            input = *more;
        }
        keep_alive_ = body_done_;
    } catch (const status_error&) { // not framed as it says, or too long
    }
}

// More of the connection's input; nothing if the peer has ended it, or what the body may take since `begin` has passed.
awaitable<std::optional<bytes_view>> exchange::read_in_time(time_point begin)
{
    const duration all = time_for_body();
    hawser::detail::loop& on = loop_of(peer_->get_executor());
    const duration left = all == never ? never : all - (on.now() - begin);
    const hawser::detail::expiry deadline{on, left, [p = peer_] { p->cancel_read(); }};
    try {
        co_return co_await peer_->fill(0);
    } catch (const system_error& e) {
        if (peer_->has_failed() || (!deadline.passed() && e.code() != hawser::errc::unexpected_end))
            throw;
    }
    co_return std::nullopt;
}

} // namespace detail

hawser::connection& request::peer() const noexcept
{
    return exchange_.peer();
}

void request::limit_body(std::uint64_t bytes) noexcept
{
    exchange_.limit_body(bytes);
}

awaitable<std::optional<bytes_view>> request::read_some()
{
    return exchange_.read_some();
}

awaitable<bytes_view> request::read_all()
{
    return exchange_.read_all();
}

} // namespace hawser::inline v0_1::http
