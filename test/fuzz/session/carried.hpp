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
    /// Of what was said to be sent from there on, only so much was.
    void cut(std::size_t from, std::size_t size) { bytes_.resize(from + size); }
    /// An operation has failed that may have sent a part: nobody knows what comes from there on.
    void unknown_from(std::size_t at) noexcept { known_ = std::min(known_, at); }
    /// Bytes that the network has added of its own.
    void insert(std::size_t at, bytes_view bytes)
    {
        if (at <= std::min(known_, bytes_.size()))
            bytes_.insert(at, bytes);
        else
            unknown_from(std::min(at, bytes_.size()));
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

private:
    bytes_view rest() const noexcept { return bytes_view{bytes_}.substr(std::min(at_, bytes_.size())); }
    bool is_lost(std::size_t n) const noexcept { return at_ + n > known_; }

    std::string bytes_;
    std::size_t at_ = 0;
    std::size_t known_ = ~std::size_t{0} / 2;
};

} // namespace fuzz

#endif
