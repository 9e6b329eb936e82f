#include "connection.hpp"

#include "clock.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <sys/ioctl.h>
#include <sys/socket.h>

namespace load {

namespace {

bool is_reset(int error) noexcept
{
    return error == ECONNRESET || error == EPIPE;
}

} // namespace

connection::connection(std::uint32_t number, const options& o, const schedule& due, tally& counts)
    : number_{number}, options_{o}, schedule_{due}, counts_{counts}, socket_{connect(o)}, ring_{o, number}
{}

void connection::begin()
{
    if (schedule_.open() || options_.window == window::sliding || quiet())
        for (const auto time = now(); may_begin(time);)
            ring_.append();
    send();
}

bool connection::may_begin(std::int64_t time) const noexcept
{
    return ring_.appended() - answered_ < options_.pipeline &&
           (!schedule_.open() || schedule_.time_of(number_, ring_.appended()) <= time);
}

void connection::send()
{
    blocked_ = false;
    while (!reset_ && sent_ < ring_.end()) {
        const auto piece = ring_.from(sent_);
        const auto n = ::send(socket_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            sent_ += static_cast<std::uint64_t>(n);
            log_.add({sent_, now()});
        } else if (errno == EAGAIN) {
            blocked_ = true;
            return;
        } else if (is_reset(errno)) {
            see_reset("send");
        } else if (errno != EINTR) {
            throw std::system_error{errno, std::generic_category(), name() + "send"};
        }
    }
}

void connection::receive(std::span<char> buffer)
{
    const auto n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n > 0) {
        const auto answer = buffer.first(static_cast<std::size_t>(n));
        if (options_.mode == mode::http)
            read_http(answer);
        else
            compare(answer);
    } else if (n == 0) {
        if (!options_.until_end)
            throw failure{name() + "the server closed it after " + std::to_string(answered_) + " answers"};
        end();
    } else if (is_reset(errno)) {
        see_reset("recv");
        end();
    } else if (errno != EAGAIN && errno != EINTR) {
        throw std::system_error{errno, std::generic_category(), name() + "recv"};
    }
}

void connection::compare(std::span<const char> answer)
{
    if (answer.size() > sent_ - received_)
        throw failure{name() + "more bytes came back than were sent"};
    while (!answer.empty()) {
        const auto expected = ring_.from(received_);
        const auto n = std::min(expected.size(), answer.size());
        if (std::memcmp(expected.data(), answer.data(), n) != 0) {
            const auto differ =
                std::mismatch(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(n), expected.begin());
            const auto at = received_ + static_cast<std::uint64_t>(differ.first - answer.begin());
            throw failure{name() + "byte " + std::to_string(at) + " of the answers, in message " +
                          std::to_string(at / options_.message_bytes()) + ", is " +
                          std::to_string(static_cast<unsigned char>(*differ.first)) + " and not " +
                          std::to_string(static_cast<unsigned char>(*differ.second))};
        }
        received_ += n;
        answer = answer.subspan(n);
    }
    count_answers(received_ / options_.message_bytes());
}

void connection::read_http(std::span<const char> answer)
{
    try {
        http_.take(answer);
    } catch (const failure& wrong) {
        throw failure{name() + "after " + std::to_string(http_.whole()) + " answers: " + wrong.what()};
    }
    const auto asked = sent_ / options_.message_bytes();
    if (http_.whole() > asked || (http_.whole() == asked && http_.unfinished()))
        throw failure{name() + "more came back than the answers to " + std::to_string(asked) + " requests"};
    count_answers(http_.whole());
}

void connection::count_answers(std::uint64_t whole)
{
    if (whole == answered_)
        return;
    counts_.answered += whole - answered_;
    count_latencies(whole);
    log_.forget(answered_ * options_.message_bytes());
}

void connection::count_latencies(std::uint64_t whole)
{
    const auto size = options_.message_bytes();
    const auto time = now();
    while (schedule_.open() && answered_ < whole)
        counts_.latency.add(static_cast<std::uint64_t>(time - schedule_.time_of(number_, answered_++)), 1);
    while (answered_ < whole) {
        const auto& send = log_.covering((answered_ + 1) * size);
        const auto up_to = std::min(whole, send.end / size);
        counts_.latency.add(static_cast<std::uint64_t>(time - send.time), up_to - answered_);
        answered_ = up_to;
    }
}

std::uint64_t connection::outstanding() const noexcept
{
    if (ended_)
        return 0;
    int unread = 0;
    ::ioctl(socket_.get(), FIONREAD, &unread);
    const auto waiting = static_cast<std::uint64_t>(unread);
    const auto size = options_.message_bytes();
    return sent_ / size -
           (options_.mode == mode::http ? answered_ + http_.expected_in(waiting) : (received_ + waiting) / size);
}

// A reset ends the output; what the server sent before it may still be there to be read.
void connection::see_reset(const char* where)
{
    if (!options_.until_end)
        throw failure{name() + "was reset (" + where + ") after " + std::to_string(answered_) + " answers"};
    if (!std::exchange(reset_, true))
        ++counts_.resets;
}

void connection::end()
{
    const auto time = now();
    // A reset that came behind the end of the stream is left in the socket as its error.
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 && is_reset(error))
        see_reset("end");

    const auto size = options_.message_bytes();
    for (auto message = answered_; message < sent_ / size; ++message)
        ++(time - log_.covering((message + 1) * size).time >= options_.grace.count() ? counts_.lost : counts_.late);
    if (torn())
        ++counts_.torn;
    ++counts_.ended;
    ended_ = true;
    blocked_ = false;
    socket_.close();
}

bool connection::torn() const noexcept
{
    if (options_.mode == mode::http)
        return http_.unfinished();
    return options_.mode == mode::frames && received_ % options_.message_bytes() != 0;
}

std::string connection::name() const
{
    return "connection " + std::to_string(number_) + ": ";
}

} // namespace load
