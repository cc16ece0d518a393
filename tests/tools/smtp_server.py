"""A real mail server for the tests: loopback, a free port, STARTTLS or TLS from the start, an account.

It prints its port, writes what it receives as JSON (read by Python's own mail parser, not by the program under
test) into the folder given, and ends when its standard input closes, so that no test leaves one behind.
"""

import argparse
import asyncio
import email
import email.policy
import hashlib
import json
import logging
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

parser = argparse.ArgumentParser()
parser.add_argument("--out", required=True)
parser.add_argument("--tls", choices=["none", "starttls", "start"], default="none")
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--user")
parser.add_argument("--password")
options = parser.parse_args()
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class Office:
    """Takes everything, save for the mailboxes whose name says otherwise."""

    received = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("inconnu"):
            return "550 5.1.1 No such mailbox"
        if address.startswith("plus-tard"):
            return "451 4.2.1 Mailbox busy, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        seen = {
            "recipients": envelope.rcpt_tos,
            "sender": envelope.mail_from,
            "headers": [[name, str(value)] for name, value in message.items()],
            "to": str(message["to"]),
            "subject": str(message["subject"]),
            "message_id": str(message["message-id"]),
            "text": text.get_content() if text else None,
            "html": html.get_content() if html else None,
            "attachments": [
                {
                    "file_name": part.get_filename(),
                    "content_type": part.get_content_type(),
                    "sha256": hashlib.sha256(part.get_content()
                                             if isinstance(part.get_content(), bytes)
                                             else part.get_content().encode()).hexdigest(),
                }
                for part in message.iter_attachments()
            ],
            "encrypted": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            "authenticated": bool(session.authenticated),
        }
        Office.received += 1
        path = os.path.join(options.out, f"{Office.received:04}.json")
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            json.dump(seen, file, ensure_ascii=False)
        os.rename(path + ".tmp", path)
        return "250 OK"


def authenticator(server, session, envelope, mechanism, data):
    # With `handled` left true, the server would answer nothing to a wrong password, and the client wait for ever.
    wrong = AuthResult(success=False, handled=False)
    if mechanism not in ("LOGIN", "PLAIN") or not isinstance(data, LoginPassword):
        return wrong
    right = data.login == options.user.encode() and data.password == options.password.encode()
    return AuthResult(success=True) if right else wrong


async def main():
    context = None
    if options.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
    settings = {"hostname": "localhost"}
    if options.tls == "starttls":
        settings |= {"tls_context": context, "require_starttls": True}
    if options.user:
        # The library does not see that a connection encrypted from its start is encrypted.
        over_tls = options.tls == "starttls"
        settings |= {"auth_required": True, "authenticator": authenticator, "auth_require_tls": over_tls}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Office(), loop=loop, **settings), "127.0.0.1", 0, ssl=context if options.tls == "start" else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
