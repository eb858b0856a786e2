"""Mails in the shapes of different clients: what a bridge must carry, and what an anonymous form must not tell.

All of them are well formed but `no_headers`, `broken_base64` and the others in `MALFORMED`.
"""

from __future__ import annotations

import base64

LEAKS = (
    *(b"Received:", b"User-Agent", b"X-Mailer", b"Thunderbird", b"Apple", b"Outlook", b"workstation", b"192.168."),
    *(
        b"=_Part",
        b"Apple-Mail=",
        b"--------------",
        b"===============",
        b"+0200",
        b"Alice Liddell",
        b"Mime-Version: 1.0 (",
    ),
)
"""What the anonymous form of a mail has nowhere: marks of programs, hosts, zones, and the name beside an address."""

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489") + bytes(range(64))


def crlf(text: str, encoding: str = "utf-8") -> bytes:
    """Return the text in bytes with the line ends of mail."""
    return text.replace("\n", "\r\n").encode(encoding)


def head(extra: str = "", *, subject: str = "Hello") -> str:
    """Return header lines as a talkative client writes them, without the empty line after them."""
    return f"""\
Received: from workstation.lan ([192.168.1.17]) by localhost; Sun, 29 Nov 2026 14:03:09 +0200
Message-ID: <8f2c.1764417789@workstation.lan>
Date: Sun, 29 Nov 2026 14:03:09 +0200
User-Agent: Mozilla Thunderbird
X-Mailer: Apple Mail (2.3774)
From: Alice Liddell <alice@provider-1.mix.invalid>
To: "Bob B." <bob@provider-2.mix.invalid>
Subject: {subject}
MIME-Version: 1.0
{extra}"""


def in_base64(content: bytes) -> str:
    """Return base64 in lines of 76 characters."""
    return base64.encodebytes(content).decode().rstrip("\n")


PLAIN = crlf(head("Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 7bit\n") + "\nHello Bob.\n")
FLOWED = crlf(
    head("Content-Type: text/plain; charset=UTF-8; format=flowed\nContent-Transfer-Encoding: 7bit\n")
    + "\nThis line was broken by the program \nand goes on here.\n> quoted \n> text\n-- \nAlice\n"
)
LATIN1_8BIT = crlf(
    head("Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n") + "\nGrüße aus Köln\n",
    "latin-1",
)
QUOTED_PRINTABLE = crlf(
    head("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n")
    + "\nGr=C3=BC=C3=9Fe aus =\nK=C3=B6ln\n"
)
ENCODED_SUBJECT = crlf(
    head(subject="=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n =?iso-8859-1?B?IGF1cyBL9mxu?=", extra="Content-Type: text/plain\n")
    + "\nHello Bob.\n"
)
SMTPUTF8 = crlf("From: Ünal <ünal@example.org>\nTo: 用户@example.org\nSubject: Grüße\nMIME-Version: 1.0\n\nHello.\n")
LONG_LINES = crlf(head("Content-Type: text/plain\n") + "\n" + "a long line " * 400 + "\n")
NESTED = crlf(
    head('Content-Type: multipart/mixed;\n boundary="----=_Part_17_1234.5678"\n')
    + f"""
This is a multi-part message in MIME format.

------=_Part_17_1234.5678
Content-Type: multipart/alternative; boundary="Apple-Mail=_1A2B"

--Apple-Mail=_1A2B
Content-Type: text/plain; charset=us-ascii

Hello Bob.

--Apple-Mail=_1A2B
Content-Type: multipart/related; boundary="--------------0907"

----------------0907
Content-Type: text/html; charset=us-ascii

<html><meta name="Generator" content="Outlook"><p>Hello Bob.</p></html>

----------------0907
Content-Type: image/png; name="smile.png"
Content-ID: <1.2@workstation.lan>
Content-Disposition: inline; filename="smile.png"
Content-Transfer-Encoding: base64

{in_base64(PNG)}
----------------0907--

--Apple-Mail=_1A2B--

------=_Part_17_1234.5678
Content-Type: application/x-pdf; name="C:\\\\Users\\\\alice\\\\plan.pdf"
Content-Disposition: attachment; filename="C:\\\\Users\\\\alice\\\\plan.pdf"
Content-Transfer-Encoding: base64

{in_base64(b"%PDF-1.7 " + bytes(range(256)))}
------=_Part_17_1234.5678--
"""
)
PGP_MIME = crlf(
    head('Content-Type: multipart/encrypted; protocol="application/pgp-encrypted";\n boundary="------------0A1B"\n')
    + """
This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)
--------------0A1B
Content-Type: application/pgp-encrypted
Content-Description: PGP/MIME version identification

Version: 1

--------------0A1B
Content-Type: application/octet-stream; name="encrypted.asc"
Content-Description: OpenPGP encrypted message
Content-Disposition: inline; filename="encrypted.asc"

-----BEGIN PGP MESSAGE-----
Version: GnuPG v2
Comment: sent from workstation

hQEMA0123456789abAQf/a1b2c3d4
=ab12
-----END PGP MESSAGE-----

--------------0A1B--
"""
)
PGP_SIGNED = crlf(
    head('Content-Type: multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary="sig0"\n')
    + """
--sig0
Content-Type: text/plain; charset=us-ascii

Signed words. \t

--sig0
Content-Type: application/pgp-signature; name="signature.asc"

-----BEGIN PGP SIGNATURE-----

iQEzBAEBCAAdFiEE
=Zz09
-----END PGP SIGNATURE-----

--sig0--
"""
)
SMIME = crlf(
    head(
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
        "Content-Transfer-Encoding: base64\n"
    )
    + "\n"
    + in_base64(b"\x30\x80" + bytes(range(200)))
    + "\n"
)
REPLY = crlf(
    head(
        "In-Reply-To: <7a1b.1764410000@workstation.lan>\n"
        "References: <root@elsewhere.example> <7a1b.1764410000@workstation.lan>\nBcc: carol@provider-1.mix.invalid\n"
        "Cc: Dave <dave@example.org>,\n erin@provider-2.mix.invalid\nContent-Type: text/plain\n"
    )
    + "\nHello Bob.\n"
)
NO_HEADERS = b"\r\nonly a text, without any header line\r\n"
BARE_LF = b"From: a@provider-1.mix.invalid\nTo: b@provider-2.mix.invalid\nSubject: unix\n\nHello Bob.\n"
HTML_ONLY = crlf(head("Content-Type: text/html; charset=utf-8\n") + "\n<p>Hello Bob.</p>\n")
FORWARDED = crlf(
    head("Content-Type: multipart/mixed; boundary=fwd\n")
    + "\n--fwd\nContent-Type: text/plain\n\nSee below.\n--fwd\nContent-Type: message/rfc822\n\n"
    + "Received: from workstation.lan\nFrom: x@example.org\nSubject: inner\n\ninner text\n--fwd--\n"
)

