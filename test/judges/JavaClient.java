// A TLS client of the JDK's, for java_long.py. In one version of TLS it connects as often as told, sends two frames each
// time, and ends as Java programs do: by SSLSocket.close(), which in TLS 1.3 sends user_canceled before close_notify.
//
//     java JavaClient.java VERSION PORT CA.pem TIMES

import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

class JavaClient {
    public static void main(String[] words) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (FileInputStream file = new FileInputStream(words[2])) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        for (int left = Integer.parseInt(words[3]); left > 0; --left) {
            int port = Integer.parseInt(words[1]);
            try (SSLSocket peer = (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
                peer.setEnabledProtocols(new String[] {words[0]});
                peer.getOutputStream().write(new byte[] {0, 0, 0, 3, 'o', 'n', 'e', 0, 0, 0, 3, 't', 'w', 'o'});
                System.out.println(peer.getSession().getProtocol());
            }
        }
    }
}
