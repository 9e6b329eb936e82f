// SPDX-License-Identifier: BSL-1.0

// How a response goes out: composed in one reused buffer, and accepted by the connection at once whenever there is
// room.
#include "http/server/exchange.hpp"

#include <algorithm>
#include <ctime>
#include <stdexcept>

namespace hawser::inline v0_1::http {
namespace detail {
namespace {

constexpr std::size_t copied_most = 4 * 1024;   // a body up to this size joins its head in one piece
constexpr std::size_t at_once_most = 64 * 1024; // a larger one goes out as the high-water mark admits

std::int64_t seconds_now() noexcept
{
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

} // namespace

// Whether the connection goes on after this response. At drain its last request is the one behind which nothing has
// come: whoever sent more was told nothing yet, and is answered.
bool exchange::lives_on() noexcept
{
    if (response_.close_ || body_refused_ || framing_ == body_framing::until_close || leaves_too_much())
        return false;
    if (!parser_.head().keep_alive())
        return false;
    return !peer_->draining() || peer_->has_more_than(used_ + held_);
}

// Into out_, alone.
void exchange::compose_head(std::optional<std::uint64_t> length)
{
    const http::status code = response_.status_;
    framing_ = framing_of_response(method_, minor_version_, code, length);
    keep_alive_ = lives_on();
    const composed_head::prefix_of from{code, seconds_now(), fields_.version(), fields_.text().size()};
    const composed_head::rest_of with{length, framing_, keep_alive_, minor_version_};
    const bool begins_alike = last_.prefix != 0 && from == last_.from;
    if (begins_alike && with == last_.with) {
        out_.resize(last_.size);
    } else {
        const std::size_t kept = begins_alike ? last_.prefix : 0;
        last_.prefix = 0; // should an exception leave less
        out_.resize(kept);
        last_.prefix = compose_rest(with, begins_alike ? kept : compose_prefix(from));
    }
    response_.sent_ = true;
}

std::size_t exchange::compose_prefix(const composed_head::prefix_of& from)
{
    append_status_line(out_, from.code);
    out_ += dates_.line(from.second);
    out_ += fields_.text();
    last_.from = from;
    return out_.size();
}

std::size_t exchange::compose_rest(const composed_head::rest_of& with, std::size_t prefix)
{
    if (!with.keep_alive || with.minor_version == 0)
        append_connection(out_, with.keep_alive);
    append_framing(out_, with.framing, last_.from.code, with.length);
    end_head(out_);
    last_.with = with;
    last_.size = out_.size();
    return prefix;
}

// Where there is none, nothing but the head goes out, and its length is that of the answer to a GET: not comparable.
bool exchange::sends_body() const noexcept
{
    return framing_of_response(method_, minor_version_, response_.status_, response_.length_) != body_framing::none;
}

bool exchange::send(bytes_view body, pieces& rest)
{
    response_.check_unsent();
    if (response_.length_ && *response_.length_ != body.size() && sends_body())
        throw std::length_error{"HTTP response: a body of " + std::to_string(body.size()) + " bytes, and " +
                                std::to_string(*response_.length_) + " announced"};
    std::optional<std::uint64_t> length = response_.length_;
    if (!length && response_.status_ != status::not_modified)
        length = body.size();
    compose_head(length);
    sent_whole_ = true;
    if (framing_ == body_framing::none)
        body = {};
    if (body.size() <= copied_most) {
        out_ += body;
        body = {};
    }
    rest = {out_, body, {}};
    return put_now(rest);
}

bool exchange::write(bytes_view piece, pieces& rest)
{
    if (response_.sent_ && sent_whole_)
        throw std::logic_error{"HTTP response: written to after it was sent whole"};
    if (response_.length_ && sends_body() && piece.size() > *response_.length_ - written_)
        throw std::length_error{"HTTP response: " + std::to_string(written_ + piece.size()) + " bytes written of " +
                                std::to_string(*response_.length_)};
    if (response_.sent_) {
        out_.clear();
        last_.prefix = 0;
    } else {
        compose_head(response_.length_);
    }
    written_ += piece.size();
    rest = {};
    if (framing_ == body_framing::none || piece.empty()) {
        rest.first = out_;
    } else if (framing_ == body_framing::chunked && piece.size() <= copied_most) {
        append_chunk(out_, piece);
        rest.first = out_;
    } else if (framing_ == body_framing::chunked) {
        char head[max_chunk_head];
        out_.append(head, encode_chunk_head(head, piece.size()));
        rest = {out_, piece, "\r\n"};
    } else {
        rest = {out_, piece, {}};
    }
    return put_now(rest);
}

// Accepts the pieces one after another, as far as there is room.
bool exchange::put_now(pieces& rest)
{
    if (rest.second.size() > at_once_most)
        return false;
    for (bytes_view* piece : {&rest.first, &rest.second, &rest.third}) {
        if (!piece->empty() && !peer_->try_write(*piece))
            return false;
        *piece = {};
    }
    return true;
}

awaitable<void> exchange::put(pieces rest)
{
    for (const bytes_view piece : {rest.first, rest.second, rest.third})
        if (!piece.empty())
            co_await peer_->write(piece);
}

} // namespace detail

void response::check_unsent() const
{
    if (sent_)
        throw std::logic_error{"HTTP response: its head has been sent"};
}

void response::status(http::status code)
{
    check_unsent();
    const auto number = static_cast<unsigned>(code);
    if (number < 200 || number > 599)
        throw field_error{"status: expected 200 to 599, got " + std::to_string(number)};
    status_ = code;
}

void response::set(std::string_view name, std::string_view value)
{
    check_unsent();
    exchange_.fields().set(name, value);
}

void response::add(std::string_view name, std::string_view value)
{
    check_unsent();
    exchange_.fields().add(name, value);
}

void response::close()
{
    check_unsent();
    close_ = true;
}

void response::content_length(std::uint64_t bytes)
{
    check_unsent();
    length_ = bytes;
}

awaitable<void> response::send(bytes_view body)
{
    detail::pieces rest;
    if (!exchange_.send(body, rest)) [[unlikely]]
        co_await exchange_.put(rest);
}

awaitable<void> response::write(bytes_view piece)
{
    detail::pieces rest;
    if (!exchange_.write(piece, rest)) [[unlikely]]
        co_await exchange_.put(rest);
}

} // namespace hawser::inline v0_1::http
