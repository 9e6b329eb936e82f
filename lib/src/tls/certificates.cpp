// SPDX-License-Identifier: BSL-1.0
#include "tls/certificates.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace hawser::inline v0_1::detail {
namespace {

constexpr std::size_t largest_file = 4U << 20;
constexpr std::size_t longest_name = 200;

[[noreturn]] void refuse(const error_code& why, const pem& from, const std::string& sentence)
{
    ERR_clear_error();
    throw tls_error{why, from.name() + ": " + sentence};
}

[[noreturn]] void refuse_file(const pem& from)
{
    const error_code e{errno, boost::system::system_category()};
    refuse(e, from, "cannot be read: " + symbol(e) + " (" + e.message() + ')');
}

std::string contents(const pem& from)
{
    if (from.in_memory())
        return from.value();
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(from.value().c_str(), "rbe"), std::fclose};
    if (!file)
        refuse_file(from);
    std::string text;
    char piece[4096];
    while (const std::size_t n = std::fread(piece, 1, sizeof piece, file.get())) {
        text.append(piece, n);
        if (text.size() > largest_file)
            refuse(errc::invalid_certificate, from,
                   "expected at most " + std::to_string(largest_file) + " bytes of PEM");
    }
    if (std::ferror(file.get()) != 0)
        refuse_file(from);
    return text;
}

bio_ptr reader_of(const std::string& text)
{
    bio_ptr reader{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    if (!reader)
        throw std::bad_alloc{};
    return reader;
}

// Whether reading PEM stopped because there is no more of it.
bool at_end() noexcept
{
    const unsigned long e = ERR_peek_last_error();
    return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

key_ptr load_key(const pem& from)
{
    const std::string text = contents(from);
    const bio_ptr reader = reader_of(text);
    bool asked = false;
    const auto no_password = [](char*, int, int, void* told) {
        *static_cast<bool*>(told) = true;
        return -1;
    };
    ERR_clear_error();
    key_ptr key{PEM_read_bio_PrivateKey(reader.get(), nullptr, no_password, &asked)};
    if (!key && asked)
        refuse(errc::invalid_key, from, "expected a private key that is not encrypted");
    if (!key)
        refuse(errc::invalid_key, from, "expected a private key in PEM form");
    return key;
}

void check_dates(const X509& certificate, const pem& from)
{
    if (X509_cmp_current_time(X509_get0_notBefore(&certificate)) >= 0)
        refuse(errc::certificate_not_yet_valid, from,
               "certificate of " + subject_of(certificate) + " is not valid before " +
                   in_words(*X509_get0_notBefore(&certificate)));
    if (X509_cmp_current_time(X509_get0_notAfter(&certificate)) <= 0)
        refuse(errc::certificate_expired, from,
               "certificate of " + subject_of(certificate) + " has expired on " +
                   in_words(*X509_get0_notAfter(&certificate)));
}

std::string one_line(const X509_NAME* name)
{
    const bio_ptr out{BIO_new(BIO_s_mem())};
    if (!out || name == nullptr)
        return {};
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const auto size = static_cast<std::size_t>(BIO_get_mem_data(out.get(), &text));
    std::string line{text, std::min(size, longest_name)};
    return size > longest_name ? line + "..." : line;
}

using alternative_names = std::unique_ptr<GENERAL_NAMES, openssl_release<GENERAL_NAMES_free>>;

alternative_names alternatives_of(const X509& certificate) noexcept
{
    return alternative_names{
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr))};
}

// Any byte may stand in a certificate, and these words may end on a terminal.
std::string printable(const unsigned char* bytes, std::size_t size)
{
    std::string text{reinterpret_cast<const char*>(bytes), std::min(size, longest_name)};
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~' || c == '"'; }, '?');
    return text;
}

