"""Connections whose clients have gone.

Wrong in hypercorn 0.18: when a client closes its connection right after the response's last byte,
hypercorn may begin to wait for the next request of a connection that can bring none, and keep the
socket for the whole keep-alive timeout. On a busy machine three of four connections stayed like
that, until no file descriptor was left.
"""

from __future__ import annotations

from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import Event, Updated

_IDLE = Updated(idle=True)


def close_with_their_clients() -> None:
    """Let no connection wait for a request once its client has closed it."""
    send, read = TCPServer.protocol_send, TCPServer._read_data

    async def protocol_send(server: TCPServer, event: Event) -> None:
        has_ended = server.reader.at_eof() or server.writer.is_closing()
        await send(server, Updated(idle=False) if has_ended and event == _IDLE else event)

    async def read_data(server: TCPServer) -> None:
        await read(server)
        await server.idle_task.stop()

    TCPServer.protocol_send = protocol_send
    TCPServer._read_data = read_data
