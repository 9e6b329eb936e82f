// SPDX-License-Identifier: BSL-1.0

// The fields of a response as the lines they go out in. Handlers set the same fields for one response after another:
// what stands here from the last response is found again, and is neither checked nor copied twice.
//
//     text():  | the lines of this response | what may still stand from the one before |
//                                             ^ size_
#ifndef HAWSER_SRC_HTTP_SERVER_FIELD_LINES_HPP
#define HAWSER_SRC_HTTP_SERVER_FIELD_LINES_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::http::detail {

class field_lines
{
public:
    /// Adds one, or puts it in place of all of its name. Throws field_error, and then nothing has changed.
    void add(std::string_view name, std::string_view value)
    {
        if (!stands_here(name, value))
            append(name, value);
    }
    void set(std::string_view name, std::string_view value)
    {
        const std::size_t before = size_;
        add(name, value);
        if (before != 0)
            erase(name, before);
    }

    /// Ready for the next response.
    void clear() noexcept { size_ = count_ = 0; }

    std::string_view text() const noexcept { return {text_.data(), size_}; }

    /// A number that is another one whenever text of the same size is another.
    std::uint64_t version() const noexcept { return version_; }

    /// Gives memory back if it is more than this.
    void shrink(std::size_t most);

private:
    struct line {
        std::size_t name = 0;
        std::size_t value = 0;
    };
    static constexpr std::size_t around = 4; // ": " and CRLF

    bool stands_here(std::string_view name, std::string_view value) noexcept
    {
        if (count_ >= known_ || known_lines_[count_].name != name.size() || known_lines_[count_].value != value.size())
            return false;
        const std::string_view here = std::string_view{text_}.substr(size_, name.size() + value.size() + around);
        if (!here.starts_with(name) || here.substr(name.size() + 2, value.size()) != value)
            return false;
        size_ += here.size();
        ++count_;
        return true;
    }
    void append(std::string_view name, std::string_view value);
    void erase(std::string_view name, std::size_t before);

    std::string text_;
    std::size_t size_ = 0;
    std::size_t count_ = 0; // lines of this response, as far as known_lines_ has room for them
    std::size_t known_ = 0; // lines of text_ that known_lines_ tells the sizes of
    std::uint64_t version_ = 0;
    std::array<line, 8> known_lines_;
};

} // namespace hawser::inline v0_1::http::detail

#endif
