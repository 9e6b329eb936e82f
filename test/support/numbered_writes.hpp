// SPDX-License-Identifier: BSL-1.0

// What several coroutines write to one connection, of which each write is known again at the other end: whole, once, in
// the order of the calls, and exactly if it was accepted.
//
//     numbered_writes writes;
//     co_await writes.write(c, numbered_writes::how::frame, 100);
//     writes.arrived(frame);                                      // at the other end; throws for what was not written
#ifndef HAWSER_TEST_NUMBERED_WRITES_HPP
#define HAWSER_TEST_NUMBERED_WRITES_HPP

#include "kit_namespace.hpp"

#include <hawser/connection.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace hawser::test {

class numbered_writes
{
public:
    enum class how : std::uint8_t { no_bytes, no_bytes_of_some, no_pieces, frame, frame_of_pieces, frame_if_room };
    static constexpr unsigned hows = 6;

    /// Throws what the write throws.
    awaitable<void> write(connection& c, how what, std::size_t size)
    {
        const waiting_one counted{waiting_};
        const bytes_view no_bytes;
        const std::array<bytes_view, 2> nothing{};
        switch (what) {
        case how::no_bytes: co_await c.write(no_bytes); co_return;
        case how::no_bytes_of_some: co_await c.write_some(no_bytes); co_return;
        case how::no_pieces: co_await c.write(nothing); co_return;
        case how::frame:
        case how::frame_of_pieces:
        case how::frame_if_room: break;
        }
        if (what == how::frame_if_room) {
            try_write(c, size);
            co_return;
        }
        one& w = next(size);
        const bytes_view text = w.text;
        const std::array<bytes_view, 2> pieces{text.substr(0, 1), text.substr(1)};
        if (what == how::frame)
            co_await c.write_frame(text);
        else
            co_await c.write_frame(pieces);
        w.accepted = true;
    }

    void try_write(connection& c, std::size_t size)
    {
        one& w = next(size);
        w.accepted = c.try_write_frame(w.text);
    }

    /// How many have been called and have neither returned nor thrown.
    std::size_t waiting() const noexcept { return waiting_; }

    void arrived(bytes_view frame)
    {
        const std::size_t number = std::stoul(std::string{frame.substr(0, frame.find(':'))});
        if (number >= all_.size() || frame != all_[number]->text)
            throw std::logic_error{"a frame of " + std::to_string(frame.size()) + " bytes arrived as nobody wrote it"};
        if (number < next_)
            throw std::logic_error{"write " + std::to_string(number) + " arrived twice or late"};
        next_ = number + 1;
        all_[number]->arrived = true;
    }

    /// Throws unless what was accepted has arrived, and nothing else.
    void judge() const
    {
        for (std::size_t i = 0; i < all_.size(); ++i)
            if (all_[i]->arrived != all_[i]->accepted)
                throw std::logic_error{
                    "write " + std::to_string(i) +
                    (all_[i]->accepted ? " was accepted and lost" : " arrived and was not accepted")};
    }

private:
    struct one {
        std::string text;
        bool accepted = false;
        bool arrived = false;
    };

    struct waiting_one {
        std::size_t& all;
        explicit waiting_one(std::size_t& a) noexcept : all{a} { ++all; }
        waiting_one(const waiting_one&) = delete;
        waiting_one& operator=(const waiting_one&) = delete;
        ~waiting_one() { --all; }
    };

    one& next(std::size_t size)
    {
        const std::size_t number = all_.size();
        all_.push_back(std::make_unique<one>());
        all_.back()->text = std::to_string(number) + ':' + std::string(size, static_cast<char>('a' + number % 26));
        return *all_.back();
    }

    std::vector<std::unique_ptr<one>> all_;
    std::size_t next_ = 0; // number to arrive, at least
    std::size_t waiting_ = 0;
};

} // namespace hawser::test

#endif
