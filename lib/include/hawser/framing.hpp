// SPDX-License-Identifier: BSL-1.0

// Where one frame of a byte stream ends: the layout of a frame as a small value, and the codec that follows it.
//
// The default, framing::u32_be, is a 4-byte big-endian length that covers the payload only, and at most 1 MiB of
// payload. "hello world" is
//
//     00 00 00 0b  68 65 6c 6c 6f 20 77 6f 72 6c 64
//     `- length -' `------------ payload ------------'
//
// Any other length-prefixed layout is declared by its parts. What stands before the payload is the head:
//
//     +--------+--------+---------+--- - - - ---+
//     | before | length | between |   payload   |
//     +--------+--------+---------+--- - - - ---+
//     `---------- head -----------'
//
// A layout that cannot work is refused when it is made, and does not compile where it is a constant:
//
//     constexpr hawser::framing tagged{{.before = 1, .width = 2, .covers = hawser::framing::whole_frame}};
//
// Uses bytes.hpp and error.hpp, no socket and no Asio. Start at `struct layout`, or at the ready-made values
// below it (u16_le, varint, lines, erlang_packet_4, ...). Nothing in here allocates but describe().
// The inline functions' bodies stand in detail/framing_construction.hpp and detail/framing_codec.hpp.
#ifndef HAWSER_FRAMING_HPP
#define HAWSER_FRAMING_HPP

#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::inline v0_1 {

/// What framing::decode found at the start of its input.
struct decoded {
    /// What was found.
    enum class status : unsigned char {
        incomplete, ///< the frame has not arrived whole: call again with more bytes behind the same ones
        complete,   ///< `frame` is one frame, `consumed` its bytes on the wire
        refused,    ///< no valid frame begins like this, whatever follows; `error` says why
    };

    status state = status::incomplete; ///< what was found

    /// Why the frame was refused: frame_too_large, length_too_small, malformed_length or malformed_frame.
    errc error{};

    /// Bytes that the complete frame took: head, payload, and the delimiter or comma behind it. Never 0 for a complete
    /// frame, always 0 for the others.
    std::size_t consumed = 0;

    /// The delivered bytes of a complete frame: a view into the input, valid as long as the input is.
    bytes_view frame{};

    /// Of an incomplete frame whose length is known: its whole size on the wire, counted from the start of the input.
    /// 0 while the length is not known.
    std::size_t needed = 0;

    /// The payload's length as soon as it is known, also when it is refused for its size. After length_too_small, the
    /// length as it was received; 0 while the length is not known.
    std::uint64_t length = 0;
};

/// Where a stream ended. Only `clean` is no error; the others are errc::truncated_head and errc::truncated_payload.
enum class end_of_stream : unsigned char {
    clean,          ///< between two frames
    inside_head,    ///< after a part of a head
    inside_payload, ///< after a whole head, or later
};

/// The layout of a frame, and the most payload that it may have. A value of 32 bytes: copy it, keep it, compare it. All
/// of its functions are const and share nothing, so any number of threads may use one value.
///
/// What decode() delivers, encoding takes: a frame that was read can be written, and is read as the same bytes. The
/// reverse holds too: check() accepts a frame exactly when decode() can deliver it.
class HAWSER_EXPORT framing
{
public:
    static constexpr std::size_t default_max_payload = 1024 * 1024; ///< 1 MiB

