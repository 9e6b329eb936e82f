// SPDX-License-Identifier: BSL-1.0

// Certificates and keys: read from files or memory, checked, and shown in words.
//
// Uses OpenSSL. Every function throws tls_error naming the file and what is wrong with it.
#ifndef HAWSER_SRC_TLS_CERTIFICATES_HPP
#define HAWSER_SRC_TLS_CERTIFICATES_HPP

#include "tls/openssl.hpp"

#include <hawser/tls.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace hawser::inline v0_1::detail {

/// A chain, leaf first, and the leaf's key.
struct key_pair {
    std::vector<certificate_ptr> chain;
    key_ptr key;
};

/// Loads a pair and checks it: the key is the leaf's, and every certificate is valid now.
key_pair load_pair(const pem& chain, const pem& key);

/// All certificates of a file or text, at least one; whoever trusts them checks their dates.
std::vector<certificate_ptr> load_certificates(const pem& from);
std::vector<crl_ptr> load_revocations(const pem& from);

/// The subject as RFC 2253 writes it, at most 200 bytes.
std::string subject_of(const X509& certificate);
std::string issuer_of(const X509& certificate);

/// The hosts that a certificate is for: its alternative names, quoted, at most five of them. What is not printable is
/// ?.
std::string names_of(const X509& certificate);

/// Whether one of its names holds a NUL, after which a careless reader would see another name.
bool has_nul_in_name(const X509& certificate) noexcept;

/// "2031-05-04 10:00:00 UTC"
std::string in_words(const ASN1_TIME& when);
std::chrono::system_clock::time_point end_of(const X509& certificate);

/// The newest entry of OpenSSL's error queue as words, and the queue emptied.
std::string take_openssl_error();

} // namespace hawser::inline v0_1::detail

#endif
