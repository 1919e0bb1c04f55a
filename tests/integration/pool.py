"""POOL: what each subcommand tells and does, and its errors."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.connection import Connection, as_map, must_fail  # noqa: E402
from support.pool import (Load, Psql, backends, classes,  # noqa: E402
                          findings, number)
from support.postmaster import (lane_backends, postmaster_pid,  # noqa: E402
                                send_signal)
from support.server import Server, becomes, run_tests  # noqa: E402


# --- one server for what does not harm it --------------------------------

def test_stats_count_what_was_done(server):
    client = Connection(server.port)
    before = classes(client)["point"]
    for i in range(20):
        client.call("SET", f"counted:{i}", "x" * 100)
    after = classes(client)["point"]
    grown = {name: after[name] - before[name] for name in
             ("total_call_count", "total_xact_count", "total_query_count",
              "bytes_out", "total_xact_time")}
    assert grown["total_call_count"] == 20, grown
    assert grown["total_xact_count"] == 20, grown
    assert grown["total_query_count"] == 20, grown
    assert grown["bytes_out"] >= 2000, grown
    assert grown["total_xact_time"] > 0, grown
    assert after["lanes"] == 2 and after["sv_idle"] == 2, after
    assert after["cl_waiting"] == 0 and after["maxwait"] == 0, after
    assert after["wait_p50_us"] <= after["wait_p95_us"] <= after["wait_p99_us"]
    assert number(after["calls_per_batch"]) >= 1, after
    client.call("GET", "counted:1")
    assert classes(client)["point"]["bytes_in"] > after["bytes_in"]


def test_stats_name_every_class_and_connection(server):
    client = Connection(server.port)
    stats = as_map(client.call("POOL", "STATS"))
    assert [as_map(one)["class"] for one in stats["classes"]] == [
        b"point", b"transaction", b"bulk", b"stream", b"listener", b"admin"]
    lanes = [as_map(one) for one in stats["connections"]]
    shown = {lane["name"].decode(): lane["id"] for lane in lanes
             if lane["id"] != 0}
    seen = lane_backends(server)
    assert shown and all(seen[name] == pid for name, pid in shown.items())
    only = as_map(client.call("POOL", "STATS", "Transaction"))
    assert len(only["classes"]) == 1
    assert {as_map(one)["class"] for one in only["connections"]} <= {
        b"transaction"}
    must_fail(client, "ERR unknown class", "POOL", "STATS", "nonsense")
    must_fail(client, "ERR syntax error", "POOL", "STATS", "point", "x")


def test_info_judges(server):
    client = Connection(server.port)
    info = as_map(client.call("POOL", "INFO"))
    assert info["state"] == b"running" and info["role"] == b"primary"
    assert info["server_version"].decode().startswith(
        server.psql("SHOW server_version"))
    assert info["max_connections"] == int(server.psql("SHOW max_connections"))
    assert info["respgres_connections"] == len(lane_backends(server))
    indicators = {as_map(one)["indicator"].decode(): as_map(one)
                  for one in info["indicators"]}
    for name in ("database", "role", "server_connections", "disconnected",
                 "maxwait", "wait_p95_ms", "pressure", "busy", "saturation",
                 "errors", "reconnects"):
        assert indicators[name]["verdict"] in (b"ok", b"warning",
                                               b"critical"), name
        assert indicators[name]["reason"], name
    assert indicators["database"]["verdict"] == b"ok"
    assert len(info["classes"]) == 6


def test_replies_are_maps_in_resp3(server):
    client = Connection(server.port)
    client.call("HELLO", 2)
    client.send(b"HELLO 3\r\nPOOL STATS point\r\nPOOL AUTOTUNE STATUS\r\n")
    deadline = time.monotonic() + 30
    data = b""
    while data.count(b"decisions") < 1 and time.monotonic() < deadline:
        data += client.socket.recv(1 << 16)
    assert b"%4\r\n$6\r\npaused\r\n#f\r\n$12\r\nstats_period\r\n," in data
    assert b"$7\r\nclasses\r\n*1\r\n%" in data
    assert b"%4\r\n$8\r\nautotune\r\n$3\r\noff\r\n" in data


def test_help_and_unknown(server):
    client = Connection(server.port)
    text = b"\n".join(client.call("POOL", "HELP")).decode()
    for name in ("AUTOTUNE", "DIAGNOSTICS", "INFO", "PAUSE", "RECOMMEND",
                 "RECONNECT", "RESIZE", "RESUME", "STATS", "TERMINATE"):
        assert f"\n{name}" in text, name
    must_fail(client, "ERR unknown subcommand 'nonsense'. Try POOL HELP.",
              "POOL", "nonsense")
    must_fail(client, "ERR wrong number of arguments for 'pool' command",
              "POOL")
    must_fail(client, "ERR wrong number of arguments for 'pool|resize'",
              "POOL", "RESIZE", "point")


def test_resize_opens_and_ends_connections(server):
    client = Connection(server.port)
    for size, kept in ((5, 5), (2, 2), (1, 1), (3, 3), (2, 2)):
        reply = as_map(client.call("POOL", "RESIZE", "POINT", size, 8))
        if reply["after"] != size:  # shrinking takes the upper bound
            reply = as_map(client.call("POOL", "RESIZE", "point", 1, size))
        assert reply["after"] == size, reply
        assert becomes(lambda: len(backends(server, "point")) == kept), size
        for i in range(20):
            assert client.call("SET", f"resized:{i}", i) == b"OK"
            assert client.call("GET", f"resized:{i}") == str(i).encode()
    client.call("POOL", "RESIZE", "point", 1, 80)
    point = classes(client)["point"]
    assert (point["min"], point["lanes"], point["max"]) == (1, 2, 80), point
    reply = as_map(client.call("POOL", "RESIZE", "bulk", 4, 4))
    assert (reply["before"], reply["after"]) == (2, 4), reply
    for _ in range(8):
        client.call("SCAN", 0)
    assert becomes(lambda: len(backends(server, "bulk")) == 4)
    client.call("POOL", "RESIZE", "bulk", 2, 2)
    assert becomes(lambda: len(backends(server, "bulk")) == 2)


def test_resize_errors(server):
    client = Connection(server.port)
    must_fail(client, "ERR the classes whose size can be changed are point "
              "and bulk", "POOL", "RESIZE", "admin", 1, 2)
    must_fail(client, "ERR the classes", "POOL", "RESIZE", "nonsense", 1, 2)
    must_fail(client, "ERR min and max must be integers",
              "POOL", "RESIZE", "point", "a", 2)
    for least, most in ((0, 2), (3, 2), (1, 257)):
        must_fail(client, "ERR min must be 1 to max, and max at most 256",
                  "POOL", "RESIZE", "point", least, most)
    must_fail(client, "ERR min must be 1 to max, and max at most 64",
              "POOL", "RESIZE", "bulk", 1, 65)
    must_fail(client, "ERR 200 point lanes would need 2",
              "POOL", "RESIZE", "point", 1, 200)
    assert classes(client)["point"]["lanes"] == 2


def test_pause_holds_and_resume_lets_go(server):
    client, other = Connection(server.port), Connection(server.port)
    client.call("SET", "paused", "before")
    assert client.call("POOL", "PAUSE") == b"OK"
    assert as_map(client.call("POOL", "STATS", "point"))["paused"] == 1
    other.send(b"SET paused after\r\nGET paused\r\nPING\r\n")
    assert becomes(lambda: classes(client)["point"]["cl_waiting"] == 2)
    assert server.psql("SELECT convert_from(value, 'UTF8') "
                       "FROM respgres.get(0, 'paused')") == "before"
    point = classes(client)["point"]
    assert point["sv_paused"] == 2 and point["sv_active"] == 0, point
    assert "paused" in findings(client)
    assert as_map(client.call("POOL", "INFO"))["state"] == b"paused"
    must_fail(client, "ERR the pool is paused",
              "POOL", "RESIZE", "point", 4, 4)
    assert client.call("POOL", "PAUSE", "timeout", 1) == b"OK"
    assert client.call("POOL", "RESUME") == b"OK"
    assert [other.read() for _ in range(3)] == [b"OK", b"after", b"PONG"]
    assert client.call("POOL", "RESUME") == b"OK"
    must_fail(client, "ERR syntax error", "POOL", "PAUSE", "FOR", 1)
    must_fail(client, "ERR syntax error", "POOL", "PAUSE", "TIMEOUT")
    must_fail(client, "ERR the timeout must be 1 to 3600 seconds",
              "POOL", "PAUSE", "TIMEOUT", 0)
    must_fail(client, "ERR value is not an integer",
              "POOL", "PAUSE", "TIMEOUT", "x")


def test_reconnect_replaces_every_connection(server):
    client = Connection(server.port)
    client.call("SET", "kept", 1)
    before = lane_backends(server)
    replaced = client.call("POOL", "RECONNECT")
    after = lane_backends(server)
    kept = [name for name in before if before[name] == after.get(name)
            and "sweeper" not in name]
    assert not kept and replaced >= len(before) - 1, (replaced, before, after)
    assert client.call("GET", "kept") == b"1"


def test_terminate(server):
    client = Connection(server.port)
    client.call("SET", "kept", 1)
    assert client.call("POOL", "TERMINATE", "IDLE", 3600) == 0
    assert client.call("POOL", "TERMINATE", "IDLE", 0) >= 2
    assert becomes(lambda: not backends(server, "point"))
    assert classes(client)["point"]["sv_closed"] == 2
    assert client.call("GET", "kept") == b"1"
    name, pid = next((name, pid) for name, pid in
                     lane_backends(server).items() if " point " in name)
    assert client.call("POOL", "TERMINATE", pid) == 1
    assert client.call("GET", "kept") == b"1"
    assert becomes(lambda: lane_backends(server).get(name, pid) != pid)
    session = Psql(server, "SELECT 1")
    for id in (session.pid, 1, 0, -1, 1 << 40):
        must_fail(client, "ERR no connection of respgres to this database",
                  "POOL", "TERMINATE", id)
    session.end()
    must_fail(client, "ERR expected IDLE and seconds, or the id",
              "POOL", "TERMINATE", "x")
    must_fail(client, "ERR syntax error", "POOL", "TERMINATE", "IDLE")
    must_fail(client, "ERR the seconds must not be negative",
              "POOL", "TERMINATE", "IDLE", -1)


def test_diagnostics_show_each_connection(server):
    client = Connection(server.port)
    client.call("SET", "kept", 1)
    rows = [as_map(row) for row in client.call("POOL", "DIAGNOSTICS")]
    seen = lane_backends(server)
    assert {row["name"].decode(): row["id"] for row in rows} == seen
    point = next(row for row in rows if row["class"] == b"point")
    assert point["state"] == b"idle" and point["lane_state"] == b"idle"
    assert point["blocked_by"] == [] and point["blocks"] == []
    assert b"respgres." in point["query"] and point["age_ms"] > 0
    with Server(beside=server) as beside:
        assert len(lane_backends(beside)) >= 1
        Connection(beside.port).call("SET", "from", "beside")
        own = client.call("POOL", "DIAGNOSTICS")
        every = [as_map(row) for row in client.call("POOL", "DIAGNOSTICS",
                                                    "all")]
        assert len(every) > len(own)
        assert any(row["class"] == b"other" for row in every)
    must_fail(client, "ERR syntax error", "POOL", "DIAGNOSTICS", "SOME")


def test_listener_is_there_while_somebody_waits(server):
    client, other = Connection(server.port), Connection(server.port)
    other.send(b"BLPOP awaited 60\r\n")
    assert becomes(lambda: classes(client)["listener"]["sv_idle"] >= 1)
    rows = [as_map(row) for row in client.call("POOL", "DIAGNOSTICS")]
    assert any(row["class"] == b"listener" for row in rows), rows
    client.call("RPUSH", "awaited", "x")
    assert other.read() == [b"awaited", b"x"]


def test_sql_twins(server):
    client = Connection(server.port)

    def agree():
        rows = server.psql("SELECT pid FROM respgres.pool_diagnostics()")
        return {int(pid) for pid in rows.split()} == {
            as_map(row)["id"] for row in client.call("POOL", "DIAGNOSTICS")}

    assert becomes(agree)  # connections may come and go meanwhile
    found = server.psql("SELECT finding FROM respgres.pool_recommend("
                        "memory => 100000000, cores => 1)").split()
    assert "shared_buffers_too_large" in found, found
    most, free = server.psql("SELECT max_connections, free "
                             "FROM respgres.pool_limits()").split("|")
    assert int(most) > int(free) > 0
    assert server.psql("SELECT role FROM respgres.pool_server()") == "primary"


# --- failover ------------------------------------------------------------

def test_clients_wait_through_a_planned_restart():
    with Server("--postgres-timeout", 1000) as server:
        client = Connection(server.port)
        load = Load(server, 20)
        time.sleep(0.5)
        assert client.call("POOL", "PAUSE") == b"OK"
        first = postmaster_pid(server)
        send_signal(first, 3)  # SIGQUIT: at once
        assert becomes(lambda: postmaster_pid(server) not in (None, first))
        # Longer than commands would wait without the pause.
        time.sleep(2.5)
        assert becomes(lambda: as_map(client.call(
            "POOL", "INFO"))["server_version"] is not None)
        assert client.call("POOL", "RECONNECT") >= 3
        assert client.call("POOL", "RESUME") == b"OK"
        time.sleep(0.5)
        load.end()
        assert client.call("EXISTS", *[f"load:{n}" for n in range(20)]) == 20


def test_pause_can_be_ended_when_all_is_full():
    with Server("--lane-queue-max", 100) as server:
        client = Connection(server.port)
        assert client.call("POOL", "PAUSE") == b"OK"
        others = [Connection(server.port) for _ in range(10)]
        for n, other in enumerate(others):
            other.send(f"SET full:{n} 1\r\n".encode() * 50)
        assert becomes(lambda: classes(Connection(server.port))["point"][
            "cl_waiting"] >= 100)
        late = Connection(server.port)
        assert late.call("POOL", "RESUME") == b"OK"
        for other in others:
            assert [other.read() for _ in range(50)] == [b"OK"] * 50


def test_shutdown_ends_a_pause():
    with Server() as server:
        client, other = Connection(server.port), Connection(server.port)
        assert client.call("POOL", "PAUSE") == b"OK"
        other.send(b"SET at:the:end 1\r\n")
        assert becomes(lambda: classes(client)["point"]["cl_waiting"] == 1)
        server.process.terminate()
        assert other.read() == b"OK"


SHARED = [
    test_stats_count_what_was_done,
    test_stats_name_every_class_and_connection,
    test_info_judges,
    test_replies_are_maps_in_resp3,
    test_help_and_unknown,
    test_resize_opens_and_ends_connections,
    test_resize_errors,
    test_pause_holds_and_resume_lets_go,
    test_reconnect_replaces_every_connection,
    test_terminate,
    test_diagnostics_show_each_connection,
    test_listener_is_there_while_somebody_waits,
    test_sql_twins,
]

ALONE = [
    test_clients_wait_through_a_planned_restart,
    test_pause_can_be_ended_when_all_is_full,
    test_shutdown_ends_a_pause,
]


if __name__ == "__main__":
    sys.exit(run_tests(("--worker-threads", 2), SHARED, ALONE))
