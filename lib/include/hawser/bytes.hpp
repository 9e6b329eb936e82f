// SPDX-License-Identifier: BSL-1.0

// Bytes as Hawser hands them over and takes them: views, never owners.
//
// Uses nothing but the standard library.
#ifndef HAWSER_BYTES_HPP
#define HAWSER_BYTES_HPP

#include <hawser/detail/export.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace hawser::inline v0_1 {

/// Octets that somebody else owns. The bytes need not be text; a string literal, a std::string and a frame
/// that was read all convert. How long the view is valid is said wherever one is returned.
using bytes_view = std::string_view;

namespace detail {

template <class T>
concept text_like = std::convertible_to<const T&, bytes_view>;
template <class T, class Octet>
concept range_of = std::convertible_to<const T&, std::span<const Octet>>;
// Asio's const_buffer and mutable_buffer, without Asio.
template <class T>
concept void_buffer = requires(const T& b)
{
    requires std::same_as<decltype(b.size()), std::size_t>;
    requires std::same_as<decltype(b.data()), const void*> || std::same_as<decltype(b.data()), void*>;
};
template <class T>
concept holds_bytes =
    text_like<T> || range_of<T, char> || range_of<T, unsigned char> || range_of<T, std::byte> || void_buffer<T>;

} // namespace detail

/// What is to be written: converts from whatever holds bytes in one piece, and is passed on at once, so that nobody
/// need name it. Those are what a bytes_view is made of (text up to its NUL, where it is an array of char or a
/// pointer to one: "hello" is 5 bytes), any contiguous range of char, unsigned char or std::byte, and Asio's
/// const_buffer. Owns nothing, as bytes_view.
class any_bytes
{
public:
    any_bytes() noexcept = default;                                               ///< no bytes
    any_bytes(const char* data, std::size_t size) noexcept : view_{data, size} {} ///< those that begin there

    /// All that `of` holds.
    template <class T>
    requires(!std::same_as<T, any_bytes> && detail::holds_bytes<T>) any_bytes(const T& of) : view_{view_of(of)} {}

    operator bytes_view() const noexcept { return view_; } ///< the same bytes

private:
    static bytes_view at(const void* data, std::size_t size) noexcept { return {static_cast<const char*>(data), size}; }
    template <class Octet>
    static bytes_view of_span(std::span<const Octet> s) noexcept
    {
        return at(s.data(), s.size());
    }
    template <class T>
    static bytes_view view_of(const T& of)
    {
        if constexpr (detail::text_like<T>)
            return of;
        else if constexpr (detail::range_of<T, char>)
            return of_span<char>(of);
        else if constexpr (detail::range_of<T, unsigned char>)
            return of_span<unsigned char>(of);
        else if constexpr (detail::range_of<T, std::byte>)
            return of_span<std::byte>(of);
        else
            return at(of.data(), of.size());
    }

    bytes_view view_;
};

} // namespace hawser::inline v0_1

#endif
