// SPDX-License-Identifier: BSL-1.0
#include "http/server/field_lines.hpp"

#include <hawser/http/writer.hpp>

#include <algorithm>

namespace hawser::inline v0_1::http::detail {
namespace {

void check_not_own(std::string_view name)
{
    if (same_name(name, "Date") || same_name(name, "Connection"))
        throw field_error{std::string{name} + ": expected another field, this one is the server's own"};
}

} // namespace

void field_lines::append(std::string_view name, std::string_view value)
{
    check_not_own(name);
    text_.resize(size_);
    known_ = std::min(known_, count_);
    ++version_;
    append_field(text_, name, value);
    size_ = text_.size();
    if (known_ == count_ && count_ < known_lines_.size()) {
        known_lines_[count_] = {name.size(), value.size()};
        known_ = ++count_;
    }
}

// Cuts the lines of this name out of the first `before` bytes.
void field_lines::erase(std::string_view name, std::size_t before)
{
    for (std::size_t at = 0; at < before;) {
        const std::size_t size = text_.find('\n', at) + 1 - at;
        const std::string_view here{text_.data() + at, size};
        if (size <= name.size() || here[name.size()] != ':' || !same_name(here.substr(0, name.size()), name)) {
            at += size;
            continue;
        }
        text_.resize(size_);
        text_.erase(at, size);
        size_ -= size;
        before -= size;
        known_ = 0; // the sizes are those of other lines: each that follows in this response is appended
        count_ = known_lines_.size();
        ++version_;
    }
}

void field_lines::shrink(std::size_t most)
{
    if (text_.capacity() <= most)
        return;
    std::string{}.swap(text_);
    size_ = count_ = known_ = 0;
    ++version_;
}

} // namespace hawser::inline v0_1::http::detail
