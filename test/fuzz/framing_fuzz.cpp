// SPDX-License-Identifier: BSL-1.0

// libFuzzer target of the frame codec. The first byte of an input chooses the framing, the second the limit and where
// the rest is cut; the rest is the stream. Corpus: corpus/framing.
//
// What must hold for any bytes:
//   - however the stream is cut, the same frames come out of it and it ends the same way
//   - a frame that was delivered can be written, to a frame on the wire that delivers it again
//   - check() accepts some bytes as a frame exactly when decode() can deliver them
#include <hawser/framing.hpp>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace {

using hawser::bytes_view;
using hawser::decoded;
using hawser::framing;
using status = hawser::decoded::status;

constexpr framing framings[] = {
    framing::u32_be,
    framing::u8,
    framing::u16_be,
    framing::u16_le,
    framing::u24_be,
    framing::u24_le,
    framing::u32_le,
    framing::u64_be,
    framing::u64_le,
    framing::varint,
    framing::netstring,
    framing::lines,
    framing::delimiter("--"),
    framing::delimiter("aab"),
    framing::delimiter("\r\n\r\n"),
    framing::delimiter("\0"),
    framing::grpc,
    framing{{.width = 2, .delivered = 2}},
    framing{{.width = 2, .covers = framing::length_covers::length, .delivered = 2}},
    framing{{.before = 2, .width = 3, .delivered = 5}},
    framing{{.width = 3, .between = 2, .delivered = 5}},
    framing{{.before = "\xca", .width = 2, .between = 1, .delivered = 1}},
    framing{{.before = "\xca", .width = 2, .covers = framing::whole_frame, .between = 1, .delivered = 1}},
    framing{{.before = "HW", .width = 2, .order = std::endian::little, .between = "!", .delivered = 2}},
    framing{{.width = 1, .after = 2}},
    framing{{.width = 8, .after = 2, .length_excess = 3}},
    framing::fixed(5),
};

void require(bool holds)
{
    if (!holds)
        std::abort();
}

std::string encode(const framing& format, bytes_view frame)
{
    std::string wire(format.head_size(frame), '\0');
    require(format.encode_head(wire.data(), frame) == wire.size());
    return wire.append(frame).append(format.tail(frame));
}

struct outcome {
    std::vector<std::string> frames;
    decoded last;
    std::size_t rest = 0;
    hawser::end_of_stream end{};
};

bool operator==(const outcome& a, const outcome& b)
{
    return a.frames == b.frames && a.last.state == b.last.state && a.last.error == b.last.error && a.rest == b.rest &&
           a.end == b.end;
}

// Decodes the stream as it comes in pieces of `piece` bytes, each time from a copy of nothing but what has come.
outcome receive(const framing& format, bytes_view stream, std::size_t piece)
{
    outcome got;
    std::size_t begin = 0;
    std::size_t scanned = 0;
    std::size_t needed = 0;
    for (std::size_t end = 0;;) {
        end = std::min(end + piece, stream.size());
        for (;;) {
            const bytes_view here = stream.substr(begin, end - begin);
            const auto copy = std::make_unique<char[]>(here.size());
            std::copy(here.begin(), here.end(), copy.get());
            got.last = format.decode({copy.get(), here.size()}, scanned);

            if (got.last.state != status::complete)
                break;
            require(got.last.consumed > 0 && got.last.consumed <= here.size());
            require(needed == 0 || needed == got.last.consumed);
            require(scanned == 0);
            needed = 0;
            got.frames.emplace_back(got.last.frame);
            begin += got.last.consumed;
        }
        require(got.last.consumed == 0);
        if (got.last.state == status::refused) {
            require(!format.describe(got.last, stream.substr(begin)).empty());
            return got; // how much of it had come by then differs, rightly
        }
        require(got.last.needed == 0 || got.last.needed > end - begin);
        require(needed == 0 || needed == got.last.needed);
        needed = got.last.needed;
        if (end == stream.size())
            break;
    }
    got.rest = stream.size() - begin;
    got.end = format.at_end(stream.substr(begin));
    require((got.end == hawser::end_of_stream::clean) == (got.rest == 0));
    return got;
}

void check_written(const framing& format, bytes_view frame)
{
    const std::string wire = encode(format, frame);
    const decoded again = format.decode(wire);
    require(again.state == status::complete);
    require(again.consumed == wire.size());
    require(again.frame == frame);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    framing format = framings[data[0] % std::size(framings)];
    if (data[1] % 2 != 0 && data[1] >= 5) // small limits, but none below what some of the framings need
        format = format.with_max_payload(data[1] / 2 + 3);
    const std::size_t piece = 1 + data[1] % 7;
    const bytes_view stream{reinterpret_cast<const char*>(data) + 2, size - 2};

    const outcome whole = receive(format, stream, std::max<std::size_t>(stream.size(), 1));
    require(receive(format, stream, 1) == whole);
    require(receive(format, stream, piece) == whole);

    for (const std::string& frame : whole.frames) {
        require(!format.check(frame).has_value());
        check_written(format, frame);
    }

    // The stream taken for a frame to write. If it is refused, writing it all the same must not deliver it.
    const auto refused = format.check(stream);
    if (!refused) {
        check_written(format, stream);
        return 0;
    }
    require(!format.describe(*refused, stream).empty());
    if (stream.size() >= framing::max_constant) { // shorter, it may lack what every frame of the format has
        const std::string wire = encode(format, stream);
        const decoded got = format.decode(wire);
        require(got.state != status::complete || got.frame != stream || got.consumed != wire.size());
    }
    return 0;
}