MALFORMED = {
    "no_closing_boundary": crlf(head("Content-Type: multipart/mixed; boundary=b\n") + "\n--b\n\ntext\n"),
    "no_first_boundary": crlf(head("Content-Type: multipart/mixed; boundary=b\n") + "\ntext\n"),
    "no_boundary_named": crlf(head("Content-Type: multipart/mixed\n") + "\n--b\n\ntext\n--b--\n"),
    "header_without_colon": b"From: a@example.org\r\nthis is no header line\r\n\r\ntext\r\n",
    "broken_base64": crlf(head("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n") + "\n!!!abc\n"),
    "broken_quoted_printable": crlf(
        head("Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n") + "\na=ZZb\n"
    ),
    "unknown_charset": crlf(head("Content-Type: text/plain; charset=klingon\n") + "\ntext\n"),
    "bytes_outside_charset": crlf(head("Content-Type: text/plain; charset=us-ascii\n")) + b"\r\n\xff\xfe\r\n",
    "unknown_encoding": crlf(head("Content-Transfer-Encoding: x-uuencode\n") + "\ntext\n"),
    "two_subjects": crlf(head("Subject: again\n") + "\ntext\n"),
    "bare_carriage_return": crlf(head("Content-Type: text/plain\n")) + b"\r\na\rb\r\n",
    "header_of_no_charset": b"From: a@example.org\r\nTo: b@example.org\r\nSubject: \xff\xfe\r\n\r\ntext\r\n",
}
"""Mails that break a rule of MIME: carried byte for byte to a contact, refused in the anonymous form."""

SAMPLES = {
    "plain": PLAIN,
    "flowed": FLOWED,
    "latin1_8bit": LATIN1_8BIT,
    "quoted_printable": QUOTED_PRINTABLE,
    "encoded_subject": ENCODED_SUBJECT,
    "smtputf8": SMTPUTF8,
    "long_lines": LONG_LINES,
    "nested": NESTED,
    "pgp_mime": PGP_MIME,
    "pgp_signed": PGP_SIGNED,
    "smime": SMIME,
    "reply": REPLY,
    "no_headers": NO_HEADERS,
    "bare_lf": BARE_LF,
    "html_only": HTML_ONLY,
    "forwarded": FORWARDED,
    **MALFORMED,
}
"""All mails by name."""
