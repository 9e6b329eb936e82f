// SPDX-License-Identifier: BSL-1.0
#include "connection.hpp"

#include "clock.hpp"
#include "shown.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace load {

namespace {

constexpr std::size_t most_shown = 16; // bytes of an echo from where it differs
constexpr std::int64_t least_retry = 10'000'000;
constexpr std::int64_t most_retry = 1'000'000'000;

bool is_reset(int error) noexcept
{
    return error == ECONNRESET || error == EPIPE;
}

// What went wrong on a socket behind the caller's back; 0: nothing.
int take_error(const descriptor& socket) noexcept
{
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

} // namespace

connection::connection(std::uint32_t number, const options& o, const schedule& due, tally& counts)
    : number_{number}, options_{o}, schedule_{due}, counts_{counts}, ring_{o, number}
{}

void connection::connect()
{
    socket_ = load::connect(options_);
}

void connection::try_connect()
try {
    connect();
} catch (const std::system_error& error) {
    count_failed_connect(error.code().value(), error.what());
}

bool connection::replace(std::int64_t time)
try {
    if (open() || time < retry_at_)
        return open();
    socket_ = begin_connect(options_);
    retry_at_ = time;
    connecting_ = blocked_ = true;
    return true;
} catch (const std::system_error& error) {
    count_failed_connect(error.code().value(), error.what());
    return false;
}

void connection::finish_connect()
{
    connecting_ = blocked_ = false;
    if (const int error = take_error(socket_)) {
        socket_.close();
        count_failed_connect(error, "connect to " + options_.endpoint + ": " + std::generic_category().message(error));
    }
}

void connection::count_failed_connect(int error, const std::string& what)
{
    counts_.errors.add("connect " + symbol_of(error), after_answers() + what);
    retry_later();
}

void connection::begin()
{
    if (!reset_ && !(options_.until_end && ended_by_server()) &&
        (schedule_.open() || options_.window == window::sliding || quiet()))
        for (const auto time = now(); may_begin(time);)
            ring_.append();
    send();
}

bool connection::ended_by_server() const noexcept
{
    pollfd stream{socket_.get(), POLLRDHUP, 0};
    return ::poll(&stream, 1, 0) > 0;
}

bool connection::may_begin(std::int64_t time) const noexcept
{
    return ring_.appended() - answered_ < options_.pipeline && (!schedule_.open() || behind(time));
}

void connection::send()
{
    blocked_ = false;
    while (!reset_ && sent_ < ring_.end()) {
        const auto piece = ring_.from(sent_);
        const auto n = ::send(socket_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            sent_ += static_cast<std::uint64_t>(n);
            counts_.bytes_sent += static_cast<std::uint64_t>(n);
            log_.add({sent_, now()});
        } else if (errno == EAGAIN) {
            blocked_ = true;
            return;
        } else if (is_reset(errno)) {
            see_reset("send");
        } else if (errno != EINTR) {
            fail("send " + symbol_of(errno), "send: " + std::generic_category().message(errno));
            return;
        }
    }
}

void connection::receive(std::span<char> buffer)
{
    const auto n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n > 0) {
        counts_.bytes_received += static_cast<std::uint64_t>(n);
        take(buffer.first(static_cast<std::size_t>(n)));
    } else if (n == 0) {
        if (!options_.until_end && !reset_)
            counts_.errors.add("closed", after_answers() + "the server closed it");
        end_of_stream();
    } else if (is_reset(errno)) {
        see_reset("recv");
        end_of_stream();
    } else if (errno != EAGAIN && errno != EINTR) {
        fail("recv " + symbol_of(errno), "recv: " + std::generic_category().message(errno));
    }
}

void connection::take(std::span<const char> answer)
try {
    if (options_.mode == mode::http)
        read_http(answer);
    else
        compare(answer);
} catch (const failure& wrong) {
    fail("wrong answer", wrong.what());
}

void connection::compare(std::span<const char> answer)
{
    const auto size = options_.message_bytes();
    if (answer.size() > sent_ - received_)
        throw failure{"more bytes came back than were sent"};
    while (!answer.empty()) {
        const auto expected = ring_.from(received_);
        const auto n = std::min(expected.size(), answer.size());
        if (std::memcmp(expected.data(), answer.data(), n) != 0) {
            const auto differ =
                std::mismatch(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(n), expected.begin());
            received_ += static_cast<std::uint64_t>(differ.first - answer.begin());
            count_answers(received_ / size);
            const auto at = received_ - first_ * size;
            const auto offset = static_cast<std::size_t>(differ.first - answer.begin());
            throw failure{"byte " + std::to_string(at) + " of the answers, in message " + std::to_string(at / size) +
                          ": expected " + shown({&expected[offset], n - offset}, most_shown) + ", got " +
                          shown({&answer[offset], n - offset}, most_shown)};
        }
        received_ += n;
        answer = answer.subspan(n);
    }
    count_answers(received_ / size);
}

void connection::read_http(std::span<const char> answer)
try {
    for (auto other = http_.take(answer); other; other = http_.take({})) {
        check_asked();
        count_other(*other);
    }
    check_asked();
    count_answers(http_.whole());
} catch (const failure&) {
    count_answers(std::min(http_.whole(), sent_ / options_.message_bytes()));
    throw;
}

