// SPDX-License-Identifier: BSL-1.0

// Looks at a ClientHello (RFC 8446, section 4.1.2) as it comes, without OpenSSL: whether the whole of it is there, and
// whether it is, or says that it will be, what no client sends.
//
//     | 16 03 xx | length | 01 | length of the hello | ...      a record, and a handshake message that begins in it
//
// The message may come in as many records as the peer likes, of one byte each, with six times as many bytes for all of
// them. What is kept for OpenSSL is the same message in as few records as it fits in: `most_kept` at most. OpenSSL
// costs a connection 46 KiB from the moment when it is asked, and makes room for up to 131,396 bytes more as soon as a
// message says that it is so long. Until the server has sent its ServerHello, what follows the hello is looked at for
// its length alone: the second hello after a HelloRetryRequest, or whatever else claims to be a message.
#ifndef HAWSER_SRC_TLS_CLIENT_HELLO_HPP
#define HAWSER_SRC_TLS_CLIENT_HELLO_HPP

#include <hawser/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace hawser::inline v0_1::detail {

class client_hello
{
public:
    static constexpr std::size_t largest = 16 * 1024;        ///< several times what browsers send
    static constexpr std::size_t largest_record = 16 * 1024; ///< RFC 8446, section 5.1
    static constexpr std::size_t most_empty_records = 32;    ///< as many in a row as OpenSSL passes over

    enum class state : std::uint8_t {
        begun,     ///< more of it has to come
        whole,     ///< it has come, and so has the record in which it ends
        malformed, ///< it is none, and OpenSSL says with which alert, or waits for more if its records were empty
        too_large, ///< it announces more than `largest`
    };

    /// The next bytes from the peer, in pieces of any size. How the hello stands then; `whole` and `malformed` may only
    /// be followed by `too_large`.
    state pass(bytes_view next) noexcept { return pass(next, nullptr); }
    /// The same, which appends to `kept` what OpenSSL is to see of them: at most `head_size` bytes more than there are.
    /// Allocates nothing if there is room for that.
    state pass(bytes_view next, std::string* kept) noexcept;
    static constexpr std::size_t head_size = 5; ///< of a record
    /// No hello that ends with its record, as each has to (RFC 8446, section 5.1), has more kept of it.
    static constexpr std::size_t most_kept = largest + 4 + 3 * head_size;

    state stands() const noexcept { return state_; }

    /// A message that was sent to the peer. After any but a HelloRetryRequest, which is a ServerHello with a constant
    /// for its random, the peer may encrypt: nothing is looked at any more.
    void answered(bytes_view message) noexcept
    {
        over_ = over_ || message.substr(0, 1) != "\x02" || message.substr(6, 4) != "\xcf\x21\xad\x74";
    }

    /// What the last message announces, once its first 4 bytes have come.
    std::size_t size() const noexcept { return (std::size_t{begin_[1]} * 256 + begin_[2]) * 256 + begin_[3]; }

private:
    void record_begins() noexcept;
    void keep_head(std::string& kept) noexcept;
    std::size_t message_goes_on(bytes_view bytes) noexcept;
    void settle(state s) noexcept
    {
        if (state_ == state::begun)
            state_ = s;
    }

    std::array<unsigned char, head_size> record_{}; // its header
    std::array<unsigned char, 4> begin_{};          // of the message: type and length
    std::uint8_t in_record_ = 0;
    std::uint8_t begun_ = 0;
    std::uint8_t empty_records_ = 0;
    state state_ = state::begun;
    bool complete_ = false; // the hello's last byte has come
    bool over_ = false;
    std::size_t kept_ = 0; // in the last of the records that are kept
    std::size_t left_ = 0; // of the record
    std::size_t rest_ = 0; // of the message, once its beginning has come
};

} // namespace hawser::inline v0_1::detail

#endif
