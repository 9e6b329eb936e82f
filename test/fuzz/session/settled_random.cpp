// SPDX-License-Identifier: BSL-1.0
#define OPENSSL_SUPPRESS_DEPRECATED // a provider would do the same in a hundred lines more
#include "settled_random.hpp"

#include <openssl/rand.h>

#include <random>

namespace fuzz {
namespace {

std::mt19937_64 sequence;

int fill(unsigned char* bytes, int n)
{
    for (int i = 0; i < n; ++i)
        bytes[i] = static_cast<unsigned char>(sequence());
    return 1;
}

int ready()
{
    return 1;
}

} // namespace

void settle_random()
{
    static const RAND_METHOD method{nullptr, fill, nullptr, nullptr, fill, ready};
    sequence.seed(1);
    RAND_set_rand_method(&method);
}

} // namespace fuzz
