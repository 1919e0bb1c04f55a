"""A small RESP2 client that says exactly what was answered before a cut.

    connection = Connection(port)
    connection.call("SET", "k", "v")                   -> b"OK"
    connection.pipeline([("INCR", "n"), ("GET", "k")]) -> [1, b"v"]

An error reply is a value, an instance of ErrorReply. When the connection
breaks, Cut is raised; its `replies` are those that had arrived.
"""

import socket


class ErrorReply(str):
    """The text of an error, with its code."""


class Cut(Exception):
    """The connection ended before every reply had arrived."""

    def __init__(self, replies):
        super().__init__(f"cut after {len(replies)} replies")
        self.replies = replies


def encode(*arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        if isinstance(argument, int):
            argument = str(argument)
        if isinstance(argument, str):
            argument = argument.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)


def as_map(reply):
    """A flat array of RESP2 as a dict."""
    return {key.decode(): value
            for key, value in zip(reply[::2], reply[1::2])}


class Connection:
    def __init__(self, port, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.at = 0

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionResetError("end of input")
        self.buffer = self.buffer[self.at:] + data
        self.at = 0

    def _line(self):
        while (end := self.buffer.find(b"\r\n", self.at)) < 0:
            self._more()
        line = self.buffer[self.at:end]
        self.at = end + 2
        return line

    def _bytes(self, size):
        if len(self.buffer) - self.at < size + 2:
            parts = [self.buffer[self.at:]]
            missing = size + 2 - len(parts[0])
            while missing > 0:
                data = self.socket.recv(1 << 20)
                if not data:
                    raise ConnectionResetError("end of input")
                parts.append(data)
                missing -= len(data)
            self.buffer = b"".join(parts)
            self.at = 0
        data = self.buffer[self.at:self.at + size]
        self.at += size + 2
        return data

    def read(self):
        """One reply."""
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            return ErrorReply(rest.decode(errors="replace"))
        if kind == b"$":
            return None if rest == b"-1" else self._bytes(int(rest))
        if kind == b"*":
            count = int(rest)
            return None if count < 0 else [self.read() for _ in range(count)]
        raise ValueError(f"not RESP2: {line!r}")

    def pipeline(self, commands):
        replies = []
        try:
            self.send(b"".join(encode(*command) for command in commands))
        except TimeoutError:
            raise
        except OSError:
            pass  # what was answered before is still to be read
        try:
            for _ in commands:
                replies.append(self.read())
        except TimeoutError:
            raise
        except OSError:
            self.close()
            raise Cut(replies) from None
        return replies

    def call(self, *arguments):
        return self.pipeline([arguments])[0]


def must_fail(client, start, *arguments):
    reply = client.call(*arguments)
    assert isinstance(reply, ErrorReply), (arguments, reply)
    assert reply.startswith(start), (arguments, reply)
