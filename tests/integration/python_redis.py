"""Debian's python3-redis against a running server."""

import functools
import os
import sys

import redis

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.server import Results, Server  # noqa: E402


def test_strings(server):
    client = server.client()
    binary = bytes(range(256))
    assert client.set(binary, binary) is True
    assert client.get(binary) == binary
    assert client.set("n", 1, nx=True) is True
    assert client.set("n", 2, nx=True) is None
    assert client.incrby("n", 41) == 42
    assert client.incrbyfloat("n", 0.5) == 42.5
    assert client.append("text", "hello") == 5
    assert client.getrange("text", 1, 3) == b"ell"
    assert client.mset({"a": "1", "b": "2"}) is True
    assert client.mget("a", "none", "b") == [b"1", None, b"2"]


def test_expiry(server):
    client = server.client(decode_responses=True)
    client.set("session", "x", px=60000)
    assert 59000 < client.pttl("session") <= 60000
    assert client.persist("session") is True
    assert client.ttl("session") == -1
    assert client.ttl("absent") == -2


def test_scan_returns_every_key_once(server):
    client = server.client(decode_responses=True)
    names = {f"scan:{i}" for i in range(500)}
    client.mset({name: "" for name in names})
    found = list(client.scan_iter(match="scan:*", count=17))
    assert set(found) == names
    assert client.delete(*names) == 500


def test_pipeline_keeps_order(server):
    client = server.client()
    with client.pipeline(transaction=False) as pipeline:
        for i in range(1000):
            pipeline.set(f"pipe:{i % 7}", i).get(f"pipe:{i % 7}")
        replies = pipeline.execute()
    assert replies[1::2] == [str(i).encode() for i in range(1000)]


def test_errors_are_response_errors(server):
    client = server.client()
    client.set("text", "abc")
    for call in (lambda: client.incr("text"),
                 lambda: client.execute_command("NOSUCHCOMMAND", "x"),
                 lambda: client.execute_command("GET")):
        try:
            call()
        except redis.ResponseError:
            continue
        raise AssertionError("no error")


def test_server_commands(server):
    client = server.client(decode_responses=True, client_name="tester")
    assert client.ping() is True
    assert client.echo("hello") == "hello"
    assert client.client_getname() == "tester"
    assert client.config_get("port") == {"port": str(server.port)}
    assert client.info("server")["tcp_port"] == server.port
    assert client.command_count() > 50


def main():
    results = Results()
    with Server() as server:
        for name, test in sorted(globals().items()):
            if name.startswith("test_"):
                server.client().flushall()
                results.run(functools.partial(test, server))
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
