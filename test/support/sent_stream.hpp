// SPDX-License-Identifier: BSL-1.0

// What a peer sends in frames, and what every read of it has to give: no byte is lost, doubled or out of its place,
// whichever reads take turns and whichever of them were cancelled.
//
//     sent_stream sent{framing::lines};
//     sent.add("hello");                 // sent.bytes() is what goes to the wire
//     sent.take_frame(got);              // throws unless it is "hello"
#ifndef HAWSER_TEST_SENT_STREAM_HPP
#define HAWSER_TEST_SENT_STREAM_HPP

#include "kit_namespace.hpp"

#include <hawser/connection.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace hawser::test {

class sent_stream
{
public:
    explicit sent_stream(const framing& f) : format_{f} {}

    void add(bytes_view payload)
    {
        std::string head(framing::max_head, '\0');
        head.resize(format_.encode_head(head.data(), payload));
        bytes_ += head;
        bytes_ += payload;
        bytes_ += format_.tail(payload);
    }

    const std::string& bytes() const noexcept { return bytes_; }
    std::size_t size() const noexcept { return bytes_.size(); }
    std::size_t taken() const noexcept { return taken_; }

    /// Of the frame in which the reads stand, what is left on the wire; 0 between two frames. In lines, the rest of one
    /// is a frame too.
    std::size_t rest_of_frame() const
    {
        std::size_t at = frame_begin_;
        while (at < taken_)
            at += format_.decode(bytes_view{bytes_}.substr(at)).consumed;
        return at - taken_;
    }

    void take_frame(bytes_view got)
    {
        const decoded d = format_.decode(bytes_view{bytes_}.substr(taken_));
        if (d.state != decoded::status::complete || d.frame != got)
            refuse("frame", got);
        taken_ += d.consumed;
        frame_begin_ = taken_;
    }

    void take_bytes(bytes_view got)
    {
        if (got.empty() || bytes_view{bytes_}.substr(taken_, got.size()) != got)
            refuse("bytes", got);
        taken_ += got.size();
    }

private:
    [[noreturn]] void refuse(const char* what, bytes_view got) const
    {
        throw std::logic_error{std::string{what} + " at " + std::to_string(taken_) + " of " + std::to_string(size()) +
                               ": got " + std::to_string(got.size()) + " bytes, \"" + std::string{got.substr(0, 40)} +
                               "\", sent was \"" + bytes_.substr(taken_, 40) + '"'};
    }

    framing format_;
    std::string bytes_;
    std::size_t taken_ = 0;
    std::size_t frame_begin_ = 0;
};

} // namespace hawser::test

#endif
