"""An SMTP server that accepts all mails, and reads none: it writes one line for each into the file `mails` of a folder."""

import asyncio
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP

MAILS = (Path(sys.argv[1]) / "mails").open("a", buffering=1)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        [address] = envelope.rcpt_tos
        print(address, file=MAILS)
        return "250 OK"


async def main():
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Handler(), hostname="smtp.test"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
