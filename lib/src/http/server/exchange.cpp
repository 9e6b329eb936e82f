// SPDX-License-Identifier: BSL-1.0

// A session that speaks HTTP/1.1: one request after another, each through the handler.
//
//     received --> head --> handler --> finish: end of the response, rest of the body --> the next
//                   |          |
//                   |          `-- threw: a status, or 500 and the end; once anything is sent, the end alone
//                   `-- refused or late: its status, and the end
//
// Each answer is accepted by the connection before the next request is looked at, so that answers keep their order, and
// those to requests that arrived together leave together.
#include "http/server/exchange.hpp"

#include "loop/expiry.hpp"
#include "server/refusing_handler.hpp"

#include <stdexcept>
#include <utility>

namespace hawser::inline v0_1::http {
namespace detail {
namespace {

using hawser::detail::expiry;
using hawser::detail::loop_of;

constexpr bytes_view last_chunk = "0\r\n\r\n";
constexpr std::size_t most_free = 64;           // exchanges kept by a loop for the next requests
constexpr std::size_t largest_kept = 16 * 1024; // capacity of a string in them

void clear(std::string& text) noexcept
{
    text.clear();
    if (text.capacity() > largest_kept)
        std::string{}.swap(text);
}

awaitable<void> serve_requests(std::shared_ptr<const serving> shared, hawser::connection& peer)
{
    exchange_lease lease{peer, *shared};
    for (;;) {
        bytes_view input = peer.buffered();
        if (input.empty()) {
            lease.give_back();
            try {
                co_await peer.wait_for_input(0);
            } catch (const system_error& e) {
                if (e.code() != hawser::errc::idle_timeout) // at which it is closed, and not reset
                    throw;
            }
            input = peer.buffered();
            if (input.empty())
                co_return;
        }
        exchange& x = lease.get();
        progress found = x.parse(input);
        if (found == progress::need_more) {
            found = co_await x.read_head(input.size());
            input = peer.buffered();
        }
        if (found == progress::need_more)
            co_await x.time_out(input);
        if (found == progress::refused)
            co_await x.refuse(input);

        x.begin(input);
        std::exception_ptr thrown;
        try {
            co_await x.handle();
        } catch (...) {
            thrown = std::current_exception();
        }
        if (thrown) [[unlikely]]
            co_await x.handler_threw(std::move(thrown));
        if (!x.finish_now())
            co_await x.finish();
        if (!x.keeps_alive())
            co_return;
        x.done();
    }
}

void expect(bool fits, const char* field, const std::string& value, const char* expected)
{
    if (!fits)
        throw std::invalid_argument{std::string{"serve_options::"} + field + ": expected " + expected + ", got " +
                                    value};
}

std::string shown(duration d)
{
    return std::to_string(std::chrono::duration<double>(d).count()) + " s";
}

void validate(const serve_options& o)
{
    const request_parser checks_limits{o.head};
    expect(o.head_timeout > duration::zero(), "head_timeout", shown(o.head_timeout), "more than 0");
    expect(o.body_timeout > duration::zero(), "body_timeout", shown(o.body_timeout), "more than 0");
    expect(o.body_rate >= 1, "body_rate", std::to_string(o.body_rate), "1 or more");
}

} // namespace

// ---- Heads

awaitable<progress> exchange::read_head(std::size_t have)
{
    unit_ = peer_->begin_unit();
    unit_.allow(never);
    const expiry deadline{loop_of(peer_->get_executor()), serving_->options.head_timeout,
                          [p = peer_] { p->cancel_read(); }};
    while (!deadline.passed()) {
        try {
            co_await peer_->wait_for_input(have);
        } catch (const system_error&) {
            if (!deadline.passed() || peer_->has_failed())
                throw;
            break;
        }
        const bytes_view input = peer_->buffered();
        const progress p = parser_.parse(input);
        if (p != progress::need_more) {
            if (p == progress::refused || !parser_.head().has_body())
                unit_.end();
            co_return p;
        }
        have = input.size();
    }
    co_return progress::need_more;
}

awaitable<void> exchange::refuse(bytes_view input)
{
    const refusal& why = parser_.refusal();
    std::string told = std::to_string(static_cast<unsigned>(why.status)) + ' ' + describe(why);
    co_await end_with(why.status, input, why.words);
    throw hawser::error{errc::request_refused, std::move(told)};
}

awaitable<void> exchange::time_out(bytes_view input)
{
    co_await end_with(status::request_timeout, input, "the header did not arrive in time");
    throw hawser::error{hawser::errc::frame_timeout,
                        "HTTP header not finished in " + shown(serving_->options.head_timeout)};
}

// Answers a request of which no more is known than that it cannot be served.
awaitable<void> exchange::end_with(http::status code, bytes_view input, std::string_view words)
{
    method_ = input.starts_with("HEAD ") ? method::head : method::get;
    minor_version_ = 1;
    body_done_ = true;
    response_.close_ = true;
    pieces rest;
    answer(code, words, rest);
    co_await put(rest);
    co_await peer_->close();
}

// ---- Around the handler

awaitable<void> exchange::handler_threw(std::exception_ptr e)
{
    if (response_.sent_ || peer_->has_failed())
        std::rethrow_exception(std::move(e));
    pieces rest;
    try {
        std::rethrow_exception(e);
    } catch (const status_error& wanted) {
        answer(wanted.code(), wanted.what(), rest);
        e = nullptr;
    } catch (...) {
    }
    if (e)
        co_return co_await fail(std::move(e));
    co_await put(rest);
}

// A handler that cannot go on: the client is told so, and whoever watches the server why.
awaitable<void> exchange::fail(std::exception_ptr e)
{
    pieces rest;
    response_.close_ = true;
    answer(status::internal_server_error, "the server could not answer this request", rest);
    co_await put(rest);
    co_await peer_->close();
    std::rethrow_exception(std::move(e));
}

// A whole response of the server's own.
void exchange::answer(http::status code, std::string_view words, pieces& rest)
{
    reset_response();
    response_.status_ = code;
    fields_.set("Content-Type", "text/plain");
    collected_.assign(words);
    collected_ += '\n';
    send(collected_, rest);
}

// The same as finish(), as far as it needs no wait.
bool exchange::end_response()
{
    if (!response_.sent_ || sent_whole_)
        return false;
    if (framing_ == body_framing::length && written_ != response_.length_)
        throw std::length_error{"HTTP response: " + std::to_string(written_) + " of " +
                                std::to_string(*response_.length_) + " bytes written"};
    sent_whole_ = framing_ != body_framing::chunked || peer_->try_write(last_chunk);
    return sent_whole_ && body_done_;
}

awaitable<void> exchange::finish()
{
    if (!response_.sent_) {
        const std::logic_error why{"an HTTP handler returned without a response"};
        co_await fail(std::make_exception_ptr(why));
    }
    if (!sent_whole_)
        co_await peer_->write(last_chunk);
    sent_whole_ = true;
    if (!body_done_ && keep_alive_)
        co_await drop_body();
}

void exchange::done()
{
    if (reading_) {
        unit_.end();
        reading_ = false;
    }
    collecting_ = false;
    if (const std::size_t n = used_ + std::exchange(held_, 0); n != 0)
        peer_->consume(n);
    parser_.reset();
    body_limit_.reset();
    reset_response();
}

bool exchange::is_torn() const noexcept
{
    const bool begun = response_.sent_ && !sent_whole_ && framing_ != body_framing::none;
    return begun && !(framing_ == body_framing::length && written_ == response_.length_);
}

void exchange::reset_response() noexcept
{
    response_.status_ = status::ok;
    response_.sent_ = false;
    response_.length_.reset();
    fields_.clear();
    sent_whole_ = false;
    written_ = 0;
}

// ---- Exchanges and connections

void exchange::attach(hawser::connection& peer, const serving& s)
{
    peer_ = &peer;
    serving_ = &s;
    const head_limits& wanted = s.options.head;
    const head_limits& has = parser_.limits();
    if (wanted.head != has.head || wanted.fields != has.fields || wanted.target != has.target)
        parser_ = request_parser{wanted};
}

void exchange::detach() noexcept
{
    peer_->answered(is_torn() ? hawser::answer_state::part : hawser::answer_state::whole);
    if (unit_.is_open())
        unit_ = {};
    parser_.reset();
    reset_response();
    response_.close_ = false;
    body_done_ = true;
    in_place_ = reading_ = collecting_ = body_refused_ = continue_due_ = false;
    held_ = 0;
    body_limit_.reset();
    if (out_.capacity() > largest_kept) {
        std::string{}.swap(out_);
        last_.prefix = 0;
    }
    fields_.shrink(largest_kept);
    clear(collected_);
    clear(head_copy_);
    peer_ = nullptr;
}

std::unique_ptr<exchange> exchange_pool::take()
{
    if (free_.empty()) {
        free_.reserve(most_free);
        return std::make_unique<exchange>(dates_);
    }
    std::unique_ptr<exchange> e = std::move(free_.back());
    free_.pop_back();
    return e;
}

void exchange_pool::give(std::unique_ptr<exchange> e) noexcept
{
    e->detach();
    if (free_.size() < most_free)
        free_.push_back(std::move(e));
}

exchange_lease::exchange_lease(hawser::connection& peer, const serving& s)
    : peer_{peer}, serving_{s}, pool_{boost::asio::use_service<exchange_pool>(loop_of(peer.get_executor()).context())}
{}

void exchange_lease::take()
{
    taken_ = pool_.take();
    taken_->attach(peer_, serving_);
}

} // namespace detail

namespace {

// RFC 9110, section 15.6.4. No Date: that is for responses of other classes.
constexpr const char* server_is_full = "HTTP/1.1 503 Service Unavailable\r\n"
                                       "Content-Type: text/plain\r\n"
                                       "Content-Length: 32\r\n"
                                       "Connection: close\r\n"
                                       "\r\n"
                                       "the server has too many clients\n";

} // namespace

status_error::status_error(http::status code, const std::string& words) : std::runtime_error{words}, code_{code}
{
    const auto number = static_cast<unsigned>(code);
    if (number < 400 || number > 599)
        throw field_error{"status_error: expected 400 to 599, got " + std::to_string(number)};
}

std::function<awaitable<void>(hawser::connection&)> serve(handler h, const serve_options& options)
{
    if (!h)
        throw std::invalid_argument{"serve: expected a handler, got an empty function"};
    detail::validate(options);
    auto shared = std::make_shared<const detail::serving>(detail::serving{std::move(h), options});
    return hawser::detail::refusing_handler{
        [shared](hawser::connection& peer) { return detail::serve_requests(shared, peer); }, server_is_full};
}

} // namespace hawser::inline v0_1::http
