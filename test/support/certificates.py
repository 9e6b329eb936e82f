# SPDX-License-Identifier: BSL-1.0
"""Certificates for tests: an authority, good ones of it, and one of each bad kind. Made anew in a folder of the test's own.

    made = Certificates(folder)
    made.server()                    a Pair: the paths of a chain, leaf first, and of its key, both PEM
    made.server(fault="expired")     one of SERVER_FAULTS
    made.client(fault="wrong CA")    one of CLIENT_FAULTS
    made.ca                          the path of the authority that everybody trusts

Keys are on P-256, whose making takes no time; RSA only where the fault is about it. Needs python3-cryptography, and
openssl for the one signature that the former refuses to make.
"""
import datetime
import ipaddress
import itertools
import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
LOCAL = ("localhost", "127.0.0.1", "::1")
FOR_SERVERS = (ExtendedKeyUsageOID.SERVER_AUTH,)
FOR_CLIENTS = (ExtendedKeyUsageOID.CLIENT_AUTH,)
UNKNOWN_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1")
MIB = 1 << 20

SERVER_FAULTS = ("expired", "not yet valid", "wrong name", "unknown CA", "self-signed", "wrong purpose")
CLIENT_FAULTS = ("expired", "not yet valid", "wrong CA", "self-signed", "wrong EKU", "CA:FALSE issuer", "revoked", "SHA-1",
                 "RSA-1024", "20-deep chain", "100-deep chain", "1 MiB chain", "NUL in SAN",
                 "critical unknown extension", "bad CertificateVerify", "absurd dates")


class Pair(NamedTuple):
    certificate: Path
    key: Path


