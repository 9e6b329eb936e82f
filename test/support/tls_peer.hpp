// SPDX-License-Identifier: BSL-1.0

// A TLS client made of OpenSSL and a socket: it does what the test says, in the test's own thread, and lets a
// scenario's server run in between. What is expected is waited for, turn by turn and 10 s at most: a busy kernel
// delivers late, over loopback too.
#ifndef HAWSER_TEST_TLS_PEER_HPP
#define HAWSER_TEST_TLS_PEER_HPP

#include "kit_namespace.hpp"
#include "scenario.hpp"

#include <hawser/tls.hpp>

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>

namespace hawser::test {

/// OpenSSL writes to its sockets without MSG_NOSIGNAL.
void ignore_broken_pipes();

/// Lets it run until `holds`; false if it does not within 10 s.
bool until(scenario& run, const std::function<bool()>& holds);

/// A socket connected to 127.0.0.1, without TLS.
class plain_peer
{
public:
    /// `receive_buffer`: the kernel's for this end, in bytes; 0: its own choice.
    plain_peer(scenario& run, std::uint16_t port, int receive_buffer = 0);
    plain_peer(const plain_peer&) = delete;
    plain_peer& operator=(const plain_peer&) = delete;
    ~plain_peer();

    int descriptor() const noexcept { return descriptor_; }
    void send(bytes_view bytes);   ///< all of it, then lets the server run
    void put(bytes_view bytes);    ///< the server's kernel has it, and the server does not know yet
    void arrived() const;          ///< waits until the server's kernel has all that was sent; does not let it run
    std::string received();        ///< what has come by now
    std::string received_to_end(); ///< all that comes before the server's end of stream
    bool has_input() const;        ///< something has come and was not taken
    bool ends();                   ///< waits for the server's end of stream, or reset
    bool has_ended();              ///< it has come already
    bool was_reset() const noexcept { return reset_; }
    void end();   ///< FIN
    void reset(); ///< RST

protected:
    scenario& run_;

private:
    void take();

    int descriptor_;
    std::string received_;
    bool ended_ = false;
    bool reset_ = false;
};

class tls_peer : public plain_peer
{
public:
    struct options {
        pem ca = {};                           ///< trusted; unset: nobody is verified
        std::string server_name = "localhost"; ///< SNI; empty: none
        std::string alpn = {};                 ///< one protocol to offer
        int version = 0;                       ///< TLS1_2_VERSION or TLS1_3_VERSION alone; 0: either
        tls_pair own = {};                     ///< a client's certificate
        SSL_SESSION* resume = nullptr;
        int receive_buffer = 0;
    };
    tls_peer(scenario& run, std::uint16_t port, options o);
    ~tls_peer();

    /// What it says first, which is not sent; the handshake may go on behind it.
    std::string hello();
    /// As far as it goes; whether it is done. Otherwise failure() says why.
    bool shake();
    std::string failure() const { return failure_; } ///< OpenSSL's reason: an alert that came, or a check that failed
    SSL* ssl() const noexcept { return ssl_.get(); }

    void write(bytes_view plaintext);             ///< all of it, lets the server run, and takes what comes back
    std::size_t write_some(bytes_view plaintext); ///< until nothing moves any more, without reading an answer
    std::string read();                           ///< plaintext that has come by now
    std::string read(std::size_t n);              ///< `n` bytes of plaintext, fewer if the stream ends
    std::string read_to_end();                    ///< all plaintext before the end, of whichever kind
    bool saw_end() const noexcept { return close_notify_; } ///< TLS's end of the stream has come
    bool is_over() const noexcept { return close_notify_ || !failure_.empty(); }
    void close_notify();                                              ///< TLS's end of the stream, without FIN
    bool update_keys(bool ask_back);                                  ///< KeyUpdate
    std::string subject() const;                                      ///< of the server's certificate
    std::shared_ptr<SSL_SESSION> session() const { return session_; } ///< the newest ticket
    const std::string& secret() const noexcept { return secret_; }    ///< TLS 1.3's, of what it sends

private:
    void take();
    bool stopped(int result);

    std::shared_ptr<SSL_CTX> context_;
    std::shared_ptr<SSL> ssl_;
    std::shared_ptr<SSL_SESSION> session_;
    std::string secret_;
    std::string plaintext_;
    std::string failure_;
    bool close_notify_ = false;
};

/// A handler that answers with what it reads.
awaitable<void> echo(connection& c);

/// A server over TLS on a port of 127.0.0.1, on a clock that the test moves.
class tls_scenario : public scenario
{
public:
    tls_scenario(session_handler handler, const tls_server& tls, server_options options = {});
    ~tls_scenario();

    std::uint16_t port() const;
    endpoint where(const std::string& host = "localhost") const { return endpoint::tls(host, port()); }
    hawser::server& server() noexcept { return *server_; }
    recorder& seen() noexcept { return *recorder_; }

    /// Ends the server and its runtime, whatever is open.
    void end();

    /// How the `nth` session to end does: "completed", "failed: SYMBOL", "threw: WORDS". Waits for it.
    std::string end_of_session(std::size_t nth = 1);
    /// How the last one did; "" if none has.
    std::string last_end() const;
    std::string last_words() const;

private:
    std::shared_ptr<recorder> recorder_;
    std::unique_ptr<hawser::server> server_;
};

} // namespace hawser::test

#endif
