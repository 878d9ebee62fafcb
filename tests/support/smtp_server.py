"""An SMTP server for tests. It writes each accepted mail into a file of its own, as one line of JSON.

The local part of a recipient says what becomes of their mail: `r550.5.1.1+x` is refused at RCPT with that
reply, `d554+x` at DATA, `hang+x` gets no reply to DATA, `silent+x` is accepted and gets none the first
time, `lost+x` is accepted and its reply is lost. The file `mode` in the folder says what becomes of all: `421`
greets so, `451` and `550` refuse each sender, `535` refuses the password, `lost` accepts mails and loses the
replies, `hold` with any ending accepts mails and replies when the file of this name with `.reply` has the reply.
"""

import argparse
import asyncio
import email
import email.policy
import json
import re
import ssl
from pathlib import Path
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--tls", choices=["none", "tls", "starttls"], default="none")
parser.add_argument("--password", help="requires a login as `salver` with this password")
options = parser.parse_args()


def mode() -> str:
    try:
        return (options.folder / "mode").read_text()
    except FileNotFoundError:
        return ""


def refusal(step: str, address: str) -> str | None:
    """Returns the reply to this recipient at a step; None if it is accepted."""
    code = re.match(rf"{step}(\d{{3}})((?:\.\d+)*)\+", address)
    if code is None:
        return None
    return f"{code[1]} {code[2].lstrip('.')} refused by the test".replace("  ", " ")


async def held_reply(name: str) -> str:
    reply = options.folder / f"{name}.reply"
    while not reply.exists():
        await asyncio.sleep(0.005)
    return reply.read_text()


class Handler:
    # Each connection has a handler of its own.
    silenced: ClassVar[set[str]] = set()

    async def handle_MAIL(self, server: SMTP, _session: Session, envelope: Envelope, address: str, mail_options: Any) -> str:
        if mode() in ("451", "550"):
            return f"{mode()} sender refused by the test"
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any) -> str:
        if reply := refusal("r", address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        [address] = envelope.rcpt_tos
        if reply := refusal("d", address):
            return reply
        if address.startswith("hang+"):
            await asyncio.sleep(3600)
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        bodies = {part.get_content_type(): part.get_content().replace("\r\n", "\n") for part in mail.walk() if not part.is_multipart()}
        record = {
            "to": address,
            "sender": envelope.mail_from,
            "is_encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "is_authenticated": bool(session.authenticated),
            "headers": {name.lower(): str(value) for name, value in mail.items()},
            "header_names": [name.lower() for name in mail],
            "defects": [str(defect) for header in mail.values() for defect in header.defects],
            "text": bodies.get("text/plain"),
            "html": bodies.get("text/html"),
        }
        with (options.folder / "mails").open("a") as mails:
            mails.write(json.dumps(record) + "\n")
        if mode().startswith("hold"):
            return await held_reply(mode())
        if address.startswith("lost+") or mode() == "lost":
            server.transport.abort()
        if address.startswith("silent+") and address not in self.silenced:
            self.silenced.add(address)
            await asyncio.sleep(3600)
        return "250 OK"


def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    is_correct = mode() != "535" and (data.login, data.password) == (b"salver", options.password.encode())
    return AuthResult(success=is_correct, handled=is_correct)


class Greeter(SMTP):
    async def _handle_client(self) -> None:
        if mode() == "421":
            await self.push("421 busy")
            self.transport.close()
            return
        await super()._handle_client()


def tls_context() -> ssl.SSLContext | None:
    if options.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    return context


def protocol() -> SMTP:
    starttls = tls_context() if options.tls == "starttls" else None
    return Greeter(
        Handler(),
        hostname="smtp.test",
        tls_context=starttls,
        require_starttls=starttls is not None,
        authenticator=authenticate if options.password else None,
        auth_required=options.password is not None,
        auth_require_tls=False,
        decode_data=False,
        enable_SMTPUTF8=True,
    )


async def main() -> None:
    wrapper = tls_context() if options.tls == "tls" else None
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=wrapper)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
