// The memory of Asio's operations on one loop's connections: blocks of a few sizes, carved from chunks and used again.
//
// Asio's own recycling keeps two blocks a thread, whatever their sizes, and goes to the heap now and then; here, nothing
// is allocated once as many operations have been under way as ever will be. Not thread safe: it belongs to its loop.
#ifndef HAWSER_SRC_OPERATIONS_HPP
#define HAWSER_SRC_OPERATIONS_HPP

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace hawser::detail {

class operation_memory
{
public:
    void* take(std::size_t size)
    {
        const std::size_t c = size_class(size);
        if (c >= classes)
            return ::operator new(size);
        if (free_[c] == nullptr)
            carve(c);
        return std::exchange(free_[c], free_[c]->next);
    }
    void give(void* at, std::size_t size) noexcept
    {
        const std::size_t c = size_class(size);
        if (c >= classes)
            return ::operator delete(at);
        free_[c] = ::new (at) block{free_[c]};
    }

private:
    struct block {
        block* next;
    };
    static constexpr std::size_t grain = 64; // a read and a wait fit the same block, which one leaves to the other
    static constexpr std::size_t classes = 4;
    static constexpr std::size_t chunk_size = 4096;

    static std::size_t size_class(std::size_t size) noexcept { return (size - 1) / grain; }

    void carve(std::size_t c)
    {
        const std::size_t size = (c + 1) * grain;
        chunks_.push_back(std::make_unique_for_overwrite<chunk>());
        for (std::size_t at = 0; at + size <= chunk_size; at += size)
            free_[c] = ::new (chunks_.back()->bytes.data() + at) block{free_[c]};
    }

    struct chunk {
        alignas(grain) std::array<unsigned char, chunk_size> bytes;
    };
    std::array<block*, classes> free_{};
    std::vector<std::unique_ptr<chunk>> chunks_;
};

/// For the handlers of such operations.
template <class T>
class operation_allocator
{
public:
    using value_type = T;

    explicit operation_allocator(operation_memory& from) noexcept : from_{&from} {}
    template <class U>
    operation_allocator(const operation_allocator<U>& other) noexcept : from_{other.from_}
    {}
    T* allocate(std::size_t n) { return static_cast<T*>(from_->take(n * sizeof(T))); }
    void deallocate(T* at, std::size_t n) noexcept { from_->give(at, n * sizeof(T)); }

    template <class U>
    friend bool operator==(const operation_allocator& a, const operation_allocator<U>& b) noexcept
    {
        return a.from_ == b.from_;
    }

private:
    template <class U>
    friend class operation_allocator;
    operation_memory* from_;
};

} // namespace hawser::detail

#endif
