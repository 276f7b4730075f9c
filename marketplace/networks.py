"""Where a request comes from: the visitor's address behind our proxies, and the part of it that is kept."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the visitor's network address; "" where the server has none (a socket of this machine).

    ``TRUSTED_PROXIES`` says how many proxies of ours each add one entry at the right of
    X-Forwarded-For; what stands left of those is the visitor's own word and is not read.
    """
    told = request.META.get("HTTP_X_FORWARDED_FOR", "")
    entries = [entry.strip() for entry in told.split(",") if entry.strip()]
    if not settings.TRUSTED_PROXIES or not entries:
        return str(request.META.get("REMOTE_ADDR", ""))
    return _without_port(entries[-settings.TRUSTED_PROXIES :][0])


def network_of(request: HttpRequest) -> str:
    """Return the network that a request comes from, the only part of its address that is kept."""
    return shortened(client_address(request))


def shortened(address: str) -> str:
    """Return the network of ``address``: its first three bytes (IPv4) or 48 bits (IPv6); "" for nonsense.

    >>> shortened("192.0.2.77"), shortened("2001:db8:1:2:3::4"), shortened("unix:")
    ('192.0.2.0', '2001:db8:1::', '')
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    bits = 24 if ip.version == 4 else 48
    return str(ipaddress.ip_network(f"{ip}/{bits}", strict=False).network_address)


def _without_port(entry: str) -> str:
    """Return the address of an entry that may name a port: ``192.0.2.7:4711``, ``[2001:db8::1]:4711``."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
