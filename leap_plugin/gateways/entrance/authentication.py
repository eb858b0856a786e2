"""Who a mail from outside is from, as far as SPF, DKIM and DMARC tell: recorded, and judged by nobody here.

SPF by pyspf (RFC 7208), DKIM by dkimpy through authheaders (RFC 6376), the header line by authres (RFC 8601). DMARC's
alignment (RFC 7489, 3.1) is worked out here: authheaders reads the whole list of public suffixes for each domain that
it compares, which takes a tenth of a second, several times a mail.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from importlib.resources import files
from typing import Any, Protocol, TypeAlias

import authheaders
import spf
from authheaders.dmarc_lookup import DMARCException, lookup_receiver_record
from authres import AuthenticationResultsHeader, DKIMAuthenticationResult, SPFAuthenticationResult
from authres.dmarc import DMARCAuthenticationResult
from dkim import rfc822_parse
from dns.exception import DNSException
from publicsuffix2 import PublicSuffixList

from loopixmix.errors import UnavailableError

MOST_LOOKUP_S = 20
UNKNOWN = "unknown"

_HELO = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)+")
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)", re.MULTILINE)
_RESULTS = b"authentication-results"

Record: TypeAlias = bytes | str | tuple[int, str]


class DnsFailedError(UnavailableError):
    """A name could not be looked up just now."""


class DnsRecords(Protocol):
    """Looks up names. Nothing found is an empty list."""

    def find(self, name: str, kind: str) -> list[Record]:
        """Return records: of TXT the bytes, of A and AAAA addresses, of MX priority and host, of PTR a name.

        Raises `DnsFailedError` if it cannot be known now. Waits for the network, in a thread.
        """


@dataclass(frozen=True)
class SmtpOrigin:
    """Where a mail comes from, as SMTP tells: the peer's address, its HELO, and MAIL FROM, empty for the null one."""

    peer: str
    helo: str
    mail_from: str

    @property
    def told_helo(self) -> str:
        """The HELO, if it has the form of a name or address."""
        return self.helo if _HELO.fullmatch(self.helo) else UNKNOWN


def authentication_results(mail: bytes, origin: SmtpOrigin, authority: str, records: DnsRecords) -> str:
    """Return the header line `Authentication-Results`, without a line end. `authority`: who says so, our domain.

    It never raises for whatever is in the mail or in the DNS.
    """
    results = [_spf(origin, records), _dkim(mail, records)]
    results.append(_dmarc(mail, results[0], results[1], records))
    line = str(AuthenticationResultsHeader(authserv_id=authority, results=results))
    return " ".join(line.split()) if line.isascii() else f"Authentication-Results: {authority}; none"


def without_forged_results(mail: bytes, authority: str) -> bytes:
    """Return a mail without lines `Authentication-Results` that claim to be ours (RFC 8601, 5).

    A line is taken away if our name stands anywhere before its first semicolon, whatever comments are around it.
    """
    ends = [end for end in (mail.find(b"\r\n\r\n"), mail.find(b"\n\n")) if end >= 0]
    cut = min(ends) + 2 if ends else len(mail)
    ours = authority.lower().encode()

    def kept(found: re.Match[bytes]) -> bytes:
        if found[1].lower() != _RESULTS:
            return found[0]
        value = found[0].partition(b":")[2]
        # A backslash in front of a letter means the letter: it could hide our name.
        return b"" if ours in value.replace(b"\\", b"").partition(b";")[0].lower() else found[0]

    return _FIELD.sub(kept, mail[:cut]) + mail[cut:]


def _spf(origin: SmtpOrigin, records: DnsRecords) -> Any:
    helo = origin.told_helo
    try:
        # Without a sender, the HELO is checked (RFC 7208, 2.4).
        query = _SpfQuery(records, i=origin.peer, s=origin.mail_from, h=helo, querytime=MOST_LOOKUP_S)
        result, _, _ = query.check()
    except Exception:  # the library reads what strangers wrote into their DNS
        result = "permerror"
    mail_from = origin.mail_from if origin.mail_from.isascii() else None
    return SPFAuthenticationResult(result=result, smtp_mailfrom=mail_from or None, smtp_helo=helo)


class _SpfQuery(spf.query):  # type: ignore[misc]  # the library has no types
    """A query that asks `DnsRecords`, and not the system's resolver."""

    def __init__(self, records: DnsRecords, **options: Any) -> None:
        super().__init__(**options)
        self._records = records

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002
        """Return the records of a name in the library's own shapes."""
        try:
            found = self._records.find(str(name).rstrip(".").lower(), qtype)
        except DnsFailedError as error:
            raise spf.TempError("DNS") from error
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many void lookups")
        return [(one,) for one in found] if qtype in ("TXT", "SPF") else list(found)


