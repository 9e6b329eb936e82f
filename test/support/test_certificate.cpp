// SPDX-License-Identifier: BSL-1.0
#include "test_certificate.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace hawser::test {
namespace {

void check(bool done)
{
    if (!done)
        throw std::runtime_error{std::string{"OpenSSL: "} + ERR_error_string(ERR_get_error(), nullptr)};
}

std::shared_ptr<EVP_PKEY> new_key()
{
    std::shared_ptr<EVP_PKEY> made{EVP_EC_gen("P-256"), EVP_PKEY_free};
    check(made != nullptr);
    return made;
}

template <class Write>
std::string text_of(Write write)
{
    const std::unique_ptr<BIO, int (*)(BIO*)> out{BIO_new(BIO_s_mem()), BIO_free};
    check(out != nullptr && write(out.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string text_of(X509& certificate)
{
    return text_of([&](BIO* out) { return PEM_write_bio_X509(out, &certificate); });
}

std::string text_of(EVP_PKEY& key)
{
    return text_of(
        [&](BIO* out) { return PEM_write_bio_PrivateKey(out, &key, nullptr, nullptr, 0, nullptr, nullptr); });
}

void add(X509& certificate, X509* issuer, int what, const std::string& value)
{
    if (value.empty())
        return;
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, &certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> made{
        X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()), X509_EXTENSION_free};
    check(made != nullptr && X509_add_ext(&certificate, made.get(), -1) == 1);
}

std::string alternative_names(const certificate_facts& facts)
{
    std::string value;
    for (const std::string& name : facts.names)
        value += (value.empty() ? "DNS:" : ",DNS:") + name;
    for (const std::string& address : facts.addresses)
        value += (value.empty() ? "IP:" : ",IP:") + address;
    return value;
}

std::shared_ptr<X509> make(const certificate_facts& facts, EVP_PKEY& subject_key, X509* issuer, EVP_PKEY& issuer_key)
{
    std::shared_ptr<X509> made{X509_new(), X509_free};
    check(made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1);
    std::uint32_t serial = 0;
    check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
    check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial | 1U) == 1);
    check(X509_gmtime_adj(X509_getm_notBefore(made.get()), facts.from) != nullptr);
    check(X509_gmtime_adj(X509_getm_notAfter(made.get()), facts.until) != nullptr);
    X509_NAME* const name = X509_get_subject_name(made.get());
    check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(facts.subject.c_str()), -1, -1, 0) == 1);
    X509* const signer = issuer != nullptr ? issuer : made.get();
    check(X509_set_issuer_name(made.get(), X509_get_subject_name(signer)) == 1);
    check(X509_set_pubkey(made.get(), &subject_key) == 1);
    add(*made, signer, NID_basic_constraints, facts.authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
    add(*made, signer, NID_key_usage, facts.authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    add(*made, signer, NID_subject_key_identifier, "hash");
    add(*made, signer, NID_ext_key_usage, facts.authority ? "" : facts.purpose);
    add(*made, signer, NID_subject_alt_name, facts.authority ? "" : alternative_names(facts));
    check(X509_sign(made.get(), &issuer_key, EVP_sha256()) != 0);
    return made;
}

certificate_facts authority_called(const std::string& name, certificate_facts facts)
{
    facts.subject = name;
    facts.authority = true;
    return facts;
}

} // namespace

test_authority::test_authority(const std::string& name)
    : key_{new_key()}, self_{make(authority_called(name, {}), *key_, nullptr, *key_)}, certificate_{text_of(*self_)}
{}

test_authority::test_authority(const std::string& name, const test_authority& issuer, const certificate_facts& facts)
    : key_{new_key()}, self_{make(authority_called(name, facts), *key_, issuer.self_.get(), *issuer.key_)},
      certificate_{text_of(*self_)}, chain_{certificate_ + issuer.chain_}
{}

tls_pair test_authority::issue(const certificate_facts& facts) const
{
    const key made = new_key();
    return {pem::text(text_of(*make(facts, *made, self_.get(), *key_)) + chain_), pem::text(text_of(*made))};
}

pem test_authority::revoke(const std::vector<tls_pair>& pairs) const
{
    const std::unique_ptr<X509_CRL, void (*)(X509_CRL*)> list{X509_CRL_new(), X509_CRL_free};
    check(list != nullptr && X509_CRL_set_version(list.get(), 1) == 1);
    check(X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(self_.get())) == 1);
    const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> from{X509_gmtime_adj(nullptr, -60), ASN1_TIME_free};
    const std::unique_ptr<ASN1_TIME, void (*)(ASN1_TIME*)> until{X509_gmtime_adj(nullptr, 86400), ASN1_TIME_free};
    check(X509_CRL_set1_lastUpdate(list.get(), from.get()) == 1);
    check(X509_CRL_set1_nextUpdate(list.get(), until.get()) == 1);
    for (const tls_pair& pair : pairs) {
        const std::string& text = pair.certificate_chain.value();
        const std::unique_ptr<BIO, int (*)(BIO*)> in{BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                     BIO_free};
        const std::unique_ptr<X509, void (*)(X509*)> taken_back{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr),
                                                                X509_free};
        check(taken_back != nullptr);
        X509_REVOKED* const entry = X509_REVOKED_new();
        check(entry != nullptr && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(taken_back.get())) == 1);
        check(X509_REVOKED_set_revocationDate(entry, from.get()) == 1);
        check(X509_CRL_add0_revoked(list.get(), entry) == 1);
    }
    check(X509_CRL_sort(list.get()) == 1 && X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) != 0);
    return pem::text(text_of([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); }));
}

tls_pair self_signed(const certificate_facts& facts)
{
    const auto key = new_key();
    return {pem::text(text_of(*make(facts, *key, nullptr, *key))), pem::text(text_of(*key))};
}

const test_authority& root()
{
    static const test_authority made{"root"};
    return made;
}

tls_server server_for(const tls_pair& pair)
{
    return {.certificate_chain = pair.certificate_chain, .private_key = pair.private_key};
}

tls_server good()
{
    static const tls_pair pair = root().issue({.subject = "good"});
    return server_for(pair);
}

} // namespace hawser::test
