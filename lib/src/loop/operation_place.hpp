// SPDX-License-Identifier: BSL-1.0

// Memory for one of Asio's operations at a time, as an allocator: to begin the operation again cannot fail.
#ifndef HAWSER_SRC_LOOP_OPERATION_PLACE_HPP
#define HAWSER_SRC_LOOP_OPERATION_PLACE_HPP

#include <array>
#include <cstddef>
#include <new>

namespace hawser::inline v0_1::detail {

class operation_place
{
public:
    void* take(std::size_t size)
    {
        if (taken_ || size > sizeof bytes_)
            return ::operator new(size);
        taken_ = true;
        return bytes_.data();
    }
    void give(void* at) noexcept
    {
        if (at == bytes_.data())
            taken_ = false;
        else
            ::operator delete(at);
    }

private:
    alignas(std::max_align_t) std::array<std::byte, 256> bytes_;
    bool taken_ = false;
};

template <class T>
class place_allocator
{
public:
    using value_type = T;
    explicit place_allocator(operation_place& in) noexcept : in_{&in} {}
    template <class U>
    place_allocator(const place_allocator<U>& other) noexcept : in_{other.in_}
    {}
    T* allocate(std::size_t n) { return static_cast<T*>(in_->take(n * sizeof(T))); }
    void deallocate(T* at, std::size_t) noexcept { in_->give(at); }

    template <class U>
    friend bool operator==(const place_allocator& a, const place_allocator<U>& b) noexcept
    {
        return a.in_ == b.in_;
    }

private:
    template <class U>
    friend class place_allocator;
    operation_place* in_;
};

} // namespace hawser::inline v0_1::detail

#endif