class Issued(NamedTuple):
    """A certificate, its key, and its issuers up to but without the root."""
    certificate: x509.Certificate
    key: object
    above: tuple = ()


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def issue(subject, issuer=None, *, authority=False, names=(), purposes=(), start=NOW - DAY, end=NOW + 30 * DAY, key=None,
          extra=()):
    """A certificate; without an issuer it signs itself. `extra` are extensions and whether each is critical."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    builder = (x509.CertificateBuilder()
               .subject_name(_name(subject))
               .issuer_name(issuer.certificate.subject if issuer else _name(subject))
               .public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(start)
               .not_valid_after(end)
               .add_extension(x509.BasicConstraints(ca=authority, path_length=None), True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    above = (issuer.certificate, *issuer.above) if issuer and issuer.certificate.issuer != issuer.certificate.subject else ()
    return Issued(builder.sign(signer, hashes.SHA256()), key, above)


def _pem(certificate):
    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# ---- What no builder agrees to make: the encoded certificate is changed, and signed again.

def _der(tag, content):
    size = len(content)
    length = bytes((size,)) if size < 128 else bytes((0x80 | (size.bit_length() + 7) // 8,)) + size.to_bytes(
        (size.bit_length() + 7) // 8, "big")
    return bytes((tag,)) + length + content


def _sign_again(issued, issuer, old, new, folder, digest="sha256"):
    """The encoded certificate with `old` replaced by `new`, of the same size, everywhere in what is signed."""
    signed = issued.certificate.tbs_certificate_bytes
    if old not in signed or len(old) != len(new):
        raise AssertionError(f"{old!r} cannot become {new!r}")
    whole = issued.certificate.public_bytes(Encoding.DER)
    begin = whole.index(signed) + len(signed)
    algorithm = whole[begin:begin + 2 + whole[begin + 1]].replace(old, new)
    signed = signed.replace(old, new)
    key = Path(folder, "again.key")
    key.write_bytes(_key_pem(issuer.key))
    signature = subprocess.run(["openssl", "dgst", f"-{digest}", "-sign", key], input=signed, capture_output=True,
                               check=True).stdout
    return _der(0x30, signed + algorithm + _der(0x03, b"\0" + signature))


def _false_key(key):
    """A private key that claims the other's public half: it passes for it, and what it signs is wrong."""
    wrong = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    right = key.private_numbers().private_value
    form = (Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return key.private_bytes(*form).replace(right.to_bytes(32, "big"), wrong.to_bytes(32, "big"))


def _ec_pem(der):
    return subprocess.run(["openssl", "ec", "-inform", "DER", "-outform", "PEM"], input=der, capture_output=True,
                          check=True).stdout


class Certificates:
    """Everything in one folder. A pair is made when it is asked for, and only once."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.numbers = itertools.count()
        self.made = {}
        self.root = issue("Test Authority", authority=True)
        self.middle = issue("Test Intermediate", self.root, authority=True)
        self.stranger = issue("Unknown Authority", authority=True)
        self.ca = self._write("ca.pem", _pem(self.root.certificate))
        self.other_ca = self._write("other_ca.pem", _pem(self.stranger.certificate))

    def _write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def pair(self, name, issued, key_pem=None, more=b"", instead=None):
        """Writes a certificate with those above it, and its key. `more` follows in the chain's file; `instead` is what
        the certificate, encoded, was turned into."""
        stem = f"{next(self.numbers)}-{name.replace(' ', '-').replace(':', '-')}"
        leaf = ssl.DER_cert_to_PEM_cert(instead).encode() if instead else _pem(issued.certificate)
        chain = leaf + b"".join(map(_pem, issued.above)) + more
        return Pair(self._write(stem + ".pem", chain), self._write(stem + ".key", key_pem or _key_pem(issued.key)))

    def server(self, fault=None, subject="localhost", names=LOCAL, fresh=False, **changes):
        """A pair for a server of this machine, or of `names`. `fresh`: another one than before."""
        key = ("server", fault, subject, names)
        if fresh or changes or key not in self.made:
            self.made[key] = self.pair(f"server-{fault or 'good'}", self._server(fault, subject, names, changes))
        return self.made[key]

    def _server(self, fault, subject, names, changes):
        good = {"issuer": self.middle, "names": names, "purposes": FOR_SERVERS, **changes}
        return issue(subject, **good | {
            None: {},
            "expired": {"start": NOW - 30 * DAY, "end": NOW - DAY},
            "not yet valid": {"start": NOW + DAY},
            "wrong name": {"names": ("example.org", "192.0.2.1")},
            "unknown CA": {"issuer": self.stranger},
            "self-signed": {"issuer": None},
            "wrong purpose": {"purposes": FOR_CLIENTS},
        }[fault])

    def mismatched(self):
        """A certificate with the key of another one."""
        return Pair(self.server().certificate, self.server(fresh=True).key)

    def rsa_server(self):
        """A good pair with an RSA key, for suites that want one."""
        if "rsa" not in self.made:
            self.made["rsa"] = self.pair("server-rsa", issue(
                "localhost", self.middle, names=LOCAL, purposes=FOR_SERVERS,
                key=rsa.generate_private_key(public_exponent=65537, key_size=2048)))
        return self.made["rsa"]

    def client(self, fault=None):
        if fault not in self.made:
            self.made[fault] = self._client(fault)
        return self.made[fault]

    def _client(self, fault):
        name = f"client-{fault or 'good'}"
        good = {"issuer": self.middle, "names": ("client.example",), "purposes": FOR_CLIENTS}

        def made(**changes):
            return issue("A Client", **good | changes)

        def write(issued, **more):
            return self.pair(name, issued, **more)

        match fault:
            case None:
                return write(made())
            case "expired":
                return write(made(start=NOW - 30 * DAY, end=NOW - DAY))
            case "not yet valid":
                return write(made(start=NOW + DAY))
            case "wrong CA":
                return write(made(issuer=self.stranger))
            case "self-signed":
                return write(made(issuer=None))
            case "wrong EKU":
                return write(made(purposes=FOR_SERVERS))
            case "CA:FALSE issuer":
                return write(made(issuer=issue("No Authority", self.middle)))
            case "revoked":
                return write(self.revoked())
            case "SHA-1":
                signer = self._rsa_authority()
                # sha256WithRSAEncryption and sha1WithRSAEncryption, 1.2.840.113549.1.1.11 and .5
                stem = bytes.fromhex("2a864886f70d0101")
                issued = made(issuer=signer)
                return write(issued, instead=_sign_again(issued, signer, stem + b"\x0b", stem + b"\x05", self.folder, "sha1"))
            case "RSA-1024":
                return write(made(key=rsa.generate_private_key(public_exponent=65537, key_size=1024)))
            case "20-deep chain" | "100-deep chain":
                above = self.root
                for depth in range(int(fault.split("-")[0])):
                    above = issue(f"Authority {depth}", above, authority=True)
                return write(made(issuer=above))
            case "1 MiB chain":
                bulk = ((x509.UnrecognizedExtension(UNKNOWN_EXTENSION, bytes(48 * 1024)), False),)
                padding = _pem(issue("Padding", self.middle, extra=bulk).certificate)
                return write(made(), more=padding * (MIB // (48 * 1024) + 1))
            case "NUL in SAN":
                issued = made(names=("localhost0.evil.example",))
                return write(issued, instead=_sign_again(issued, self.middle, b"localhost0.evil", b"localhost\0.evil",
                                                         self.folder))
            case "critical unknown extension":
                return write(made(extra=((x509.UnrecognizedExtension(UNKNOWN_EXTENSION, b"\5\0"), True),)))
            case "bad CertificateVerify":
                issued = made()
                return write(issued, key_pem=_ec_pem(_false_key(issued.key)))
            case "absurd dates":
                issued = made()
                end = (NOW + 30 * DAY).strftime("%y%m%d%H%M%SZ").encode()
                return write(issued, instead=_sign_again(issued, self.middle, end, b"999999999999Z", self.folder))
        raise AssertionError(f"no such fault: {fault}")

    def _rsa_authority(self):
        if "authority" not in self.made:
            self.made["authority"] = issue("RSA Authority", self.root, authority=True,
                                           key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
        return self.made["authority"]

    def revoked(self):
        """The certificate that revocations() names."""
        if "revoked one" not in self.made:
            self.made["revoked one"] = issue("A Client", self.middle, names=("client.example",), purposes=FOR_CLIENTS)
        return self.made["revoked one"]

    def revocations(self):
        """The path of the revocation lists of both authorities: the intermediate one's names revoked()."""
        entry = (x509.RevokedCertificateBuilder().serial_number(self.revoked().certificate.serial_number)
                 .revocation_date(NOW - DAY).build())
        lists = [x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
                 .last_update(NOW - DAY).next_update(NOW + DAY) for authority in (self.root, self.middle)]
        lists[1] = lists[1].add_revoked_certificate(entry)
        signed = [made.sign(authority.key, hashes.SHA256()) for made, authority in zip(lists, (self.root, self.middle))]
        return self._write("revocations.pem", b"".join(one.public_bytes(Encoding.PEM) for one in signed))


def swap(onto, source):
    """Puts a pair in the place of another, as a tool that renews certificates does: key first, each by a rename."""
    for old, new in ((onto.key, source.key), (onto.certificate, source.certificate)):
        beside = old.with_name(old.name + ".new")
        beside.write_bytes(new.read_bytes())
        beside.rename(old)
