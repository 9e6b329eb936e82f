// SPDX-License-Identifier: BSL-1.0

// Where one frame of a byte stream ends: the layout of a frame as a small value, and the codec that follows it.
//
// The default, framing::u32_be, is a 4-byte big-endian length that counts the payload only, and at most 1 MiB of
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
//     constexpr hawser::framing tagged{{.before = 1, .width = 2, .counts = hawser::framing::whole_frame}};
//
// Uses bytes.hpp and error.hpp, no socket and no Asio. Start at `struct layout`, or at the ready-made values
// below it (u16_le, varint, lines, erlang_packet_4, ...). Nothing in here allocates but describe().
#ifndef HAWSER_FRAMING_HPP
#define HAWSER_FRAMING_HPP

#include <hawser/bytes.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/error.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace hawser {

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

/// The layout of a frame, and the limit of its payload. A value of 32 bytes: copy it, keep it, compare it. All of its
/// functions are const and share nothing, so any number of threads may use one value.
///
/// What decode() delivers, encoding takes: a frame that was read can be written, and is read as the same bytes. The
/// reverse holds too: check() accepts a frame exactly when decode() can deliver it.
class HAWSER_EXPORT framing
{
public:
    static constexpr std::size_t default_limit = 1024 * 1024; ///< 1 MiB

    /// The largest payload limit that can be asked for; no view of bytes can be longer.
    static constexpr std::size_t max_limit =
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
    class gap
    {
    public:
        constexpr gap(std::size_t size) noexcept : size_{size} {} ///< that many bytes of any value

        /// These bytes, which are checked.
        template <std::size_t N>
        constexpr gap(const char (&literal)[N]) noexcept : size_{N - 1}, constant_{literal, N - 1}
        {}

        constexpr std::size_t size() const noexcept { return size_; }        ///< in bytes
        constexpr bytes_view constant() const noexcept { return constant_; } ///< empty: any bytes

    private:
        std::size_t size_;
        bytes_view constant_{};
    };

    /// What a length counts: always the payload, and the parts of the head named here. Joined by `|`.
    enum class counted : unsigned char { payload = 0, before = 1, length = 2, between = 4 };

    /// A length that counts every byte of the frame.
    static constexpr counted whole_frame{7};

    /// The parts of a length-prefixed frame. Every member has a default, and the defaults are framing::u32_be.
    struct layout {
        /// What stands before the length. 0: the length comes first. The head may have 255 bytes in all.
        gap before = 0;

        /// Bytes of the length: 1, 2, 3, 4 or 8.
        unsigned width = 4;

        /// Byte order of the length.
        std::endian order = std::endian::big;

        /// What the length counts.
        counted counts = counted::payload;

        /// What stands between length and payload. 0: the payload follows at once.
        gap between = 0;

        /// Bytes at the end of every payload that the length leaves out, such as a checksum. They are payload in
        /// all else: delivered, and within the limit. 0: none.
        std::uint32_t after = 0;

        /// Bytes that the length counts and the frame does not have, such as a checksum that a lower layer took off.
        /// 0: none.
        std::uint32_t absent = 0;

        /// How many of the head's last bytes are delivered in front of the payload, and expected there when writing.
        /// 0: the payload alone. A written frame that holds its length must hold the right one.
        std::size_t delivered = 0;

        /// The most bytes of payload, that is of all that follows the head, whether or not some of the head is
        /// delivered. 0: empty payloads only. A limit above what the length can say has no effect.
        std::size_t limit = default_limit;
    };

    /// The layout of framing::u32_be.
    constexpr framing() noexcept;

    /// A length-prefixed frame of these parts. Throws std::invalid_argument, which names the part, its value and what
    /// was expected, if no frame could be laid out so.
    constexpr explicit framing(const layout& parts);

    // A length that counts the payload only, in so many bits and this byte order.
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
    /// line's own last byte is a `\r`. The limit is for the line without its end.
    static const framing lines;

    // Named after the peer they talk to.
    static const framing erlang_packet_1; ///< Erlang's {packet, 1}
    static const framing erlang_packet_2; ///< Erlang's {packet, 2}
    static const framing erlang_packet_4; ///< Erlang's {packet, 4}
    static const framing twisted_int8;    ///< Twisted's IntNStringReceiver, limit 99,999
    static const framing twisted_int16;   ///< Twisted's IntNStringReceiver, limit 99,999
    static const framing twisted_int32;   ///< Twisted's IntNStringReceiver, limit 99,999
    static const framing tokio_default;   ///< tokio-util's LengthDelimitedCodec::new(): 4 bytes, limit 8 MiB
    static const framing netty_usual;     ///< Netty's LengthFieldBasedFrameDecoder(limit, 0, 4, 0, 4)