    /// No max_payload can be larger; no view of bytes can be longer.
    static constexpr std::size_t largest_max_payload =
        static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max()) - 1024;

    /// No head is longer, in any framing: room for encode_head().
    static constexpr std::size_t max_head = 255;

    /// No delimiter is longer, nor the constant bytes of one head taken together.
    static constexpr std::size_t max_constant = 8;

    /// No tail is longer.
    static constexpr std::size_t max_tail = max_constant;

    /// A part of the head beside the length. A number is that many bytes with no meaning here: any value when read,
    /// zero when written. A string literal is exactly its bytes, NULs included: written so, and a frame that has others
    /// is refused as malformed_frame.
    class padding
    {
    public:
        constexpr padding(std::size_t size) noexcept : size_{size} {} ///< that many bytes of any value

        /// These bytes, which are checked.
        template <std::size_t N>
        constexpr padding(const char (&literal)[N]) noexcept : size_{N - 1}, constant_{literal, N - 1}
        {}

        constexpr std::size_t size() const noexcept { return size_; }        ///< in bytes
        constexpr bytes_view constant() const noexcept { return constant_; } ///< empty: any bytes

    private:
        std::size_t size_;
        bytes_view constant_{};
    };

    /// What a length covers: always the payload, and the parts of the head named here. Joined by `|`.
    enum class length_covers : unsigned char { payload = 0, before = 1, length = 2, between = 4 };

    /// A length that covers every byte of the frame.
    static constexpr length_covers whole_frame{7};

    /// The parts of a length-prefixed frame. Every member has a default, and the defaults are framing::u32_be.
    struct layout {
        /// What stands before the length. 0: the length comes first. The head may have 255 bytes in all.
        padding before = 0;

        /// Bytes of the length: 1, 2, 3, 4 or 8.
        unsigned width = 4;

        /// Byte order of the length.
        std::endian order = std::endian::big;

        /// What the length covers.
        length_covers covers = length_covers::payload;

        /// What stands between length and payload. 0: the payload follows at once.
        padding between = 0;

        /// Bytes at the end of every payload that the length leaves out, such as a checksum. They are payload in
        /// all else: delivered, and within max_payload. 0: none.
        std::uint32_t after = 0;

        /// Bytes that the length covers and the frame does not have, such as a checksum that a lower layer took off.
        /// 0: none.
        std::uint32_t length_excess = 0;

        /// How many of the head's last bytes are delivered in front of the payload, and expected there when writing.
        /// 0: the payload alone. A written frame that holds its length must hold the right one.
        std::size_t delivered = 0;

        /// The most bytes of payload, that is of all that follows the head, whether or not some of the head is
        /// delivered. 0: empty payloads only. More than the length can say has no effect.
        std::size_t max_payload = default_max_payload;
    };

    /// The layout of framing::u32_be.
    constexpr framing() noexcept;

    /// A length-prefixed frame of these parts. Throws std::invalid_argument, which names the part, its value and what
    /// was expected, if no frame could be laid out so.
    constexpr explicit framing(const layout& parts);

    // A length that covers the payload only, in so many bits and this byte order.
    static const framing u8;     ///< a length of one byte
    static const framing u16_be; ///< a length of two bytes, big-endian
    static const framing u16_le; ///< a length of two bytes, little-endian
    static const framing u24_be; ///< a length of three bytes, big-endian
    static const framing u24_le; ///< a length of three bytes, little-endian
    static const framing u32_be; ///< a length of four bytes, big-endian; the default
    static const framing u32_le; ///< a length of four bytes, little-endian
    static const framing u64_be; ///< a length of eight bytes, big-endian
    static const framing u64_le; ///< a length of eight bytes, little-endian

    /// A LEB128 length of at most 5 bytes in its shortest form: 300 is `ac 02`. As Protocol Buffers' delimited messages
    /// have it (https://protobuf.dev/programming-guides/encoding/#varints).
    static const framing varint;

    /// `12:hello world!,` (https://cr.yp.to/proto/netstrings.txt). Leading zeros are refused.
    static const framing netstring;

    /// Lines that end with `\n`; one `\r` before it belongs to the end. Written with `\n`, and with `\r\n` where the
    /// line's own last byte is a `\r`. max_payload is that of the line without its end.
    static const framing lines;

    // Named after the peer they talk to.
    static const framing erlang_packet_1; ///< Erlang's {packet, 1}
    static const framing erlang_packet_2; ///< Erlang's {packet, 2}
    static const framing erlang_packet_4; ///< Erlang's {packet, 4}
    static const framing twisted_int8;    ///< Twisted's IntNStringReceiver, max_payload 99,999
    static const framing twisted_int16;   ///< Twisted's IntNStringReceiver, max_payload 99,999
    static const framing twisted_int32;   ///< Twisted's IntNStringReceiver, max_payload 99,999
    static const framing tokio_default;   ///< tokio-util's LengthDelimitedCodec::new(): 4 bytes, max_payload 8 MiB
    static const framing netty_usual;     ///< Netty's LengthFieldBasedFrameDecoder(limit, 0, 4, 0, 4)

    /// gRPC's Length-Prefixed-Message: a flag byte and 4 bytes of length; max_payload 4 MiB, as in gRPC's own
    /// implementations. The flag is 0; a compressed message (flag 1) is refused as malformed_frame.
    static const framing grpc;

    /// Frames that end with these 1 to 8 bytes, which a payload may not hold. Throws std::invalid_argument for another
    /// number of bytes. A literal is taken whole: delimiter("\0") is one NUL.
    static constexpr framing delimiter(bytes_view end);
    /// The same for a string literal.
    template <std::size_t N>
    static constexpr framing delimiter(const char (&end)[N])
    {
        return delimiter(bytes_view{end, N - 1});
    }

    /// Frames of exactly `size` bytes, which is their max_payload as well. Throws std::invalid_argument for 0.
    static constexpr framing fixed(std::size_t size);

    /// The same layout with another max_payload, in bytes. Throws std::invalid_argument if no frame could keep it:
    /// below the size of fixed frames or of layout::after, or above largest_max_payload.
    constexpr framing with_max_payload(std::size_t bytes) const;

    /// Longest payload, in bytes.
    constexpr std::size_t max_payload() const noexcept { return static_cast<std::size_t>(limit_); }

    /// Looks for one frame at the start of `input`, which is what has arrived and was not yet consumed. Never looks
    /// beyond that frame, copies nothing, and keeps no state: however the bytes were split on their way, the outcome is
    /// the same. A length above max_payload() is refused as soon as it has arrived.
    ///
    /// `scanned` spares the formats that search for an end from searching twice: pass a variable that is 0 at the start
    /// of each frame, and the same one while that frame is incomplete. Those formats set it, and set it back to 0 with
    /// any other outcome; no format sets it to more than the input's size.
    decoded decode(bytes_view input, std::size_t& scanned) const noexcept;
    /// The first frame of `input`, or what is wrong or missing.
    decoded decode(bytes_view input) const noexcept;

    /// Where a stream ended that has left `rest`: the bytes behind the last complete frame, of which decode() has said
    /// incomplete, or none.
    end_of_stream at_end(bytes_view rest) const noexcept;

    /// Whether `frame` can be written: nothing if so, else why not.
    ///   frame_too_large   its payload is above max_payload(), above what the length can say, or above the fixed size
    ///   length_too_small  it is shorter than the fixed size, or than layout::after
    ///   malformed_length  it begins with a delivered length that is not its own
    ///   malformed_frame   it holds its delimiter, or it lacks the delivered part of the head, or has other constants
    std::optional<errc> check(bytes_view frame) const noexcept;

    // A frame on the wire is encode_head(), the frame itself unchanged, then tail(). All three take a frame that
    // check() accepts, the same each time.

    /// Bytes that encode_head() writes: at most max_head.
    std::size_t head_size(bytes_view frame) const noexcept;

    /// Writes what stands before `frame` to `out`, which has room for head_size(frame) bytes, and returns that number.
    /// The delivered part of a head is already in `frame` and is not written again.
    std::size_t encode_head(char* out, bytes_view frame) const noexcept;

    /// What stands behind `frame`: a delimiter, a netstring's comma, or nothing. Valid as long as this value.
    bytes_view tail(bytes_view frame) const noexcept;

    /// The sentence for a refused frame: "frame of 1195725856 bytes, limit 1048576 (looks like HTTP)". `input` is what
    /// decode() was given. Empty for any other outcome.
    std::string describe(const decoded& refused, bytes_view input) const;

    /// The sentence for an error without an outcome of decode(): of a frame that check() refused, or of what was left
    /// when the stream ended (truncated_head, truncated_payload).
    std::string describe(errc error, bytes_view bytes) const;

    friend constexpr bool operator==(const framing&, const framing&) noexcept = default;

