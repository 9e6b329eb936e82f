// SPDX-License-Identifier: BSL-1.0

// One end of a connection whose life a fuzz target lives: operations of each kind, and what must hold of each.
#ifndef HAWSER_TEST_FUZZ_SESSION_END_HPP
#define HAWSER_TEST_FUZZ_SESSION_END_HPP

#include "carried.hpp"

#include <hawser/connection.hpp>

#include <functional>
#include <string>
#include <vector>

namespace fuzz {

using hawser::awaitable;
using hawser::connection;

/// What both ends of a connection share.
struct life_facts {
    bool lossy = false;     ///< something may lose bytes from here on, and any operation may fail
    bool cancelled = false; ///< operations may end by being cancelled
    std::size_t budget = 0; ///< bytes that may still be sent
    unsigned number = 0;    ///< of payloads made
};

class end
{
public:
    end(life_facts& life, carried& in, carried& out) noexcept : life_{life}, in_{in}, out_{out} {}

    /// How many operations act() knows.
    static constexpr unsigned operations = 27;
    static constexpr unsigned half_closes = 19; ///< which of them half-closes
    static constexpr unsigned closes = 20;      ///< and which closes

    void begin(connection& c, std::size_t high_water);
    /// The connection is about to be destroyed.
    void over();
    connection* peer = nullptr; ///< of which this is the end; null before begin() and after over()
    hawser::unit unit;          ///< in which its reads are, if one is open

    /// Does one operation to its end; `how` chooses sizes and the like.
    awaitable<void> act(unsigned what, unsigned how);
    /// Reads whatever comes until the end of the stream.
    awaitable<void> read_all();

    unsigned running() const noexcept { return running_; }
    unsigned writing() const noexcept { return writing_; }
    bool reading() const noexcept { return reading_; }
    bool ended_output = false; ///< it has half-closed, or is about to
    const end* other = nullptr;
    std::function<void()> done; ///< called whenever an operation has ended

    /// What must hold at any time.
    void check() const;
    /// What its buffers may take at most.
    std::size_t most_memory() const noexcept;

private:
    class counted;
    awaitable<void> perform(unsigned what, unsigned how);

    awaitable<void> read(unsigned what, unsigned how);
    awaitable<void> read_second();
    awaitable<void> read_frame();
    awaitable<void> read_frame_as(hawser::framing format);
    awaitable<void> read_frames();
    awaitable<void> read_some();
    awaitable<void> read_exactly(std::size_t n);
    awaitable<void> read_in_place(unsigned how);
    awaitable<void> read_stream(unsigned how);
    void begin_read();
    void keep(bytes_view view);
    void nothing_came() const;
    void refused(const hawser::framing& format) const;

    awaitable<void> write(unsigned what, unsigned how);
    awaitable<void> write_frame(unsigned how);
    awaitable<void> write_frame_as(unsigned how, hawser::framing format);
    awaitable<void> write_frame_pieces(unsigned how);
    awaitable<void> write_bytes(unsigned how);
    awaitable<void> write_some(unsigned how);
    awaitable<void> write_pieces(unsigned how);
    awaitable<void> write_batch(unsigned how);
    awaitable<void> write_stream(unsigned how);
    void try_write_frame(unsigned how);
    void try_write(unsigned how);
    void post(unsigned how);
    std::string payload(unsigned how);
    void accepted(bytes_view wire);

    awaitable<void> half_close();
    void failed(const hawser::system_error& e) const;

    life_facts& life_;
    carried& in_;
    carried& out_;
    std::size_t high_water_ = 0;
    std::size_t largest_ = 0; // unit that was written
    std::size_t asked_ = 0;   // bytes in one piece
    unsigned running_ = 0;
    unsigned writing_ = 0;
    bool alone_ = false; // a write that must have the output for itself is under way
    bool reading_ = false;

    struct held {
        bytes_view view;
        std::string bytes;
    };
    std::vector<held> views_; // of what was read last
};

/// Counts an operation as long as it runs.
class end::counted
{
public:
    explicit counted(unsigned& n) noexcept : n_{n} { ++n_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --n_; }

private:
    unsigned& n_;
};

} // namespace fuzz

#endif