    /// gRPC's Length-Prefixed-Message: a flag byte and 4 bytes of length; limit 4 MiB, as in gRPC's own
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

    /// Frames of exactly `size` bytes, which is their limit as well. Throws std::invalid_argument for 0.
    static constexpr framing fixed(std::size_t size);

    /// The same layout with another payload limit, in bytes. Throws std::invalid_argument if no frame could keep it:
    /// below the size of fixed frames or of layout::after, or above max_limit.
    constexpr framing with_limit(std::size_t limit) const;

    /// Longest payload, in bytes.
    constexpr std::size_t limit() const noexcept { return static_cast<std::size_t>(limit_); }

    /// Looks for one frame at the start of `input`, which is what has arrived and was not yet consumed. Never looks
    /// beyond that frame, copies nothing, and keeps no state: however the bytes were split on their way, the outcome is
    /// the same. A length above the limit is refused as soon as it has arrived.
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
    ///   frame_too_large   its payload is above the limit, or above what the length can say, or above the fixed size
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
    constexpr std::uint64_t max_payload() const noexcept
    {
        const std::uint64_t rest = max_length() - counted_; // never negative, as constructed
        return rest > ~std::uint64_t{after_} ? ~std::uint64_t{0} : rest + after_;
    }
    std::uint64_t length_at(const char* bytes) const noexcept;
    void put_length(char* out, std::uint64_t length) const noexcept;
    std::uint64_t length_of(bytes_view frame) const noexcept { return frame.size() - delivered_ - after_ + counted_; }

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

