"""Where a webhook's name may lead.

The URL comes from whoever owns the project, on the command line, never from a page or the API. What could still go
wrong is the name: it may lead to a service within this network, today or, by an entry changed later, tomorrow. So a
name is looked up at each attempt, every address must be public unless the owner said otherwise, and the connection goes
to the very address that was checked. Redirects are not followed.
"""

import ipaddress
import socket
from collections.abc import Sequence

from inffeed_core.errors import InfFeedError


class AddressRefused(InfFeedError):
    """A name leads nowhere, or where nothing may be sent."""


def checked(host: str, port: int, private: bool) -> Sequence[str]:
    """The addresses of a host; `private` = they need not be public. Raises AddressRefused."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"{host} cannot be found ({error}).") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and (inside := [one for one in addresses if not is_public(one)]):
        raise AddressRefused(
            f"{host} leads to {inside[0]}, which is not a public address; if that is meant, add it with --private."
        )
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, not of this machine or network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip
    return ip.is_global and not ip.is_multicast


def names_private(host: str) -> bool:
    """Whether the URL itself says that it is meant for this machine or network."""
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
