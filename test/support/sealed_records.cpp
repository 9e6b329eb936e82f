// SPDX-License-Identifier: BSL-1.0
#include "sealed_records.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>
#include <stdexcept>

namespace hawser::test {
namespace {

constexpr std::size_t tag_size = 16;
constexpr std::size_t nonce_size = 12;

void check(bool done, const char* what)
{
    if (!done)
        throw std::runtime_error{what};
}

unsigned char* octets(std::string& s)
{
    return reinterpret_cast<unsigned char*>(s.data());
}

std::string big_endian(std::uint64_t value, std::size_t width)
{
    std::string bytes(width, '\0');
    for (; width > 0; value >>= 8)
        bytes[--width] = static_cast<char>(value);
    return bytes;
}

OSSL_PARAM parameter(const char* name, std::string& value)
{
    return OSSL_PARAM_construct_octet_string(name, value.data(), value.size());
}

std::string derive(const char* function, OSSL_PARAM (&parameters)[5], std::size_t size)
{
    const std::unique_ptr<EVP_KDF, void (*)(EVP_KDF*)> kind{EVP_KDF_fetch(nullptr, function, nullptr), EVP_KDF_free};
    const std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> context{EVP_KDF_CTX_new(kind.get()), EVP_KDF_CTX_free};
    std::string made(size, '\0');
    check(EVP_KDF_derive(context.get(), octets(made), made.size(), parameters) == 1, function);
    return made;
}

// RFC 8446, section 7.1.
std::string expand_label(std::string digest, std::string secret, const std::string& label, std::size_t size)
{
    std::string info = big_endian(size, 2) + static_cast<char>(6 + label.size()) + "tls13 " + label + '\0';
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                               OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                               parameter(OSSL_KDF_PARAM_KEY, secret), parameter(OSSL_KDF_PARAM_INFO, info),
                               OSSL_PARAM_construct_end()};
    return derive("HKDF", parameters, size);
}

// RFC 5246, section 6.3.
std::string key_block(std::string digest, SSL* of, std::size_t size)
{
    std::string seed(2 * SSL3_RANDOM_SIZE, '\0');
    SSL_get_server_random(of, octets(seed), SSL3_RANDOM_SIZE);
    SSL_get_client_random(of, octets(seed) + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    seed.insert(0, "key expansion");
    std::string secret(SSL_MAX_MASTER_KEY_LENGTH, '\0');
    secret.resize(SSL_SESSION_get_master_key(SSL_get_session(of), octets(secret), secret.size()));
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                               parameter(OSSL_KDF_PARAM_SECRET, secret), parameter(OSSL_KDF_PARAM_SEED, seed),
                               OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
    return derive("TLS1-PRF", parameters, size);
}

} // namespace

sealed_records::sealed_records(SSL* of, const std::string& secret)
    : cipher_{EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(of)))},
      tls13_{SSL_version(of) == TLS1_3_VERSION}, number_{tls13_ ? 0U : 1U} // in TLS 1.2 Finished was number 0
{
    check(cipher_ != nullptr && EVP_CIPHER_get_mode(cipher_) == EVP_CIPH_GCM_MODE, "a cipher other than AES in GCM");
    const std::string digest = EVP_MD_get0_name(SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(of)));
    const auto key_size = static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher_));
    if (tls13_) {
        key_ = expand_label(digest, secret, "key", key_size);
        iv_ = expand_label(digest, secret, "iv", nonce_size);
    } else {
        const std::string block = key_block(digest, of, 2 * key_size + 4);
        key_ = block.substr(0, key_size);
        iv_ = block.substr(2 * key_size, 4);
    }
}

std::string sealed_records::alert(int level, int description)
{
    return seal(SSL3_RT_ALERT, std::string{static_cast<char>(level), static_cast<char>(description)});
}

// TLS 1.2 (RFC 5288, section 3):  type 03 03 length | number | content, sealed | tag
// TLS 1.3 (RFC 8446, section 5):  17   03 03 length | content and type, sealed | tag
std::string sealed_records::seal(int type, bytes_view content)
{
    std::string plain{content};
    std::string number = big_endian(number_++, 8);
    std::string head{static_cast<char>(tls13_ ? SSL3_RT_APPLICATION_DATA : type), '\x03', '\x03'};
    std::string nonce = iv_;
    std::string bound;
    if (tls13_) {
        plain += static_cast<char>(type);
        head += big_endian(plain.size() + tag_size, 2);
        for (std::size_t i = 0; i < number.size(); ++i)
            nonce[4 + i] = static_cast<char>(nonce[4 + i] ^ number[i]);
        bound = head;
    } else {
        bound = number + head + big_endian(plain.size(), 2);
        head += big_endian(number.size() + plain.size() + tag_size, 2) + number;
        nonce += number;
    }
    const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> c{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
    std::string sealed(plain.size(), '\0');
    std::string tag(tag_size, '\0');
    int n = 0;
    check(EVP_EncryptInit_ex(c.get(), cipher_, nullptr, octets(key_), octets(nonce)) == 1 &&
              EVP_EncryptUpdate(c.get(), nullptr, &n, octets(bound), static_cast<int>(bound.size())) == 1 &&
              EVP_EncryptUpdate(c.get(), octets(sealed), &n, octets(plain), static_cast<int>(plain.size())) == 1 &&
              EVP_EncryptFinal_ex(c.get(), octets(sealed) + n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data()) == 1,
          "encryption");
    return head + sealed + tag;
}

} // namespace hawser::test