// A host's name or address; empty for other kinds of names.
std::string host_in(const GENERAL_NAME& name)
{
    if (name.type != GEN_DNS && name.type != GEN_IPADD)
        return {};
    const ASN1_STRING* value = name.type == GEN_DNS ? name.d.dNSName : name.d.iPAddress;
    const unsigned char* bytes = ASN1_STRING_get0_data(value);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(value));
    if (name.type == GEN_DNS)
        return printable(bytes, size);
    char text[INET6_ADDRSTRLEN];
    if (size != 4 && size != 16)
        return {};
    return ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
}

} // namespace

key_pair load_pair(const pem& chain, const pem& key)
{
    key_pair pair{load_certificates(chain), load_key(key)};
    for (const certificate_ptr& c : pair.chain)
        check_dates(*c, chain);
    if (X509_check_private_key(pair.chain.front().get(), pair.key.get()) != 1)
        refuse(errc::key_mismatch, key,
               "private key is not that of the certificate of " + subject_of(*pair.chain.front()) + " in " +
                   chain.name());
    return pair;
}

std::vector<certificate_ptr> load_certificates(const pem& from)
{
    const std::string text = contents(from);
    const bio_ptr reader = reader_of(text);
    std::vector<certificate_ptr> all;
    ERR_clear_error();
    while (certificate_ptr c{PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)})
        all.push_back(std::move(c));
    if (all.empty() || !at_end())
        refuse(errc::invalid_certificate, from,
               all.empty() ? "expected certificates in PEM form"
                           : "certificate " + std::to_string(all.size() + 1) + " is damaged: " + take_openssl_error());
    ERR_clear_error();
    return all;
}

std::vector<crl_ptr> load_revocations(const pem& from)
{
    const std::string text = contents(from);
    const bio_ptr reader = reader_of(text);
    std::vector<crl_ptr> all;
    ERR_clear_error();
    while (crl_ptr c{PEM_read_bio_X509_CRL(reader.get(), nullptr, nullptr, nullptr)})
        all.push_back(std::move(c));
    if (all.empty() || !at_end())
        refuse(errc::invalid_certificate, from, "expected revocation lists in PEM form");
    ERR_clear_error();
    return all;
}

std::string subject_of(const X509& certificate)
{
    return one_line(X509_get_subject_name(&certificate));
}

std::string issuer_of(const X509& certificate)
{
    return one_line(X509_get_issuer_name(&certificate));
}

std::string names_of(const X509& certificate)
{
    constexpr int most = 5;
    const alternative_names names = alternatives_of(certificate);
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    std::string text;
    for (int i = 0; i < std::min(count, most); ++i)
        if (const std::string one = host_in(*sk_GENERAL_NAME_value(names.get(), i)); !one.empty())
            text += (text.empty() ? "\"" : ", \"") + one + '"';
    return count > most ? text + ", ..." : text;
}

bool has_nul_in_name(const X509& certificate) noexcept
{
    const alternative_names names = alternatives_of(certificate);
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < count; ++i) {
        const GENERAL_NAME& name = *sk_GENERAL_NAME_value(names.get(), i);
        if (name.type != GEN_DNS && name.type != GEN_EMAIL && name.type != GEN_URI)
            continue;
        const ASN1_STRING* text = name.d.ia5;
        if (std::memchr(ASN1_STRING_get0_data(text), 0, static_cast<std::size_t>(ASN1_STRING_length(text))) != nullptr)
            return true;
    }
    return false;
}

std::string in_words(const ASN1_TIME& when)
{
    std::tm parts{};
    char text[40] = "an unreadable date";
    if (ASN1_TIME_to_tm(&when, &parts) == 1)
        std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
    return text;
}

std::chrono::system_clock::time_point end_of(const X509& certificate)
{
    std::tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) != 1)
        return std::chrono::system_clock::time_point::max();
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string take_openssl_error()
{
    const unsigned long e = ERR_peek_last_error();
    ERR_clear_error();
    if (const char* reason = ERR_reason_error_string(e))
        return reason;
    return "error " + std::to_string(e);
}

} // namespace hawser::inline v0_1::detail
