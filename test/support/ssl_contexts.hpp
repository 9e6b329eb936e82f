// SPDX-License-Identifier: BSL-1.0

// asio::ssl's contexts with the tests' own certificates, for localhost.
#ifndef HAWSER_TEST_SSL_CONTEXTS_HPP
#define HAWSER_TEST_SSL_CONTEXTS_HPP

#include "kit_namespace.hpp"
#include "test_certificate.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

namespace hawser::test {

inline boost::asio::ssl::context server_context()
{
    const tls_pair pair = root().issue();
    boost::asio::ssl::context made{boost::asio::ssl::context::tls_server};
    made.use_certificate_chain(boost::asio::buffer(pair.certificate_chain.value()));
    made.use_private_key(boost::asio::buffer(pair.private_key.value()), boost::asio::ssl::context::pem);
    return made;
}

inline boost::asio::ssl::context client_context()
{
    boost::asio::ssl::context made{boost::asio::ssl::context::tls_client};
    made.add_certificate_authority(boost::asio::buffer(root().certificate().value()));
    made.set_verify_mode(boost::asio::ssl::verify_peer);
    made.set_verify_callback(boost::asio::ssl::host_name_verification{"localhost"});
    return made;
}

} // namespace hawser::test

#endif
