"""Each finding of POOL RECOMMEND, in a situation that causes it, and what the
autotuner does about a small pool."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.connection import Connection, as_map, must_fail  # noqa: E402
from support.pool import (Load, Psql, backends, classes,  # noqa: E402
                          findings, number)
from support.server import Server, becomes, run_tests  # noqa: E402


def test_recommend_errors(server):
    client = Connection(server.port)
    must_fail(client, "ERR syntax error", "POOL", "RECOMMEND", "NONSENSE", 1)
    must_fail(client, "ERR syntax error", "POOL", "RECOMMEND", "IDLE")
    must_fail(client, "ERR value is not an integer",
              "POOL", "RECOMMEND", "IDLE", "x")
    must_fail(client, "ERR MEMORY must be 0 to",
              "POOL", "RECOMMEND", "MEMORY", -1)


def test_recommend_finds_idle_connections(server):
    client = Connection(server.port)
    client.call("SET", "a", 1)
    time.sleep(1.5)
    assert "idle_connections_held" not in findings(client, "IDLE", 3600)
    found = findings(client, "IDLE", 1)["idle_connections_held"]
    assert found["action"] == b"POOL TERMINATE IDLE 1", found
    assert client.call("POOL", "TERMINATE", "IDLE", 1) >= 1
    assert becomes(lambda: "idle_connections_held"
                   not in findings(client, "IDLE", 1))


def test_recommend_finds_a_blocked_lane(server):
    client, other = Connection(server.port), Connection(server.port)
    client.call("SET", "locked", 1)
    session = Psql(server, "SELECT FROM respgres.key WHERE key = 'locked' "
                           "FOR UPDATE")
    other.send(b"SET locked 2\r\n")
    assert becomes(lambda: "blocked_lane" in findings(client))
    found = findings(client)["blocked_lane"]
    assert found["action"] == f"SELECT pg_terminate_backend({session.pid})" \
        .encode(), found
    rows = [as_map(row) for row in client.call("POOL", "DIAGNOSTICS")]
    blocked = [row for row in rows if row["blocked_by"]]
    assert [row["blocked_by"] for row in blocked] == [[session.pid]], rows
    assert blocked[0]["lane_state"] == b"active"
    assert blocked[0]["wait_event_type"] == b"Lock" and blocked[0]["waits_for"]
    assert as_map(client.call("POOL", "INFO"))["health"]
    # A new connection repeats the batch, which waits again.
    assert client.call("POOL", "TERMINATE", blocked[0]["id"]) == 1
    assert becomes(lambda: "blocked_lane" in findings(client))
    # It cannot run empty, so nothing is changed, and nobody fails.
    must_fail(client, "ERR a lane did not become empty",
              "POOL", "RESIZE", "point", 4, 4)
    assert classes(client)["point"]["lanes"] == 2
    must_fail(client, "ERR a batch did not end in time",
              "POOL", "PAUSE", "TIMEOUT", 1)
    server.psql(found["action"].decode())
    session.end()
    assert other.read() == b"OK"
    assert client.call("GET", "locked") == b"2"
    assert becomes(lambda: "blocked_lane" not in findings(client))
    assert becomes(lambda: len(backends(server, "point")) == 2)


def test_recommend_finds_an_open_transaction(server):
    client = Connection(server.port)
    session = Psql(server, "SELECT 1")
    time.sleep(1.2)
    found = findings(client, "IDLE", 1)["idle_in_transaction"]
    assert f"pid {session.pid} ".encode() in found["evidence"], found
    session.end()


def test_recommend_finds_a_small_pool():
    with Server("--lanes", 1, "--lane-batch-max", 1) as server:
        client = Connection(server.port)
        assert "pool_too_small" not in findings(client)
        load = Load(server, 50)
        try:
            assert becomes(lambda: "pool_too_small" in findings(client), 90)
            found = findings(client)["pool_too_small"]
            words = found["action"].decode().split(",")[0].split()
            assert words[:3] == ["POOL", "RESIZE", "point"], words
            info = as_map(client.call("POOL", "INFO"))
            assert number(info["pressure"]) > 1.5, info["pressure"]
            assert info["health"] in (b"warning", b"critical")
            reply = as_map(client.call(*words))
            assert reply["after"] == 2, reply
        finally:
            load.end()


def test_autotune_grows_a_small_pool():
    with Server("--lanes", 1, "--lane-batch-max", 1) as server:
        client = Connection(server.port)
        assert client.call("POOL", "AUTOTUNE", "on") == b"OK"
        load = Load(server, 50)
        try:
            def decisions():
                status = as_map(client.call("POOL", "AUTOTUNE", "STATUS"))
                assert status["autotune"] == b"on"
                return [as_map(one) for one in status["decisions"]]

            assert becomes(lambda: any(one["to"] > one["from"]
                                       for one in decisions()), 90)
            first = decisions()[-1]
            assert (first["class"], first["from"], first["to"]) == (
                b"point", 1, 2), first
            assert first["reason"].startswith(b"calls wait"), first
            with open(server.log) as log:
                assert "pool autotune class=point from=1 to=2" in log.read()
        finally:
            load.end()
        status = as_map(client.call("POOL", "AUTOTUNE", "STATUS"))
        assert {as_map(one)["class"] for one in status["classes"]} == {
            b"point", b"bulk"}
        assert client.call("POOL", "AUTOTUNE", "OFF") == b"OK"
        status = as_map(client.call("POOL", "AUTOTUNE", "STATUS"))
        assert status["autotune"] == b"off" and status["classes"] == []
        must_fail(client, "ERR syntax error", "POOL", "AUTOTUNE", "MAYBE")


def test_recommend_finds_a_pool_larger_than_the_server_allows():
    with Server("--lanes", 16, "--postgres-setting",
                "max_connections 12") as server:
        client = Connection(server.port)
        assert becomes(lambda: "pool_exceeds_max_connections"
                       in findings(client))
        found = findings(client)["pool_exceeds_max_connections"]
        assert found["severity"] == b"critical"
        assert b"PostgreSQL allows it 9" in found["evidence"], found
        assert b"POOL RESIZE" in found["action"]
        assert becomes(lambda: "connections_refused" in findings(client))
        # The advice helps: all keys are served again.
        assert client.call("POOL", "RESIZE", "point", 1, 2)[-1] == 2
        for i in range(50):
            assert client.call("SET", f"k{i}", i) == b"OK"
        assert becomes(lambda: "connections_refused" not in findings(client))


def test_recommend_finds_large_shared_buffers():
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    size = memory // 2 // (1 << 20)
    with Server("--postgres-setting", f"shared_buffers {size}MB",
                "--postgres-setting", "huge_pages off") as server:
        client = Connection(server.port)
        found = findings(client)["shared_buffers_too_large"]
        assert b"ALTER SYSTEM SET shared_buffers = '" in found["action"]
        assert "shared_buffers_too_large" not in findings(
            client, "MEMORY", memory * 4)


def test_recommend_finds_other_settings():
    with Server("--postgres-setting", "fsync off",
                "--postgres-setting", "full_page_writes off",
                "--postgres-setting", "autovacuum off",
                "--postgres-setting", "synchronous_commit off",
                "--postgres-setting", "max_wal_size 64MB",
                "--postgres-setting", "min_wal_size 32MB",
                "--postgres-setting", "checkpoint_timeout 30s",
                "--postgres-setting", "checkpoint_completion_target 0.3",
                "--postgres-setting", "effective_cache_size 64MB",
                "--postgres-setting", "work_mem 1GB",
                "--postgres-setting", "max_connections 300") as server:
        client = Connection(server.port)
        found = findings(client, "MEMORY", 8 << 30, "CORES", 2)
        missing = {"fsync_off", "full_page_writes_off", "autovacuum_off",
                   "synchronous_commit_off", "max_wal_size_too_small",
                   "checkpoint_timeout_too_short", "effective_cache_size",
                   "checkpoint_completion_target_too_low",
                   "work_mem_too_large", "max_connections_too_large"}
        missing -= set(found)
        assert not missing, missing


SHARED = [
    test_recommend_errors,
    test_recommend_finds_idle_connections,
    test_recommend_finds_a_blocked_lane,
    test_recommend_finds_an_open_transaction,
]

ALONE = [
    test_recommend_finds_a_small_pool,
    test_autotune_grows_a_small_pool,
    test_recommend_finds_a_pool_larger_than_the_server_allows,
    test_recommend_finds_large_shared_buffers,
    test_recommend_finds_other_settings,
]


if __name__ == "__main__":
    sys.exit(run_tests(("--worker-threads", 2), SHARED, ALONE))