private:
    enum class kind : unsigned char { bare_u32_be, prefixed, varint, netstring, lines, delimiter, fixed };

    constexpr framing(kind what, std::uint64_t limit) noexcept : limit_{limit}, kind_{what} {}

    static constexpr std::size_t require(bool possible, const char* name, std::size_t value, const char* expected,
                                         std::size_t bound = 0);
    [[noreturn]] static void refuse(const char* name, std::size_t value, const char* expected, std::size_t bound);

    template <std::size_t N>
    static std::uint64_t big(const char* bytes) noexcept;
    template <std::size_t N>
    static std::uint64_t little(const char* bytes) noexcept;
    template <std::size_t N>
    static void put_big(char* out, std::uint64_t value) noexcept;
    template <std::size_t N>
    static void put_little(char* out, std::uint64_t value) noexcept;

    static decoded incomplete(std::size_t needed, std::uint64_t length) noexcept;
    static decoded complete(bytes_view input, std::size_t begin, std::size_t end, std::size_t consumed,
                            std::uint64_t length) noexcept;
    static decoded refused(errc error, std::uint64_t length) noexcept;

    static constexpr std::size_t max_length_bytes = 8;

    constexpr std::uint64_t max_length() const noexcept
    {
        return width_ == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * width_)) - 1;
    }
    constexpr std::uint64_t max_encodable() const noexcept
    {
        const std::uint64_t rest = max_length() - covered_; // never negative, as constructed
        return rest > ~std::uint64_t{after_} ? ~std::uint64_t{0} : rest + after_;
    }
    std::uint64_t length_at(const char* bytes) const noexcept;
    void put_length(char* out, std::uint64_t length) const noexcept;
    std::uint64_t length_of(bytes_view frame) const noexcept { return frame.size() - delivered_ - after_ + covered_; }

    bool constants_before(const char* head) const noexcept;
    bool constants_between(const char* head) const noexcept;

    decoded decode_prefixed(bytes_view input) const noexcept;
    decoded decode_other(bytes_view input, std::size_t& scanned) const noexcept;
    decoded decode_varint(bytes_view input) const noexcept;
    decoded decode_netstring(bytes_view input) const noexcept;
    decoded decode_line(bytes_view input, std::size_t& scanned) const noexcept;
    decoded decode_delimited(bytes_view input, std::size_t& scanned) const noexcept;

    std::optional<errc> check_prefixed(bytes_view frame) const noexcept;
    std::optional<errc> check_delivered(bytes_view frame) const noexcept;
    std::optional<errc> check_other(bytes_view frame) const noexcept;
    bytes_view tail_other(bytes_view frame) const noexcept;
    std::size_t head_size_other(bytes_view frame) const noexcept;
    std::size_t encode_head_other(char* out, bytes_view frame) const noexcept;

    std::uint64_t limit_ = default_max_payload;
    char constants_[max_constant] = {}; // the delimiter; or the constants of `before`, then those of `between`
    std::uint32_t covered_ = 0;         // bytes that the length covers and that are not payload
    std::uint32_t after_ = 0;
    kind kind_ = kind::bare_u32_be;
    unsigned char width_ = 4; // of the length; of the delimiter
    bool little_ = false;
    unsigned char before_ = 0;
    unsigned char head_ = 4;
    unsigned char delivered_ = 0;
    unsigned char constant_before_ = 0;
    unsigned char constant_between_ = 0;
};

/// What a peer that speaks another protocol seems to speak, by the first bytes of its stream: "HTTP", "TLS" or "SSH";
/// empty if they look like none of these. Three bytes are enough for HTTP and SSH, two for TLS.
HAWSER_EXPORT std::string_view looks_like(bytes_view input) noexcept;

/// Both of them covered.
constexpr framing::length_covers operator|(framing::length_covers a, framing::length_covers b) noexcept
{
    return framing::length_covers(
        static_cast<unsigned char>(static_cast<unsigned char>(a) | static_cast<unsigned char>(b)));
}

/// Whether they have one in common.
constexpr bool operator&(framing::length_covers a, framing::length_covers b) noexcept
{
    return (static_cast<unsigned char>(a) & static_cast<unsigned char>(b)) != 0;
}

} // namespace hawser::inline v0_1

#include <hawser/detail/framing_codec.hpp>
#include <hawser/detail/framing_construction.hpp>

#endif
