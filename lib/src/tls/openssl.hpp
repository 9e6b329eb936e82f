// SPDX-License-Identifier: BSL-1.0

// Owners of OpenSSL's objects.
#ifndef HAWSER_SRC_TLS_OPENSSL_HPP
#define HAWSER_SRC_TLS_OPENSSL_HPP

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace hawser::inline v0_1::detail {

template <auto release>
struct openssl_release {
    template <class T>
    void operator()(T* object) const noexcept
    {
        release(object);
    }
};

using bio_ptr = std::unique_ptr<BIO, openssl_release<BIO_free_all>>;
using certificate_ptr = std::unique_ptr<X509, openssl_release<X509_free>>;
using crl_ptr = std::unique_ptr<X509_CRL, openssl_release<X509_CRL_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, openssl_release<EVP_PKEY_free>>;
using ssl_ptr = std::unique_ptr<SSL, openssl_release<SSL_free>>;
using ssl_context_ptr = std::unique_ptr<SSL_CTX, openssl_release<SSL_CTX_free>>;

} // namespace hawser::inline v0_1::detail

#endif
