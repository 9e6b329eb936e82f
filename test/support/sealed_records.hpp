// SPDX-License-Identifier: BSL-1.0

// Records of a TLS connection that OpenSSL would not send: alerts whose level and description a test chooses.
//
//     sealed_records client{p.ssl(), p.secret()}; // p: a tls_peer that has shaken hands and written nothing
//     p.send(client.data("question"));
//     p.send(client.alert(SSL3_AL_WARNING, SSL_AD_USER_CANCELLED));
#ifndef HAWSER_TEST_SEALED_RECORDS_HPP
#define HAWSER_TEST_SEALED_RECORDS_HPP

#include "kit_namespace.hpp"

#include <hawser/bytes.hpp>

#include <openssl/ssl.h>

#include <cstdint>
#include <string>

namespace hawser::test {

/// A client's, with AES in GCM. It counts them, so that OpenSSL may read on this connection but not write.
class sealed_records
{
public:
    /// `secret`: for TLS 1.3, the client's first of application data (RFC 8446, section 7.1), as OpenSSL logs it.
    sealed_records(SSL* of, const std::string& secret);

    std::string data(bytes_view content) { return seal(SSL3_RT_APPLICATION_DATA, content); }
    std::string alert(int level, int description);

private:
    std::string seal(int type, bytes_view content);

    const EVP_CIPHER* cipher_;
    bool tls13_;
    std::string key_;
    std::string iv_; // in TLS 1.2 its first 4 bytes alone
    std::uint64_t number_;
};

} // namespace hawser::test

#endif
