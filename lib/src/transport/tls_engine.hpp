// SPDX-License-Identifier: BSL-1.0

// OpenSSL's end of one connection: plaintext on one side, a socket's bytes on the other. It never waits.
//
//     hello    a server's first input is gathered until the ClientHello is whole, or known to be none; more than 2 KiB
//              of it only by who has a place among the handshakes (handshakes.hpp)
//     input    the stream has put ciphertext somewhere --> feed(), then read() until it wants more; a handshake's
//              is received from the socket directly, behind what was gathered
//     output   write() --> one record --> one send. A record that the kernel does not take whole stays with OpenSSL,
//              its plaintext counts as not written, and the next write begins with the same bytes.
//
// Nothing is buffered in between: the BIO is our own. OpenSSL's part, 46 KiB, is made when there is a whole hello for
// it: a peer that is silent or slow costs none of it, and what it has sent lies in a string of at most twice the size.
// With a place that is less than 64 KiB, even in the moment in which the string grows.
#ifndef HAWSER_SRC_TRANSPORT_TLS_ENGINE_HPP
#define HAWSER_SRC_TRANSPORT_TLS_ENGINE_HPP

#include "loop/buffer.hpp"
#include "tls/client_hello.hpp"
#include "tls/context.hpp"
#include "tls/openssl.hpp"
#include "transport/shaking_hands.hpp"
#include "transport/stream.hpp"

#include <hawser/bytes.hpp>
#include <hawser/tls.hpp>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::inline v0_1::detail {

class tls_engine
{
public:
    /// What the engine needs to go on.
    enum class step : std::uint8_t {
        done,
        wants_input,
        wants_output, // room for it, that is
        ended,        // the peer has ended its stream
        failed,       // error() says how
    };

    /// A server's, of what the configuration is when the peer's whole hello has come.
    tls_engine(std::shared_ptr<const tls_configuration> from, int descriptor, block_pool& pool);
    /// A client's, for a server that is called so.
    tls_engine(std::shared_ptr<const tls_context> context, std::string host, int descriptor, block_pool& pool);
    tls_engine(const tls_engine&) = delete;
    tls_engine& operator=(const tls_engine&) = delete;
    ~tls_engine();

    bool is_client() const noexcept { return configuration_ == nullptr; }

    /// So much of a hello is gathered without a place.
    static constexpr std::size_t gathered_without_place = 2 * 1024;
    /// Receives what has come of a server's first hello, and holds at most so much of it and the head of a record.
    /// `done`: it can go on, by handshake(), or by gather() with a place if that has more to do; `ended`: the peer has,
    /// before its first byte.
    step gather(std::size_t most) noexcept;
    /// Whether gather() has more to do.
    bool gathers() const noexcept { return !is_client() && hello_.stands() == client_hello::state::begun; }
    /// Goes on with the handshake, as far as the socket allows.
    step handshake() noexcept;
    /// The handshake has come to nothing: OpenSSL's part is not needed any more, only the words.
    void give_up() noexcept;
    /// Whether the peer has sent anything.
    bool has_begun() const noexcept;
    /// Whether handshake() has seen any of it, and it looks like TLS.
    bool opened() const noexcept { return opened_; }
    /// Whether the peer, whose hello was gathered, has left since; the engine has failed, then.
    bool has_lost_peer() noexcept;
    bool established() const noexcept { return established_; }
    /// Bytes of TLS, in all.
    std::uint64_t sent() const noexcept { return wire_out_; }
    /// Of what feed() was given.
    std::uint64_t received() const noexcept { return wire_in_; }

    /// Ciphertext that has arrived, in memory that the next read() may write over.
    void feed(bytes_view ciphertext) noexcept
    {
        arrived_ = ciphertext;
        wire_in_ += ciphertext.size();
    }

    /// Plaintext of what was fed. `next`: what has to happen before there is more.
    std::size_t read(char* into, std::size_t size, step& next) noexcept;

    /// Whether read() may give something without new input.
    bool holds_input() const noexcept { return filled_ || failed_ || ended_; }

    /// Whether a part of a record was fed, and not all of it.
    bool record_has_begun() const noexcept { return record_begun_; }

    /// Plaintext of the records that the kernel has taken whole. `next`: done if that is all or enough for one turn.
    std::size_t write(two_pieces from, step& next) noexcept;

    /// TLS's end of the stream: done, or wants_output.
    step end() noexcept;

    /// How many bytes of plaintext stand for so many on the wire, on this connection's average; at least one for any.
    std::size_t plaintext_of(std::size_t on_wire) const noexcept;

    /// The socket has ended without the peer's having ended its stream.
    const error_code& truncated() noexcept;

    const error_code& error() const noexcept { return error_; }
    const std::string& words() const noexcept { return words_; }
    void fail(const error_code& e, std::initializer_list<std::string_view> words) noexcept;

    tls_info facts() const;

    /// What the stream over this engine remembers; here, so that no other connection is larger for it.
    struct {
        bool dropping = false;
        bool read_wants_output = false;
        bool write_wants_input = false;
        std::optional<shaking_hands> handshake; // until it is done
    } operation;

private:
    friend struct engine_callbacks;
    step peek_at_opening() noexcept;
    step look_at_opening(bytes_view first) noexcept;
    bool keep_hello(bytes_view piece) noexcept;
    void start();
    step stopped() noexcept;
    bool refused_by_alert() const noexcept;
    void explain();
    int receive(char* into, std::size_t size) noexcept;
    int take_gathered(char* into, std::size_t size) noexcept;
    int take_arrived(char* into, std::size_t size) noexcept;
    bool keep_arrived() noexcept;
    int send(const char* from, std::size_t size) noexcept;
    void note_message(int content, bytes_view message) noexcept;
    void refuse_hello() noexcept;
    void fail_during_handshake(const error_code& e) noexcept;
    void note_refused(X509_STORE_CTX& chain);
    bool is_flooded() const noexcept;
    bool is_within_record() const noexcept;

    std::shared_ptr<const tls_configuration> configuration_; // a server's
    std::shared_ptr<const tls_context> context_;             // once started
    std::string host_;                                       // a client's
    ssl_ptr ssl_;
    bytes_view arrived_;
    buffer kept_; // what of it did not fit OpenSSL's buffer
    std::uint64_t plaintext_in_ = 0;
    std::uint64_t plaintext_out_ = 0;
    std::uint64_t wire_out_ = 0;
    std::uint64_t wire_in_ = 0;  // since the handshake
    std::uint32_t messages_ = 0; // of the handshake protocol, after the handshake
    client_hello hello_;
    std::string gathered_; // the first hello, until OpenSSL has taken it
    std::size_t taken_ = 0;
    const int descriptor_;
    int alert_ = -1;      // the last that the peer has sent, whatever it means
    bool opened_ = false; // the peer's first bytes look like TLS
    bool established_ = false;
    bool starved_ = false;      // there was no input, in the operation under way
    bool blocked_ = false;      // the kernel did not take all, in the operation under way
    bool end_of_input_ = false; // of the socket's
    bool filled_ = false;       // the last read stopped for want of room;
    bool record_begun_ = false; // of the rest of a record
    bool ended_ = false;
    bool failed_ = false;
    error_code socket_error_;
    error_code error_;
    std::string words_;
};

} // namespace hawser::inline v0_1::detail

#endif
