#!/usr/bin/env python3
"""CLUSTER as one node that owns all slots, through redis-py's client of
clusters; what a server says that has none; MODULE LIST."""

import os
import sys

import redis

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from support.connection import Connection, ErrorReply, as_map  # noqa: E402
from support.server import Server, run_tests  # noqa: E402

DISABLED = ErrorReply("ERR This instance has cluster support disabled")


def test_without_a_cluster(server):
    client = Connection(server.port)
    for command in (["CLUSTER", "INFO"], ["CLUSTER", "MYID"],
                    ["CLUSTER", "NODES"], ["CLUSTER", "SLOTS"],
                    ["CLUSTER", "SHARDS"], ["CLUSTER", "LINKS"],
                    ["CLUSTER", "KEYSLOT", "a"],
                    ["CLUSTER", "COUNTKEYSINSLOT", 1],
                    ["CLUSTER", "GETKEYSINSLOT", 1, 1],
                    ["CLUSTER", "REPLICAS", "x"], ["READONLY"],
                    ["READWRITE"]):
        assert client.call(*command) == DISABLED, command
    assert b"cluster_enabled:0" in client.call("INFO", "cluster")
    assert client.call("MODULE", "LIST") == []
    assert client.call("MODULE", "HELP")[0].startswith(b"MODULE")


def test_cluster_clients_work():
    with Server("--cluster-enabled", "yes") as server:
        client = redis.RedisCluster(host="127.0.0.1", port=server.port)
        for number in range(200):
            client.set(f"key:{number}", number)
        assert [client.get(f"key:{number}") for number in range(200)] \
            == [str(number).encode() for number in range(200)]
        assert client.mget("{tag}a", "{tag}b") == [None, None]
        with client.pipeline() as pipeline:
            pipeline.incr("key:1").incr("key:2")
            assert pipeline.execute() == [2, 3]
        client.close()


def test_the_node_owns_all_slots():
    with Server("--cluster-enabled", "yes", "--cluster-announce-ip",
                "10.1.2.3", "--cluster-announce-port", 7000) as server:
        client = Connection(server.port)
        own = client.call("CLUSTER", "MYID")
        assert len(own) == 40
        assert client.call("CLUSTER", "SLOTS") == [
            [0, 16383, [b"10.1.2.3", 7000, own, []]]]
        assert client.call("CLUSTER", "NODES") == (
            own + b" 10.1.2.3:7000@17000 myself,master - 0 0 0 connected "
            b"0-16383\n")
        shard = as_map(client.call("CLUSTER", "SHARDS")[0])
        assert shard["slots"] == [0, 16383]
        node = as_map(shard["nodes"][0])
        assert (node["id"], node["role"], node["health"]) == (
            own, b"master", b"online")
        information = client.call("CLUSTER", "INFO")
        assert b"cluster_state:ok\r\ncluster_slots_assigned:16384\r\n" \
            in information
        assert b"redis_mode:cluster" in client.call("INFO", "server")
        assert client.call("CLUSTER", "LINKS") == []
        assert client.call("CLUSTER", "REPLICAS", own) == []
        assert client.call("CLUSTER", "REPLICAS", "x") == ErrorReply(
            "ERR Unknown node x")
        assert client.call("READONLY") == b"OK"
        client.call("CONFIG", "SET", "cluster-announce-ip", "")
        assert client.call("CLUSTER", "SLOTS")[0][2][0] == b""
        client.close()


def test_keys_of_slots():
    with Server("--cluster-enabled", "yes") as server:
        client = Connection(server.port)
        long = b"{x}" + b"l" * 3000
        for key in (b"{x}b", b"{x}a", long, b"y"):
            client.call("SET", key, 1)
        client.call("SET", "{x}gone", 1, "PX", 1)
        slot = client.call("CLUSTER", "KEYSLOT", "foo{x}")
        assert slot == 16287
        assert client.call("CLUSTER", "COUNTKEYSINSLOT", slot) in (3, 4)
        names = client.call("CLUSTER", "GETKEYSINSLOT", slot, 100)
        assert sorted(name for name in names if name != b"{x}gone") \
            == sorted([b"{x}a", b"{x}b", long])
        assert len(client.call("CLUSTER", "GETKEYSINSLOT", slot, 2)) == 2
        for wrong in ("-1", "16384"):
            assert client.call("CLUSTER", "COUNTKEYSINSLOT", wrong) \
                == ErrorReply("ERR Invalid slot")
        assert client.call("CLUSTER", "GETKEYSINSLOT", 1, -1) == ErrorReply(
            "ERR Invalid slot or number of keys")
        assert client.call("CLUSTER", "COUNTKEYSINSLOT", "x") == ErrorReply(
            "ERR value is not an integer or out of range")
        client.close()


if __name__ == "__main__":
    sys.exit(run_tests((), [test_without_a_cluster],
                       [test_cluster_clients_work,
                        test_the_node_owns_all_slots, test_keys_of_slots]))
