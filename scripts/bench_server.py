"""A fast OpenAI-compatible server on loopback for benchmarks: one answer, after a fixed or exponential latency.

python scripts/bench_server.py LATENCY_MS [--exponential]     prints its port, serves until it is killed
"""

from __future__ import annotations

import asyncio
import json
import random
import sys

TEXT = " ".join(f"word{n}" for n in range(150))  # about 1 KB
BODY = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "model": "bench",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 150, "total_tokens": 250},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests come one at a time."""

    latency = 0.0
    exponential = False
    random = random.Random(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        wait = self.random.expovariate(1 / self.latency) if self.exponential and self.latency else self.latency
        if wait:
            asyncio.get_running_loop().call_later(wait, self.answer)
        else:
            self.answer()

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(ANSWER)


async def serve() -> None:
    Connection.latency = float(sys.argv[1]) / 1000
    Connection.exponential = "--exponential" in sys.argv
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