void connection::check_asked() const
{
    const auto asked = sent_ / options_.message_bytes();
    if (http_.whole() > asked || (http_.whole() == asked && http_.unfinished()))
        throw failure{"more came back than the answers to " + std::to_string(asked - first_) + " requests"};
}

// It is the last of those that are whole.
void connection::count_other(const http_answers::other& answer)
{
    count_answers(http_.whole() - 1);
    counts_.errors.add("status " + std::to_string(answer.status),
                       after_answers() + "expected a status of 200, got " + answer.line);
    ++counts_.refused;
    retry_after_ = 0;
    log_.forget(++answered_ * options_.message_bytes());
}

void connection::count_answers(std::uint64_t whole)
{
    if (whole == answered_)
        return;
    counts_.answered += whole - answered_;
    retry_after_ = 0;
    count_latencies(whole);
    log_.forget(answered_ * options_.message_bytes());
}

void connection::count_latencies(std::uint64_t whole)
{
    const auto size = options_.message_bytes();
    const auto time = now();
    while (schedule_.open() && answered_ < whole)
        counts_.add_latency(schedule_.time_of(number_, answered_++), time, 1);
    while (answered_ < whole) {
        const auto& send = log_.covering((answered_ + 1) * size);
        const auto up_to = std::min(whole, send.end / size);
        counts_.add_latency(send.time, time, up_to - answered_);
        answered_ = up_to;
    }
}

std::uint64_t connection::outstanding() const noexcept
{
    if (!open())
        return 0;
    int unread = 0;
    ::ioctl(socket_.get(), FIONREAD, &unread);
    const auto waiting = static_cast<std::uint64_t>(unread);
    const auto size = options_.message_bytes();
    return sent_ / size -
           (options_.mode == mode::http ? answered_ + http_.expected_in(waiting) : (received_ + waiting) / size);
}

void connection::hold_to_account() noexcept
{
    owed_ = sent_ / options_.message_bytes();
}

// A reset ends the output; what the server sent before it may still be there to be read.
void connection::see_reset(const char* where)
{
    if (!std::exchange(reset_, true))
        counts_.errors.add("reset", after_answers() + "it was reset (" + where + ")");
}

void connection::see_timeout(std::int64_t time)
{
    if (!connecting_ && log_.empty())
        return;
    if (time - (connecting_ ? retry_at_ : log_.oldest().time) < options_.patience.count())
        return;
    const auto waited = " in " + std::to_string(options_.patience.count() / 1'000'000) + " ms";
    if (connecting_)
        fail("connect " + symbol_of(ETIMEDOUT), "not connected" + waited);
    else
        fail("timeout", "no answer" + waited);
}

void connection::fail(const std::string& kind, const std::string& what)
{
    counts_.errors.add(kind, after_answers() + what);
    end();
}

void connection::end_of_stream()
{
    // A reset that came behind the end of the stream is left in the socket as its error.
    if (is_reset(take_error(socket_)))
        see_reset("end");
    if (torn())
        counts_.errors.add("torn", after_answers() + "only the beginning of the next came");
    counts_.ended += options_.until_end;
    end();
}

void connection::end()
{
    if (!open())
        return;
    count_unanswered();
    socket_.close();
    connecting_ = blocked_ = reset_ = false;
    begin_stream();
    retry_later();
}

void connection::give_up(std::int64_t time)
{
    end();
    const auto due = schedule_.due_before(time, number_);
    if (!options_.until_end && ring_.appended() < due)
        counts_.errors.add("unanswered", "connection " + std::to_string(number_) + ": they were due and never begun",
                           due - ring_.appended());
}

void connection::count_unanswered()
{
    const auto size = options_.message_bytes();
    const auto sent = sent_ / size;
    if (!options_.until_end) {
        if (!quiet())
            counts_.errors.add("unanswered", after_answers() + "it ended", ring_.appended() - answered_);
        return;
    }
    const auto time = now();
    const auto due = schedule_.due_before(time - options_.grace.count(), number_);
    for (auto message = answered_; message < std::max(sent, due); ++message)
        if (message >= owed_ && message >= due &&
            time - log_.covering((message + 1) * size).time < options_.grace.count())
            ++counts_.late;
        else
            counts_.errors.add("lost", after_answers() + "its stream ended");
}

// Behind the messages of the last one.
void connection::begin_stream() noexcept
{
    first_ = answered_ = ring_.appended();
    sent_ = received_ = ring_.end();
    http_.restart(answered_);
    log_.forget(sent_);
}

void connection::retry_later() noexcept
{
    retry_at_ = now() + retry_after_;
    retry_after_ = std::clamp(2 * retry_after_, least_retry, most_retry);
}

bool connection::torn() const noexcept
{
    if (options_.mode == mode::http)
        return http_.unfinished();
    return options_.mode == mode::frames && received_ % options_.message_bytes() != 0;
}

std::string connection::after_answers() const
{
    return "connection " + std::to_string(number_) + ", after " + std::to_string(answered_ - first_) + " answers: ";
}

} // namespace load
