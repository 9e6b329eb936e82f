// Looks at how a ClientHello begins (RFC 8446, section 4), so that its announced length claims no memory.
//
//     | 16 03 xx | length | 01 | length of the hello | ...      a record, and a handshake message that begins in it
//
// OpenSSL makes room for up to 131,396 bytes as soon as a message says that it is so long. The length may come in as
// many records as the peer likes. After a HelloRetryRequest there is a second hello.
#ifndef HAWSER_SRC_CLIENT_HELLO_HPP
#define HAWSER_SRC_CLIENT_HELLO_HPP

#include <hawser/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace hawser::detail {

class client_hello
{
public:
    static constexpr std::size_t largest = 16 * 1024; ///< several times what browsers send

    /// The next bytes from the peer. False: they announce a hello that is too large.
    bool pass(bytes_view next) noexcept
    {
        while (!next.empty()) {
            std::size_t taken = 1;
            if (left_ == 0) {
                record_[in_record_++] = static_cast<unsigned char>(next.front());
                if (in_record_ == record_.size()) {
                    in_record_ = 0;
                    left_ = std::size_t{record_[3]} * 256 + record_[4];
                }
            } else if (record_[0] == handshake && begun_ < begin_.size()) {
                begin_[begun_++] = static_cast<unsigned char>(next.front());
                --left_;
                if (begun_ == begin_.size() && size() > largest)
                    return false;
            } else {
                taken = std::min(left_, next.size());
                left_ -= taken;
            }
            next.remove_prefix(taken);
        }
        return true;
    }

    /// A message that was sent to the peer: a HelloRetryRequest is a ServerHello with a constant for its random.
    void answered(bytes_view message) noexcept
    {
        if (message.substr(0, 1) == "\x02" && message.substr(6, 4) == "\xcf\x21\xad\x74")
            begun_ = 0;
    }

    /// What the hello announces, once its first 4 bytes have come.
    std::size_t size() const noexcept { return (std::size_t{begin_[1]} * 256 + begin_[2]) * 256 + begin_[3]; }

private:
    static constexpr unsigned char handshake = 22;

    std::array<unsigned char, 5> record_{}; // its header
    std::array<unsigned char, 4> begin_{};  // of the message: type and length
    std::size_t in_record_ = 0;
    std::size_t begun_ = 0;
    std::size_t left_ = 0; // of the record
};

} // namespace hawser::detail

#endif
