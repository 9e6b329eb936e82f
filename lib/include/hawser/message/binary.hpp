// SPDX-License-Identifier: BSL-1.0

// Numbers in the binary content of a message, in the byte order that its header names.
//
//     hawser::messages::binary_reader in{received}; // of a hawser::messages::message
//     const auto id = in.read<std::uint32_t>();
//     const auto weight = in.read<double>();
//
//     hawser::messages::binary_writer out;
//     out.write(id).write(2 * weight);
//     const hawser::messages::message answer{.type = "binary/weight", .encoding = "binary", .content = out.bytes()};
//
// Uses message.hpp.
#ifndef HAWSER_MESSAGE_BINARY_HPP
#define HAWSER_MESSAGE_BINARY_HPP

#include <hawser/message.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>

namespace hawser::inline v0_1::messages {

/// What stands in binary content as its bytes: integers but bool, and IEEE 754's float and double.
template <class T>
concept binary_number = (std::integral<T> && !std::same_as<T, bool>) ||
                        (std::floating_point<T> && std::numeric_limits<T>::is_iec559 &&
                         (sizeof(T) == 4 || sizeof(T) == 8));

/// Reads one value after another. Views the content: as valid as that is.
class binary_reader
{
public:
    /// Reads the content of a message, in its byte order.
    explicit binary_reader(const message& m) noexcept : binary_reader{m.content, m.order} {}
    /// Reads `content`, which outlives the reader.
    binary_reader(bytes_view content, std::endian order) noexcept : rest_{content}, order_{order} {}

    /// The next number. Throws message_error (errc::invalid_message_content) if fewer bytes are left, and takes none.
    template <binary_number T>
    T read()
    {
        std::array<char, sizeof(T)> bytes;
        std::memcpy(bytes.data(), read_bytes(sizeof(T)).data(), sizeof(T));
        if (order_ != std::endian::native)
            std::reverse(bytes.begin(), bytes.end());
        return std::bit_cast<T>(bytes);
    }

    /// The next `n` bytes as they are. Throws as read().
    bytes_view read_bytes(std::size_t n)
    {
        if (n > rest_.size())
            refuse(n);
        const bytes_view found = rest_.substr(0, n);
        rest_.remove_prefix(n);
        return found;
    }

    /// What has not been read.
    bytes_view rest() const noexcept { return rest_; }

private:
    [[noreturn]] void refuse(std::size_t n) const
    {
        throw message_error{errc::invalid_message_content, "content", std::to_string(n) + " bytes more",
                            std::to_string(rest_.size())};
    }

    bytes_view rest_;
    std::endian order_;
};

/// Writes one value after another, by default in this machine's order, which is that of a message by default.
class binary_writer
{
public:
    /// Numbers in this byte order.
    explicit binary_writer(std::endian order = std::endian::native) noexcept : order_{order} {}

    /// Appends a number.
    template <binary_number T>
    binary_writer& write(T value)
    {
        auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(value);
        if (order_ != std::endian::native)
            std::reverse(bytes.begin(), bytes.end());
        bytes_.append(bytes.data(), bytes.size());
        return *this;
    }

    /// Appends the bytes as they are.
    binary_writer& write_bytes(bytes_view bytes)
    {
        bytes_ += bytes;
        return *this;
    }

    /// What was written so far.
    const std::string& bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
    std::endian order_;
};

} // namespace hawser::inline v0_1::messages

#endif
