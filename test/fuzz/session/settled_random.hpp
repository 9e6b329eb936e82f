// SPDX-License-Identifier: BSL-1.0

// Random numbers that are the same each time, for OpenSSL: an input that fails then fails again, whatever is in its
// keys and signatures.
#ifndef HAWSER_TEST_FUZZ_SESSION_SETTLED_RANDOM_HPP
#define HAWSER_TEST_FUZZ_SESSION_SETTLED_RANDOM_HPP

namespace fuzz {

/// From here on OpenSSL's random bytes are those of a new sequence.
void settle_random();

} // namespace fuzz

#endif