    std::uint64_t limit_ = default_limit;
    char constants_[max_constant] = {}; // the delimiter; or the constants of `before`, then those of `between`
    std::uint32_t counted_ = 0;         // bytes that the length counts and that are not payload
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

/// Both of them counted.
constexpr framing::counted operator|(framing::counted a, framing::counted b) noexcept
{
    return framing::counted(static_cast<unsigned char>(static_cast<unsigned char>(a) | static_cast<unsigned char>(b)));
}

/// Whether they have one in common.
constexpr bool operator&(framing::counted a, framing::counted b) noexcept
{
    return (static_cast<unsigned char>(a) & static_cast<unsigned char>(b)) != 0;
}

// Construction.

constexpr std::size_t framing::require(bool possible, const char* name, std::size_t value, const char* expected,
                                       std::size_t bound)
{
    if (!possible)
        refuse(name, value, expected, bound);
    return value;
}

constexpr framing::framing() noexcept = default;

constexpr framing::framing(const layout& parts)
    : limit_{parts.limit}, after_{parts.after}, little_{parts.order == std::endian::little}
{
    const std::size_t before =
        require(parts.before.size() <= max_head, "before", parts.before.size(), "at most ", max_head);
    const std::size_t between =
        require(parts.between.size() <= max_head, "between", parts.between.size(), "at most ", max_head);
    const std::size_t width = parts.width;
    require(width == 1 || width == 2 || width == 3 || width == 4 || width == 8, "width", width, "1, 2, 3, 4 or 8");
    require(parts.order == std::endian::big || parts.order == std::endian::little, "order",
            static_cast<std::size_t>(parts.order), "big or little");
    require(static_cast<unsigned char>(parts.counts) <= static_cast<unsigned char>(whole_frame), "counts",
            static_cast<std::size_t>(parts.counts), "parts of a frame");

    const std::size_t head = require(before + width + between <= max_head, "before, width and between together",
                                     before + width + between, "at most ", max_head);
    require(parts.delivered <= head, "delivered", parts.delivered, "at most the head's ", head);

    const bytes_view first = parts.before.constant();
    const bytes_view second = parts.between.constant();
    require(first.size() + second.size() <= max_constant, "constant bytes", first.size() + second.size(), "at most ",
            max_constant);

    std::uint64_t counts = parts.absent;
    counts += parts.counts & counted::before ? before : 0;
    counts += parts.counts & counted::length ? width : 0;
    counts += parts.counts & counted::between ? between : 0;
    require(counts <= std::numeric_limits<std::uint32_t>::max(), "absent", parts.absent, "below 4 GiB with the head");

    width_ = static_cast<unsigned char>(width);
    require(counts <= max_length(), "width", width, "a length that can say what it counts beside the payload, ",
            static_cast<std::size_t>(counts));
    require(parts.limit >= parts.after, "limit", parts.limit, "at least layout::after, ", parts.after);
    require(parts.limit <= max_limit, "limit", parts.limit, "at most ", max_limit);

    counted_ = static_cast<std::uint32_t>(counts);
    before_ = static_cast<unsigned char>(before);
    head_ = static_cast<unsigned char>(head);
    delivered_ = static_cast<unsigned char>(parts.delivered);
    constant_before_ = static_cast<unsigned char>(first.size());
    constant_between_ = static_cast<unsigned char>(second.size());
    std::copy(second.begin(), second.end(), std::copy(first.begin(), first.end(), constants_));

    const bool bare = head == 4 && width == 4 && !little_ && counted_ == 0 && after_ == 0 && delivered_ == 0;
    kind_ = bare ? kind::bare_u32_be : kind::prefixed;
}

constexpr framing framing::delimiter(bytes_view end)
{
    framing made{kind::delimiter, default_limit};
    made.width_ = static_cast<unsigned char>(
        require(!end.empty() && end.size() <= max_constant, "delimiter size", end.size(), "1 to ", max_constant));
    std::copy(end.begin(), end.end(), made.constants_);
    return made;
}

constexpr framing framing::fixed(std::size_t size)
{
    return {kind::fixed, require(size > 0 && size <= max_limit, "fixed size", size, "1 to ", max_limit)};
}

constexpr framing framing::with_limit(std::size_t limit) const
{
    require(limit <= max_limit, "limit", limit, "at most ", max_limit);
    require(limit >= after_, "limit", limit, "at least layout::after, ", after_);
    framing copy = *this;
    if (kind_ == kind::fixed)
        require(limit >= limit_, "limit", limit, "at least the fixed size, ", this->limit());
    else
        copy.limit_ = limit;
    return copy;
}

inline constexpr framing framing::u8{{.width = 1}};
inline constexpr framing framing::u16_be{{.width = 2}};
inline constexpr framing framing::u16_le{{.width = 2, .order = std::endian::little}};
inline constexpr framing framing::u24_be{{.width = 3}};
inline constexpr framing framing::u24_le{{.width = 3, .order = std::endian::little}};
inline constexpr framing framing::u32_be{};
inline constexpr framing framing::u32_le{{.width = 4, .order = std::endian::little}};
inline constexpr framing framing::u64_be{{.width = 8}};
inline constexpr framing framing::u64_le{{.width = 8, .order = std::endian::little}};
inline constexpr framing framing::varint{kind::varint, default_limit};
inline constexpr framing framing::netstring{kind::netstring, default_limit};
inline constexpr framing framing::lines{kind::lines, default_limit};

inline constexpr framing framing::erlang_packet_1 = u8;
inline constexpr framing framing::erlang_packet_2 = u16_be;
inline constexpr framing framing::erlang_packet_4 = u32_be;
inline constexpr framing framing::twisted_int8{{.width = 1, .limit = 99'999}};
inline constexpr framing framing::twisted_int16{{.width = 2, .limit = 99'999}};
inline constexpr framing framing::twisted_int32{{.width = 4, .limit = 99'999}};
inline constexpr framing framing::tokio_default{{.width = 4, .limit = 8 * 1024 * 1024}};
inline constexpr framing framing::netty_usual = u32_be;
inline constexpr framing framing::grpc{{.before = "\0", .width = 4, .limit = 4 * 1024 * 1024}};

// Bytes and numbers, without a loop, so that compilers see one load or store and a byte swap.
// Formatters of Debian 12 do not know lambdas with template parameters.
// clang-format off

template <std::size_t N>
std::uint64_t framing::big(const char* bytes) noexcept
{
    return [bytes]<std::size_t... I>(std::index_sequence<I...>) {
        return ((std::uint64_t{static_cast<unsigned char>(bytes[I])} << (8 * (N - 1 - I))) | ...);
    }(std::make_index_sequence<N>{});
}

template <std::size_t N>
std::uint64_t framing::little(const char* bytes) noexcept
{
    return [bytes]<std::size_t... I>(std::index_sequence<I...>) {
        return ((std::uint64_t{static_cast<unsigned char>(bytes[I])} << (8 * I)) | ...);
    }(std::make_index_sequence<N>{});
}

template <std::size_t N>
void framing::put_big(char* out, std::uint64_t value) noexcept
{
    [out, value]<std::size_t... I>(std::index_sequence<I...>) {
        ((out[I] = static_cast<char>(value >> (8 * (N - 1 - I)))), ...);
    }(std::make_index_sequence<N>{});
}

template <std::size_t N>
void framing::put_little(char* out, std::uint64_t value) noexcept
{
    [out, value]<std::size_t... I>(std::index_sequence<I...>) {
        ((out[I] = static_cast<char>(value >> (8 * I))), ...);
    }(std::make_index_sequence<N>{});
}

// clang-format on

inline std::uint64_t framing::length_at(const char* bytes) const noexcept
{
    switch (width_) {
    case 1: return big<1>(bytes);
    case 2: return little_ ? little<2>(bytes) : big<2>(bytes);
    case 3: return little_ ? little<3>(bytes) : big<3>(bytes);
    case 4: return little_ ? little<4>(bytes) : big<4>(bytes);
    default: return little_ ? little<8>(bytes) : big<8>(bytes);
    }
}

inline void framing::put_length(char* out, std::uint64_t length) const noexcept
{
    switch (width_) {
    case 1: return put_big<1>(out, length);
    case 2: return little_ ? put_little<2>(out, length) : put_big<2>(out, length);
    case 3: return little_ ? put_little<3>(out, length) : put_big<3>(out, length);
    case 4: return little_ ? put_little<4>(out, length) : put_big<4>(out, length);
    default: return little_ ? put_little<8>(out, length) : put_big<8>(out, length);
    }
}

// Decoding.

inline decoded framing::incomplete(std::size_t needed, std::uint64_t length) noexcept
{
    return {.needed = needed, .length = length};
}

inline decoded framing::complete(bytes_view input, std::size_t begin, std::size_t end, std::size_t consumed,
                                 std::uint64_t length) noexcept
{
    return {.state = decoded::status::complete,
            .consumed = consumed,
            .frame = {input.data() + begin, end - begin},
            .length = length};
}

inline decoded framing::refused(errc error, std::uint64_t length) noexcept
{
    return {.state = decoded::status::refused, .error = error, .length = length};
}

// Always inline: its result is taken apart where it is used, and never stands in memory.
[[gnu::always_inline]] inline decoded framing::decode(bytes_view input, std::size_t& scanned) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]] {
        if (input.size() < 4)
            return incomplete(0, 0);
        const std::uint64_t length = big<4>(input.data());
        if (length > limit_)
            return refused(errc::frame_too_large, length);
        const std::size_t whole = 4 + static_cast<std::size_t>(length);
        if (input.size() < whole)
            return incomplete(whole, length);
        return complete(input, 4, whole, whole, length);
    }
    return decode_other(input, scanned);
}

inline decoded framing::decode(bytes_view input) const noexcept
{
    std::size_t scanned = 0;
    return decode(input, scanned);
}

inline decoded framing::decode_prefixed(bytes_view input) const noexcept
{
    if (input.size() < std::size_t{before_} + width_)
        return incomplete(0, 0);
    if (constant_before_ != 0 && !constants_before(input.data()))
        return refused(errc::malformed_frame, 0);

    const std::uint64_t length = length_at(input.data() + before_);
    if (length < counted_)
        return refused(errc::length_too_small, length);
    const std::uint64_t rest = length - counted_;
    if (rest > limit_ - after_) // after_ is at most limit_
        return refused(errc::frame_too_large, rest > ~std::uint64_t{after_} ? ~std::uint64_t{0} : rest + after_);

    const std::uint64_t payload = rest + after_;
    const std::size_t whole = head_ + static_cast<std::size_t>(payload);
    if (constant_between_ != 0 && input.size() >= head_ && !constants_between(input.data()))
        return refused(errc::malformed_frame, payload);
    if (input.size() < whole)
        return incomplete(whole, payload);
    return complete(input, std::size_t{head_} - delivered_, whole, whole, payload);
}

// Encoding.

inline bytes_view framing::tail(bytes_view frame) const noexcept
{
    return kind_ <= kind::varint ? bytes_view{} : tail_other(frame);
}

inline std::optional<errc> framing::check(bytes_view frame) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]] {
        if (frame.size() > limit_ || frame.size() > 0xffff'ffff)
            return errc::frame_too_large;
        return std::nullopt;
    }
    if (kind_ == kind::prefixed)
        return check_prefixed(frame);
    return check_other(frame);
}

inline std::optional<errc> framing::check_prefixed(bytes_view frame) const noexcept
{
    if (frame.size() < delivered_)
        return errc::malformed_frame;
    const std::uint64_t payload = frame.size() - delivered_;
    if (payload > limit_ || payload > max_payload())
        return errc::frame_too_large;
    if (payload < after_)
        return errc::length_too_small;
    if (delivered_ != 0)
        return check_delivered(frame);
    return std::nullopt;
}

inline std::size_t framing::head_size(bytes_view frame) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]]
        return 4;
    if (kind_ == kind::prefixed)
        return std::size_t{head_} - delivered_;
    return head_size_other(frame);
}

inline std::size_t framing::encode_head(char* out, bytes_view frame) const noexcept
{
    if (kind_ == kind::bare_u32_be) [[likely]] {
        put_big<4>(out, frame.size());
        return 4;
    }
    if (kind_ == kind::prefixed && head_ == width_ && delivered_ == 0) {
        put_length(out, length_of(frame));
        return head_;
    }
    return encode_head_other(out, frame);
}

} // namespace hawser

#endif
