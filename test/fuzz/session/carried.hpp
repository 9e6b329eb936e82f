// SPDX-License-Identifier: BSL-1.0

// What one direction of a connection has to carry: the bytes that the operations of its sender have accepted, in their
// order, and how far its receiver has come in them.
#ifndef HAWSER_TEST_FUZZ_SESSION_CARRIED_HPP
#define HAWSER_TEST_FUZZ_SESSION_CARRIED_HPP

#include <hawser/framing.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace fuzz {

using hawser::bytes_view;

inline void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

inline std::string encoded(const hawser::framing& format, bytes_view frame)
{
    std::string wire(format.head_size(frame), '\0');
    format.encode_head(wire.data(), frame);
    return wire.append(frame).append(format.tail(frame));
}

class carried
{
public:
    std::size_t size() const noexcept { return bytes_.size(); }

    // ---- The sender's

    void sent(bytes_view bytes) { bytes_ += bytes; }
    /// Bytes of which it is not known yet how many are sent.
    void begin(bytes_view bytes)
    {
        begun_ = bytes_.size();
        bytes_ += bytes;
    }
    /// Only so many of them were.
    void cut(std::size_t size) { bytes_.resize(std::min(begun_ + size, bytes_.size())); }
    /// A part of them, perhaps: nobody knows what comes from there on.
    void fail() noexcept { unknown_from(begun_); }
    /// Bytes that the network has added of its own.
    void insert(std::size_t at, bytes_view bytes)
    {
        if (at <= std::min(known_, bytes_.size()))
            bytes_.insert(at, bytes);
        else
            unknown_from(std::min(at, bytes_.size()));
        if (begun_ != none && at <= begun_) // of an operation that is under way
            begun_ += bytes.size();
        else if (begun_ != none)
            fail();
    }

    // ---- The receiver's

    /// It has these bytes before it, and keeps them there.
    void sees(bytes_view bytes) const
    {
        if (!is_lost(bytes.size()))
            require(rest().substr(0, bytes.size()) == bytes, "bytes that come are those that were sent");
    }
    /// It has taken these bytes.
    void took(bytes_view bytes)
    {
        sees(bytes);
        at_ += bytes.size();
    }
    void took_frame(const hawser::framing& format, bytes_view frame)
    {
        const hawser::decoded d = format.decode(rest());
        if (is_lost(d.consumed) || (known_ < bytes_.size() && d.state != hawser::decoded::status::complete)) {
            known_ = at_ = 0;
            return;
        }
        require(d.state == hawser::decoded::status::complete, "a frame that comes was sent");
        require(d.frame == frame, "a frame comes as it was sent");
        at_ += d.consumed;
    }
    /// What it has before it is no frame, or the beginning of one.
    void refused(const hawser::framing& format) const
    {
        require(is_lost(size() - std::min(at_, size())) ||
                    format.decode(rest()).state != hawser::decoded::status::complete,
                "only what is no frame is refused");
    }
    /// How many bytes it has taken, as far as is known.
    std::size_t taken() const noexcept { return at_; }
    bool has_all() const noexcept { return at_ == bytes_.size() || at_ >= known_; }

    /// The operation is over.
    void settle() noexcept { begun_ = none; }

private:
    static constexpr std::size_t none = ~std::size_t{0} / 4;
    void unknown_from(std::size_t at) noexcept { known_ = std::min(known_, at); }
    bytes_view rest() const noexcept { return bytes_view{bytes_}.substr(std::min(at_, bytes_.size())); }
    bool is_lost(std::size_t n) const noexcept { return at_ + n > known_; }

    std::string bytes_;
    std::size_t begun_ = none;
    std::size_t at_ = 0;
    std::size_t known_ = ~std::size_t{0} / 2;
};

} // namespace fuzz

#endif
