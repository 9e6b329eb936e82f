// SPDX-License-Identifier: BSL-1.0

// One frame for many connections: encoded once, appended to each on its own loop.
//
//     const hawser::encoded_frame news{hawser::framing::u32_be, "hello, all"};
//     hawser::send_to_all(members, news, [](hawser::connection& behind) { behind.reset(); });
#ifndef HAWSER_BROADCAST_HPP
#define HAWSER_BROADCAST_HPP

#include <hawser/bytes.hpp>
#include <hawser/connection.hpp>
#include <hawser/detail/export.hpp>
#include <hawser/framing.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace hawser::inline v0_1 {

/// A frame as it stands on the wire. Copies share it; thread safe.
class HAWSER_EXPORT encoded_frame
{
public:
    /// Copies the payload. Throws frame_error if the format cannot carry it.
    encoded_frame(const framing& format, any_bytes payload);

    const framing& format() const noexcept { return content_->format; } ///< what it was encoded with
    bytes_view bytes() const noexcept { return content_->bytes; }       ///< head, payload and what stands behind it

private:
    struct content {
        framing format;
        std::string bytes;
    };
    std::shared_ptr<const content> content_;
};

/// Appends the frame to the output of every connection in `to`, each on its own loop, and returns at once. From any
/// thread; what one thread sends one after the other arrives in that order. A session that has ended is passed over.
///
/// A connection whose output stands at the high-water mark, as its peer reads slowly, gets nothing of the frame:
/// `behind` is called with it instead, on its loop, to reset it or to note what it has missed. No other connection
/// waits for it. A session ends with what `behind` throws, and with std::invalid_argument if its framing is another
/// than the frame's.
///
/// What waits for a slow loop is bounded too: frames of a connection that its loop has not taken over yet count towards
/// its high-water mark, apart from its output. One that stands there gets nothing of the frame either, and `behind` is
/// called once for all the frames that it misses until that call.
///
/// Returns for how many sessions the frame was queued. Each of them gets it, unless by its turn the session has ended
/// its output, or that stands at the mark, which `behind` is told. The others, up to to.size(), had ended, or miss it.
HAWSER_EXPORT std::size_t send_to_all(std::span<const connection_handle> to, const encoded_frame& frame,
                                      std::function<void(connection&)> behind);

} // namespace hawser::inline v0_1

#endif
