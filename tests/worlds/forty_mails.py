"""Forty mails of different programs, some of them with signatures that really verify.

The keys are made anew each time: nothing of them is secret, and none of them is in the repository.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import tempfile
from base64 import encodebytes
from dataclasses import dataclass
from email.utils import format_datetime
from pathlib import Path
from random import Random

import pysequoia
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.worlds.mails import MALFORMED, SAMPLES, crlf, head

COUNT = 40
LARGE_BYTES = 25_000_000
SENDER = "alice@provider-1.mix.invalid"
_BY_SMTP_UNFIT = ("bare_lf", "bare_carriage_return", "reply", "pgp_signed")
"""Lone CR and LF are no line ends in SMTP (RFC 5321, 2.3.8), Bcc lines go, and that signature is a mere picture."""


@dataclass(frozen=True)
class SampleMail:
    """A mail. `signed`: `pgp` or `smime` if its signature verifies, empty without; `large`: takes minutes."""

    name: str
    mail: bytes
    signed: str = ""
    large: bool = False

    @property
    def is_8bit(self) -> bool:
        """Whether it needs 8BITMIME."""
        return not self.mail.isascii()

    @property
    def needs_smtputf8(self) -> bool:
        """Whether its header lines do."""
        return not self.mail.partition(b"\r\n\r\n")[0].isascii()


class PgpAuthor:
    """Signs with OpenPGP, and verifies what came back by the certificate alone."""

    def __init__(self) -> None:
        self._key = pysequoia.Tsk.generate(f"Alice <{SENDER}>")
        self.certificate = self._key.extract_certificate()

    def signed(self, part: bytes, boundary: str) -> bytes:
        """Return a `multipart/signed` mail (RFC 3156, 5) of a part in its canonical form."""
        signature = pysequoia.sign(self._key.signer(), part, mode=pysequoia.SignatureMode.DETACHED)
        armoured = signature.decode().replace("\r\n", "\n")
        kind = f'multipart/signed; micalg=pgp-sha512; protocol="application/pgp-signature";\n boundary="{boundary}"'
        first = crlf(head(f"Content-Type: {kind}\n") + f"\nThis is an OpenPGP/MIME signed message\n--{boundary}\n")
        last = crlf(f"\n--{boundary}\nContent-Type: application/pgp-signature; name=signature.asc\n\n{armoured}\n")
        return first + part + last + crlf(f"--{boundary}--\n")

    def encrypted(self, content: bytes) -> bytes:
        """Return an encrypted and signed mail (RFC 3156, 6.2)."""
        sealed = pysequoia.encrypt(content, [self.certificate], signer=self._key.signer())
        text = sealed.decode().replace("\r\n", "\n")
        kind = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="enc0"'
        return crlf(
            head(f"Content-Type: {kind}\n")
            + "\n--enc0\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n"
            + f"--enc0\nContent-Type: application/octet-stream; name=encrypted.asc\n\n{text}\n--enc0--\n"
        )

    def verifies(self, mail: bytes) -> bool:
        """Tell whether the signature of a mail that came is over what came, by this author."""
        armour = re.search(rb"-----BEGIN PGP (SIGNATURE|MESSAGE)-----.*?-----END PGP \1-----", mail, re.DOTALL)
        if armour is None:
            return False
        try:
            if armour[1] == b"MESSAGE":
                opened = pysequoia.decrypt(armour[0], decryptor=self._key.decryptor(), store=self._store)
                return bool(opened.valid_sigs)
            signature = pysequoia.Sig.from_bytes(armour[0])
            found = pysequoia.verify(_first_part(mail), store=self._store, signature=signature)
            return bool(found.valid_sigs)
        except Exception:
            # Whatever kind of error the library has for it: it does not verify.
            return False

    def _store(self, _: list[str]) -> list[pysequoia.Cert]:
        return [self.certificate]


class SmimeAuthor:
    """Signs with S/MIME; openssl, which knows nothing of this program, verifies."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Alice")])
        begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self._key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
        builder = builder.not_valid_after(begin + datetime.timedelta(days=36_500))
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(SENDER)]), critical=False)
        self._certificate = builder.add_extension(usage, critical=False).sign(self._key, hashes.SHA256())

    def signed(self, part: bytes, *, opaque: bool = False) -> bytes:
        """Return a signed mail (RFC 8551, 3.5): `multipart/signed`, or the content inside of the signature."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(part)
        builder = builder.add_signer(self._certificate, self._key, hashes.SHA256())
        if opaque:
            signature = builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
            kind = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
            lines = encodebytes(signature).decode()
            return crlf(head(f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n") + f"\n{lines}")
        options = [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature]
        lines = encodebytes(builder.sign(serialization.Encoding.DER, options)).decode()
        kind = 'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="sm0"'
        first = crlf(head(f"Content-Type: {kind}\n") + "\nThis is an S/MIME signed message\n\n--sm0\n")
        last = "\n--sm0\nContent-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n"
        return first + part + crlf(f"{last}\n{lines}\n--sm0--\n")

    def verifies(self, mail: bytes) -> bool:
        """Tell whether openssl finds a good signature by this author."""
        with tempfile.TemporaryDirectory() as directory:
            certificate, message = Path(directory) / "alice.pem", Path(directory) / "mail"
            certificate.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
            message.write_bytes(mail)
            command = ["openssl", "cms", "-verify", "-inform", "SMIME", "-in", str(message)]
            command += ["-CAfile", str(certificate), "-out", f"{message}.out"]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Authors:
    """Both, and the forty mails."""

    def __init__(self) -> None:
        self.pgp = PgpAuthor()
        self.smime = SmimeAuthor()

    def verifies(self, sample: SampleMail, mail: bytes) -> bool:
        """Tell whether the signature of a sample still verifies in the mail that came, if it has one."""
        match sample.signed:
            case "pgp":
                return self.pgp.verifies(mail)
            case "smime":
                return self.smime.verifies(mail)
        return True

    def forty_mails(self, rng: Random, *, large_bytes: int = LARGE_BYTES) -> list[SampleMail]:
        """Return forty mails, the last one of `large_bytes`."""
        plain = {name: mail for name, mail in (SAMPLES | MALFORMED).items() if name not in _BY_SMTP_UNFIT}
        mails = [SampleMail(name, mail) for name, mail in plain.items()]
        mails += self._signed(rng)
        mails += [SampleMail(name, mail) for name, mail in _others(rng).items()]
        mails.append(SampleMail("large", attached(rng.randbytes(large_bytes * 57 // 78)), large=True))
        assert len(mails) == len({one.name for one in mails}) == COUNT, len(mails)
        return mails

    def _signed(self, rng: Random) -> list[SampleMail]:
        picture = encodebytes(rng.randbytes(5000)).decode()
        nested = (
            'Content-Type: multipart/mixed; boundary="in0"\n\n--in0\nContent-Type: text/plain; charset=utf-8\n'
            "Content-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe =20\n-- =20\nAlice\n"
            f"--in0\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\n{picture}--in0--\n"
        )
        words = "Content-Type: text/plain; charset=us-ascii\n\nSigned words, with a space at the end: \n\n\n"
        eight = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße, 用户.\n"
        dots = "Content-Type: text/plain\n\n.\n..\n.a line that begins with a dot\n\tand one with a tab\n"
        pgp = {
            "pgp_signed_words": self.pgp.signed(crlf(words), "------------pgp0"),
            "pgp_signed_8bit": self.pgp.signed(crlf(eight), "=-pgp1"),
            "pgp_signed_nested": self.pgp.signed(crlf(nested), "pgp2"),
            "pgp_signed_dots": self.pgp.signed(crlf(dots), "pgp3"),
            "pgp_encrypted": self.pgp.encrypted(crlf(words)),
        }
        smime = {
            "smime_signed_words": self.smime.signed(crlf(words)),
            "smime_signed_nested": self.smime.signed(crlf(nested)),
            "smime_signed_opaque": self.smime.signed(crlf(words), opaque=True),
        }
        signed = [SampleMail(name, mail, "pgp") for name, mail in pgp.items()]
        return signed + [SampleMail(name, mail, "smime") for name, mail in smime.items()]


def _others(rng: Random) -> dict[str, bytes]:
    """Return mails in further shapes: lists, invitations, reports, other alphabets, depth, dots."""
    deep = "text at the bottom\n"
    for level in range(20):
        deep = f"Content-Type: multipart/mixed; boundary=d{level}\n\n--d{level}\n{deep}--d{level}--\n"
    kinds, _, rest = deep.partition("\n\n")
    calendar = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Tea\nEND:VEVENT\nEND:VCALENDAR\n"
    japanese = "\u65e5\u672c\u8a9e\u306e\u30e1\u30fc\u30eb\n".encode("iso-2022-jp").replace(b"\n", b"\r\n")
    now = format_datetime(datetime.datetime(2026, 11, 29, 14, 3, 9, tzinfo=datetime.UTC))
    received = "".join(f"Received: from hop{hop}.example ([192.0.2.{hop}]); {now}\n" for hop in range(30))
    binary = bytes(byte for byte in range(32, 256) if byte not in (0x7F, 0x85))
    return {
        "mailing_list": crlf(received + head("List-Id: <talk.example.org>\nPrecedence: list\n") + "\nHello list.\n"),
        "invitation": crlf(head("Content-Type: text/calendar; method=REQUEST; charset=utf-8\n") + "\n" + calendar),
        "iso_2022_jp": crlf(head("Content-Type: text/plain; charset=iso-2022-jp\n") + "\n") + japanese,
        "eight_bit_unnamed": crlf(head() + "\n") + b"\r\n".join([binary] * 20) + b"\r\n",
        "deep": crlf(head(kinds + "\n") + "\n" + rest),
        "dots": crlf(head() + "\n.\n..\n...\n.\n\n"),
        "attachment": attached(rng.randbytes(100_000)),
    }


def attached(content: bytes) -> bytes:
    """Return a mail with an attachment in base64."""
    lines = encodebytes(content).decode()
    kind = 'Content-Type: multipart/mixed; boundary="------------big"\n'
    text = "\n--------------big\nContent-Type: text/plain\n\nSee the file.\n"
    file = "--------------big\nContent-Type: application/octet-stream; name=video.bin\n"
    file += 'Content-Disposition: attachment; filename="video.bin"\nContent-Transfer-Encoding: base64\n'
    return crlf(head(kind) + text + file + f"\n{lines}--------------big--\n")


def _first_part(mail: bytes) -> bytes:
    """Return the signed part of a `multipart/signed` mail, without the line end that belongs to the boundary."""
    boundary = re.search(rb'boundary="([^"]+)"', mail)
    assert boundary is not None
    return mail.split(b"\r\n--" + boundary[1])[1].removeprefix(b"\r\n")