def _dkim(mail: bytes, records: DnsRecords) -> Any:
    def text(name: bytes | str, timeout: float = MOST_LOOKUP_S) -> bytes:  # noqa: ARG001 (the library's name)
        return _text_record(records, name.decode("ascii") if isinstance(name, bytes) else name)

    try:
        headers, _ = rfc822_parse(mail)
        if all(name.lower() != b"dkim-signature" for name, _ in headers):
            return DKIMAuthenticationResult(result="none")
        found = authheaders.check_dkim(mail, dnsfunc=text)
    except Exception:  # as above
        return DKIMAuthenticationResult(result="permerror")
    signer = str(found.header_d or "").lower()
    return DKIMAuthenticationResult(result=found.result, header_d=signer if _DOMAIN.fullmatch(signer) else None)


def _dmarc(mail: bytes, of_spf: Any, of_dkim: Any, records: DnsRecords) -> Any:
    domain = _from_domain(mail)
    if domain is None:
        return DMARCAuthenticationResult(result="permerror")

    def text(name: str) -> str:
        return _text_record(records, name).decode("ascii", "replace")

    organisation = organisational_domain(domain)
    try:
        policy = lookup_receiver_record(domain, text) or lookup_receiver_record(organisation, text)
    except DnsFailedError:
        return DMARCAuthenticationResult(result="temperror", header_from=domain)
    except DMARCException:
        return DMARCAuthenticationResult(result="permerror", header_from=domain)
    if not policy or not policy.get("p"):
        return DMARCAuthenticationResult(result="none", header_from=domain)
    sender = str(of_spf.smtp_mailfrom or "").rpartition("@")[2].lower()
    aligned = (of_spf.result == "pass" and _fits(sender, domain, policy.get("aspf", "r"))) or (
        of_dkim.result == "pass" and _fits(str(of_dkim.header_d or ""), domain, policy.get("adkim", "r"))
    )
    return DMARCAuthenticationResult(result="pass" if aligned else "fail", header_from=domain)


def _fits(one: str, other: str, mode: str) -> bool:
    if mode == "s" or not one:
        return one == other
    return organisational_domain(one) == organisational_domain(other)


def _from_domain(mail: bytes) -> str | None:
    """Return the domain of the one address in From; None if there is not just one."""
    try:
        headers, _ = rfc822_parse(mail)
        lines = [value.decode("ascii", "replace") for name, value in headers if name.lower() == b"from"]
        addresses = [address for _, address in getaddresses([line.replace("\r\n", "") for line in lines])]
    except Exception:  # as above
        return None
    if len(lines) != 1 or len(addresses) != 1:
        return None
    domain = addresses[0].rpartition("@")[2].lower()
    return domain if _DOMAIN.fullmatch(domain) else None


def _text_record(records: DnsRecords, name: str) -> bytes:
    found = [one for one in records.find(name.rstrip(".").lower(), "TXT") if isinstance(one, bytes)]
    # Several records under one name: the one that is meant begins with its version, if any does.
    marked = [one for one in found if one.startswith((b"v=DMARC1", b"v=DKIM1"))]
    if len(marked) > 1 and name.startswith("_dmarc."):
        return b""
    return next(iter(marked or found), b"")


@functools.cache
def _suffixes() -> Callable[[str], str]:
    listed = files("authheaders").joinpath("public_suffix_list.txt").read_text("utf-8")
    find: Callable[[str], str] = PublicSuffixList(listed.splitlines(keepends=True)).get_public_suffix
    return find


def organisational_domain(domain: str) -> str:
    """Return the part of a domain that somebody registered, by the list of public suffixes that authheaders brings."""
    found = _suffixes()(domain) or domain
    # Under a top-level domain that is newer than the list, the library takes all domains for one organisation's. By
    # the list's own last rule each has one label below it.
    return found if "." in found else ".".join(domain.split(".")[-2:])


class ResolverRecords:
    """Records by dnspython."""

    def __init__(self, nameservers: Sequence[tuple[str, int]]) -> None:
        """`nameservers`: addresses and ports of resolvers; none for those of the system."""
        from dns.nameserver import Do53Nameserver
        from dns.resolver import Resolver

        self._resolver = Resolver(configure=not nameservers)
        if nameservers:
            self._resolver.nameservers = [Do53Nameserver(host, port) for host, port in nameservers]
        self._resolver.lifetime = 5.0

    def find(self, name: str, kind: str) -> list[Record]:
        """Return the records of a name."""
        from dns.resolver import NXDOMAIN, NoAnswer

        try:
            answer = self._resolver.resolve(name, kind)
        except (NXDOMAIN, NoAnswer):
            return []
        except (DNSException, ValueError, OSError) as error:
            raise DnsFailedError("a name cannot be looked up") from error
        match kind:
            case "TXT" | "SPF":
                return [b"".join(one.strings) for one in answer]
            case "A" | "AAAA":
                return [str(one.address) for one in answer]
            case "MX":
                return [(int(one.preference), one.exchange.to_text(True)) for one in answer]
            case _:
                return [one.target.to_text(True) for one in answer]
