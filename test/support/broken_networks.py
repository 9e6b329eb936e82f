# SPDX-License-Identifier: BSL-1.0
"""Networks that are not whole, each a Namespace of its own."""
from namespace import Namespace

# The host `both` has an IPv6 address, which is preferred, and an IPv4 one.
HOSTS = {"/etc/hosts": "fd00::1 both\n10.0.0.1 both v4\n127.0.0.1 localhost\n::1 localhost\n"}


def black_hole():
    """The IPv6 address of `both` takes every packet without an answer."""
    return made(("ip", "address", "add", "fd00::1/128", "dev", "lo", "nodad"),
                ("ip", "address", "add", "10.0.0.1/32", "dev", "lo"),
                ("nft", "add", "table", "inet", "t"),
                ("nft", "add", "chain", "inet", "t", "in", "{ type filter hook input priority 0; }"),
                ("nft", "add", "rule", "inet", "t", "in", "ip6", "daddr", "fd00::1", "tcp", "dport", "!=", "1", "drop"))


def both_families():
    """Either address of `both` is one of this host."""
    return made(("ip", "address", "add", "fd00::1/128", "dev", "lo", "nodad"),
                ("ip", "address", "add", "10.0.0.1/32", "dev", "lo"))


def without_ipv6():
    """No interface has an IPv6 address."""
    return made(("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"),
                ("ip", "address", "add", "10.0.0.1/32", "dev", "lo"))


def of_few_ports(number):
    """A host that connects from so many ports, none of which it has again after a second."""
    return made(("sh", "-c", f"echo 50001 {50000 + number} > /proc/sys/net/ipv4/ip_local_port_range"),
                ("sh", "-c", "echo 0 > /proc/sys/net/ipv4/tcp_tw_reuse"))


def made(*commands, files=HOSTS):
    network = Namespace(files)
    try:
        for words in commands:
            network.command(*words)
    except BaseException:
        network.__exit__()
        raise
    return network
