"""SESSION over python3-redis, in both of the forms that its replies have."""

import functools
import os
import sys

import redis

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.server import Results, Server  # noqa: E402


def as_map(reply):
    return dict(zip(reply[::2], reply[1::2]))


def test_every_subcommand(server):
    client = server.client(decode_responses=True)

    def ask(*words):
        return client.execute_command("SESSION", *words)

    made = as_map(ask("CREATE", "USER", "alice", "TTL", 600, "ABSOLUTE", 3600,
                      "TOKEN", "GENERATE", "IP", "127.0.0.1", "AGENT",
                      "redis-py", "DEVICE", "server", "LIMIT", 5, "EVICT",
                      "DATA", "role", "admin"))
    id = made["id"]
    found = as_map(ask("GET", id))
    assert found["user"] == "alice" and found["ip"] == "127.0.0.1"
    assert as_map(found["data"]) == {"role": "admin"}
    assert as_map(ask("TOKEN", made["token"]))["id"] == id
    assert ask("SET", id, "cart", "3") == 1
    assert as_map(ask("GET", id, "FIELDS", "cart", "none")) == {
        "cart": "3", "none": None}
    assert ask("UNSET", id, "cart") == 1
    assert ask("EXISTS", id, "none") == 1
    assert ask("TOUCH", id) == 1
    assert 650 <= ask("EXTEND", id, 60) <= 660
    cursor, rows = ask("LIST", "USER", "alice", "COUNT", 10)
    assert cursor == "0" and [as_map(row)["id"] for row in rows] == [id]
    assert ask("COUNT", "ACTIVE", 60) == 1
    assert ask("COUNT", "BY", "USER") == ["alice", 1]
    other = as_map(ask("ROTATE", id))
    assert ask("EXISTS", id) == 0
    assert as_map(ask("TOKEN", other["token"]))["id"] == other["id"]
    assert as_map(ask("ANALYTICS", "WINDOW", 600))["created"] == 1
    assert ask("CLEANUP", "INACTIVE", 60) == 0
    assert ask("EVENTS", "STATUS") == "off"
    assert ask("BULKDEL", "USER", "alice", "EXCEPT", other["id"]) == 0
    assert ask("DEL", other["id"]) == 1
    assert len(ask("HELP")) > 10
    try:
        ask("CREATE", "TTL", "soon")
    except redis.ResponseError as error:
        assert str(error) == "value is not an integer or out of range"
    else:
        raise AssertionError("no error")


def test_pipelines(server):
    client = server.client(decode_responses=True)
    with client.pipeline(transaction=False) as pipeline:
        for i in range(100):
            pipeline.execute_command("SESSION", "CREATE", "ID", i, "USER", "p")
            pipeline.execute_command("SESSION", "SET", i, "n", i)
            pipeline.execute_command("SESSION", "GET", i, "FIELDS", "n")
        replies = pipeline.execute()
    assert replies[1::3] == [1] * 100
    assert replies[2::3] == [["n", str(i)] for i in range(100)]
    assert client.execute_command("SESSION", "BULKDEL", "USER", "p") == 100


def main():
    results = Results()
    with Server() as server:
        results.run(functools.partial(test_every_subcommand, server))
        results.run(functools.partial(test_pipelines, server))
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
