// SPDX-License-Identifier: BSL-1.0

// Certificates for tests, made in memory: good ones, and each kind of bad one.
//
//     const test_authority root{"root"};
//     const tls_pair pair = root.issue({.names = {"localhost"}});
#ifndef HAWSER_TEST_CERTIFICATE_HPP
#define HAWSER_TEST_CERTIFICATE_HPP

#include "kit_namespace.hpp"

#include <hawser/tls.hpp>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

namespace hawser::test {

/// What a certificate says. Times are seconds from now.
struct certificate_facts {
    std::string subject = "test";
    std::vector<std::string> names = {"localhost"}; ///< host names
    std::vector<std::string> addresses = {"127.0.0.1"};
    long from = -3600;
    long until = 86400;
    std::string purpose = "serverAuth,clientAuth"; ///< extended key usage; empty: none is named
    bool authority = false;                        ///< may issue others
};

class test_authority
{
public:
    /// Signed by itself.
    explicit test_authority(const std::string& name);
    /// Signed by another authority.
    test_authority(const std::string& name, const test_authority& issuer, const certificate_facts& facts = {});

    /// A pair in memory: the certificate, then every authority up to and without the root.
    tls_pair issue(const certificate_facts& facts = {}) const;

    /// Its own certificate: what trusts it.
    pem certificate() const { return pem::text(certificate_); }

    /// A list of what it has taken back: the first certificate of each of these pairs.
    pem revoke(const std::vector<tls_pair>& pairs) const;

private:
    using key = std::shared_ptr<EVP_PKEY>;
    using x509 = std::shared_ptr<X509>;
    x509 sign(const certificate_facts& facts, EVP_PKEY& subject_key) const;

    key key_;
    x509 self_;
    std::string certificate_;
    std::string chain_; // between what it issues and the root
};

/// A pair whose certificate is signed by its own key.
tls_pair self_signed(const certificate_facts& facts = {});

/// The authority that the tests of one program trust, if they need but one.
const test_authority& root();

/// A server that shows this pair.
tls_server server_for(const tls_pair& pair);

/// A server that shows a certificate of root()'s for localhost, whose subject is "good".
tls_server good();

} // namespace hawser::test

#endif
