"""SNAPSHOT: data and keys, kept, found, compared and brought back; and that
what is damaged or hostile is refused."""

import hashlib
import json
import os
import random
import sys
import threading

import redis

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.connection import (Connection, ErrorReply, as_map,  # noqa: E402
                                must_fail)
from support.server import becomes, run_tests  # noqa: E402


def call(client, *arguments):
    reply = client.call(*arguments)
    assert not isinstance(reply, ErrorReply), (arguments[:4], reply)
    return reply


def create(client, agent, *arguments):
    return call(client, "SNAPSHOT", "CREATE", agent, *arguments).decode()


def get(client, snapshot):
    return as_map(call(client, "SNAPSHOT", "GET", snapshot))


def listed(client, *filters):
    cursor, rows = call(client, "SNAPSHOT", "LIST", *filters)
    return [as_map(row)["id"].decode() for row in rows]


def chunks(server):
    return int(server.psql("SELECT count(*) FROM respgres.snapshot_chunk"))


def reap(server):
    """What the sweeper does in time."""
    while server.psql("SELECT respgres.snapshot_reap_chunks(1000, 0)") != "0":
        pass


# --- data -----------------------------------------------------------------

def test_data_come_back(server):
    client = Connection(server.port)
    source = random.Random(1)
    for data in (b"", b"x", b"\x00\xff\r\n" * 7, b"y" * 100000,
                 source.randbytes(100001), source.randbytes(3 << 20)):
        snapshot = create(client, "data", "DATA", data)
        facts = get(client, snapshot)
        assert facts["data"] == data, len(data)
        assert facts["raw_bytes"] == len(data)
        assert facts["kind"] == b"data" and facts["agent"] == b"data"
        stored = server.psql(
            f"""SELECT coalesce(sum(c.raw_size), 0)
                  FROM respgres.snapshot s, respgres.hashes_of(s.chunks) h
                  JOIN respgres.snapshot_chunk c ON c.hash = h.hash
                 WHERE s.id = '{snapshot}'""")
        assert int(stored) == len(data)


def test_facts(server):
    client = Connection(server.port)
    parent = create(client, "facts", "data", "1")
    snapshot = create(client, "facts", "Meta", '{"step": 3, "tags": ["a"]}',
                      "name", b"n\xff", "DATA", "payload", "USER", "u",
                      "parent", parent, "TTL", "100", "PIN", "LANG",
                      "english")
    facts = get(client, snapshot)
    assert facts["name"] == b"n\xff" and facts["user"] == b"u"
    assert facts["parent"].decode() == parent and facts["pinned"] == 1
    assert json.loads(facts["meta"]) == {"step": 3, "tags": ["a"]}
    assert facts["expires_ms"] - facts["created_ms"] == 100000
    assert facts["language"] == b"english" and facts["keys"] is None
    assert server.psql(
        f"SELECT agent = 'facts' AND pinned AND user_name = 'u' "
        f"FROM respgres.snapshots WHERE id = '{snapshot}'") == "t"


def test_similar_data_cost_what_changed(server):
    client = Connection(server.port)
    source = random.Random(2)
    data = bytearray(source.randbytes(1 << 20))
    first = get(client, create(client, "similar", "DATA", bytes(data)))
    assert first["stored_bytes"] >= 1 << 20
    data[500000:500003] = b"new"
    del data[700000:700011]
    second = get(client, create(client, "similar", "DATA", bytes(data)))
    assert second["data"] == bytes(data)
    assert second["stored_bytes"] < 5000, second["stored_bytes"]
    again = get(client, create(client, "other", "DATA", bytes(data)))
    assert again["stored_bytes"] == 0
    stats = as_map(call(client, "SNAPSHOT", "STATS", "AGENT", "similar"))
    assert stats["snapshots"] == 2 and stats["raw_bytes"] == (2 << 20) - 11
    assert float(stats["sharing_ratio"]) > 1.5
    text = json.dumps([{"n": i, "text": "some words"} for i in range(5000)])
    facts = get(client, create(client, "text", "DATA", text))
    assert float(facts["ratio"]) > 5, facts["ratio"]


def test_long_histories_are_read(server):
    client = Connection(server.port)
    document = {"n": 0, "notes": [f"note {i}" for i in range(200)]}
    made = []
    for i in range(20):
        document["n"] = i
        document["notes"][i] = f"changed {i}"
        text = json.dumps(document)
        made.append((create(client, "history", "DATA", text), text))
    for snapshot, text in made:
        assert get(client, snapshot)["data"].decode() == text
    assert int(server.psql(
        "SELECT max(depth) FROM respgres.snapshot_chunk")) <= 8
    for snapshot, _ in made[:-1]:
        assert call(client, "SNAPSHOT", "DELETE", snapshot) == 1
    reap(server)
    assert get(client, made[-1][0])["data"].decode() == made[-1][1]


def test_parts_of_documents(server):
    client = Connection(server.port)
    snapshot = create(client, "parts", "DATA",
                      '{"a": {"b/c": [1, {"d~": "x"}]}, "": 2, "n": null}')

    def part(path):
        return call(client, "SNAPSHOT", "GET", snapshot, "AT", path)

    assert part("$.a") == b'{"b/c": [1, {"d~": "x"}]}'
    assert part("/a/b~1c/1/d~0") == b'"x"'
    assert part("/") == b"2" and part("$.n") == b"null"
    assert part("$.none") is None and part("/a/none") is None
    must_fail(client, "ERR expected a JSON path", "SNAPSHOT", "GET",
              snapshot, "AT", "not a path")
    other = create(client, "parts", "DATA", b"\xff{}")
    must_fail(client, "ERR the data is no JSON document", "SNAPSHOT", "GET",
              other, "AT", "$.a")


def apply_patch(document, patch):
    """RFC 6902 in a few lines."""
    for step in patch:
        parts = [part.replace("~1", "/").replace("~0", "~")
                 for part in step["path"].split("/")[1:]]
        if not parts:
            document = step["value"]
            continue
        target = document
        for part in parts[:-1]:
            target = target[int(part) if isinstance(target, list) else part]
        last = parts[-1]
        if isinstance(target, list):
            last = int(last)
            if step["op"] == "add":
                target.insert(last, step["value"])
                continue
        if step["op"] == "remove":
            del target[last]
        else:
            target[last] = step["value"]
    return document


def random_document(source, depth=0):
    kind = source.randrange(7 if depth < 4 else 4)
    if kind >= 5:
        return {source.choice(["a", "b/c", "d~e", "", "f"]):
                random_document(source, depth + 1)
                for _ in range(source.randrange(4))}
    if kind == 4:
        return [random_document(source, depth + 1)
                for _ in range(source.randrange(5))]
    return [None, True, source.randrange(3), "text"][kind]


def test_patches_make_one_document_of_the_other(server):
    client = Connection(server.port)
    source = random.Random(3)
    for _ in range(40):
        a, b = (random_document(source) for _ in range(2))
        ids = [create(client, "patch", "DATA", json.dumps(one))
               for one in (a, b)]
        diff = as_map(call(client, "SNAPSHOT", "DIFF", *ids))
        assert diff["kind"] == b"data"
        made = apply_patch(a, json.loads(diff["patch"]))
        assert json.dumps(made, sort_keys=True) == \
            json.dumps(b, sort_keys=True), (ids, diff["patch"])
    plain = create(client, "patch", "DATA", "no document")
    diff = as_map(call(client, "SNAPSHOT", "DIFF", plain, plain))
    assert diff["same"] == 1 and diff["patch"] is None


# --- keys -----------------------------------------------------------------

def fill(client):
    """Keys of every type, with any bytes; their names."""
    big = random.Random(4).randbytes(150000)
    client.pipeline([
        ("SET", "all:text", b"\x00\xff\r\n"), ("SET", "all:number", "-17"),
        ("SET", "all:empty", ""), ("SET", "all:big", big),
        ("SET", b"all:\xff\x00" + b"k" * 2000, "long key"),
        ("SET", "all:ttl", "x", "EX", "5000"),
        ("RPUSH", "all:list", "a", b"\xff", "", "17", big),
        ("SADD", "all:set", "a", b"\x00", "m" * 2000),
        ("SADD", "all:numbers", "3", "1", "2"),
        ("ZADD", "all:zset", "1.5", "a", "-inf", b"\xff", "1e300", "c"),
        ("HSET", "all:hash", "f", "v", b"\xff", "", "big", big),
        ("HSET", "all:fields", "lasting", "1", "going", "2", "late", "3"),
        ("HPEXPIRE", "all:fields", "7000000", "FIELDS", "2", "going", "late"),
        ("XADD", "all:stream", "1-1", "f", "v", "g", b"\xff"),
        ("XADD", "all:stream", "5-0", "f", "w" * 2000),
        ("XADD", "all:stream", "6-0", "f", "x"),
        ("XDEL", "all:stream", "6-0"),
        ("XGROUP", "CREATE", "all:stream", "g", "0"),
        ("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS",
         "all:stream", ">"),
        ("EXPIRE", "all:hash", "6000"),
    ] + [("RPUSH", "all:long", *(f"item {i}-{j}" for j in range(500)))
         for i in range(20)])
    return sorted(call(client, "KEYS", "all:*"))


def contents(client, names):
    return client.pipeline([("DUMP", name) for name in names])


def clear(client):
    client.call("FLUSHALL")


def test_every_type_comes_back(server):
    client = Connection(server.port)
    clear(client)
    names = fill(client)
    before = contents(client, names)
    assert None not in before and len(names) == 14, names
    snapshot = create(client, "all", "KEYS", "all:*")
    facts = get(client, snapshot)
    assert facts["keys"] == len(names) and facts["kind"] == b"keys"
    clear(client)
    done = as_map(call(client, "SNAPSHOT", "RESTORE", snapshot))
    assert done["keys"] == len(names) and done["replaced"] == 0, done
    assert sorted(call(client, "KEYS", "*")) == names
    assert contents(client, names) == before
    assert 4990 <= call(client, "TTL", "all:ttl") <= 5000
    assert 5990 <= call(client, "TTL", "all:hash") <= 6000
    left = call(client, "HPTTL", "all:fields", "FIELDS", "3", "lasting",
                "going", "late")
    assert left[0] == -1 and all(6990000 < one <= 7000000
                                 for one in left[1:]), left
    pending = call(client, "XPENDING", "all:stream", "g")
    assert pending[0] == 1, pending
    assert server.psql("SELECT count(*) FROM respgres.key "
                       "WHERE db >= 1024") == "0"
    # And once more over what is there.
    call(client, "SET", "all:list", "other")
    call(client, "DEL", "all:set")
    must_fail(client, "BUSYKEY", "SNAPSHOT", "RESTORE", snapshot)
    assert call(client, "GET", "all:list") == b"other"
    done = as_map(call(client, "SNAPSHOT", "RESTORE", snapshot, "REPLACE"))
    assert done["replaced"] == len(names) - 1
    assert contents(client, names) == before


def test_keys_are_listed_and_read(server):
    client = Connection(server.port)
    clear(client)
    client.pipeline([("SET", f"many:{i:04d}", i) for i in range(1500)])
    snapshot = create(client, "many", "KEYS", "many:*")
    call(client, "FLUSHALL")
    seen, cursor, calls = [], b"0", 0
    while True:
        cursor, rows = call(client, "SNAPSHOT", "KEYS", snapshot, "CURSOR",
                            cursor, "COUNT", 10)
        rows = [as_map(row) for row in rows]
        assert all(row["type"] == b"string" and row["pttl"] == -1
                   for row in rows)
        seen += [row["key"] for row in rows]
        calls += 1
        if cursor == b"0":
            break
    assert seen == [b"many:%04d" % i for i in range(1500)] and calls > 3
    _, rows = call(client, "SNAPSHOT", "KEYS", snapshot, "MATCH",
                   "many:00[01]?", "COUNT", 5000)
    assert len(rows) == 20
    for i in (0, 7, 777, 1499):
        row = as_map(call(client, "SNAPSHOT", "GET", snapshot, "AT",
                          f"many:{i:04d}"))
        assert row["value"] == b"%d" % i, row
    for name in ("a", "many:0000x", "z"):
        assert call(client, "SNAPSHOT", "GET", snapshot, "AT", name) is None


def test_values_are_shown(server):
    client = Connection(server.port)
    clear(client)
    fill(client)
    snapshot = create(client, "all", "KEYS", "all:*")

    def value(key):
        return as_map(call(client, "SNAPSHOT", "GET", snapshot, "AT",
                           key))["value"]

    assert value("all:text") == b"\x00\xff\r\n"
    assert value("all:number") == b"-17"
    assert len(value("all:big")) == 150000
    assert value("all:list")[:4] == [b"a", b"\xff", b"", b"17"]
    assert set(value("all:numbers")) == {b"1", b"2", b"3"}
    assert as_map(value("all:fields")) == {"lasting": b"1", "going": b"2",
                                           "late": b"3"}
    assert [entry[0] for entry in value("all:stream")] == [b"1-1", b"5-0"]
    assert len(value("all:long")) == 10000


def test_patterns(server):
    client = Connection(server.port)
    clear(client)
    names = ["a:1", "a:2", "b%1", "b_1", "bx1", "c[1]", "c1", "d\\e", "zz"]
    client.pipeline([("SET", name, name) for name in names])

    def captured(*patterns):
        snapshot = create(client, "p", "KEYS", *patterns)
        return [as_map(row)["key"].decode() for row in call(
            client, "SNAPSHOT", "KEYS", snapshot)[1]]

    assert captured("*") == sorted(names)
    assert captured("a:*", "zz", "a:1") == ["a:1", "a:2", "zz"]
    assert captured("zz", "a:[2-9]") == ["a:2", "zz"]
    assert captured("b%1") == ["b%1"] and captured("b?1") == [
        "b%1", "b_1", "bx1"]
    assert captured("c\\[1\\]") == ["c[1]"]
    assert captured("d\\\\e") == ["d\\e"]
    assert captured("none*") == []


def test_unchanged_keys_cost_little(server):
    client = Connection(server.port)
    clear(client)
    source = random.Random(5)
    client.pipeline([("SET", f"cost:{i}", source.randbytes(60).hex())
                     for i in range(3000)])
    first = get(client, create(client, "cost", "KEYS", "cost:*"))
    for i in source.sample(range(3000), 30):
        call(client, "SET", f"cost:{i}", source.randbytes(60).hex())
    snapshot = create(client, "cost", "KEYS", "cost:*")
    second = get(client, snapshot)
    assert second["stored_bytes"] < first["stored_bytes"] * 0.05, (
        first["stored_bytes"], second["stored_bytes"])
    diff = as_map(call(client, "SNAPSHOT", "DIFF",
                       first["id"], second["id"]))
    assert len(diff["changed"]) == 30 and diff["cursor"] == b"0"
    assert diff["added"] == [] and diff["removed"] == []
    assert get(client, create(client, "cost", "KEYS",
                              "cost:*"))["stored_bytes"] == 0


def test_differences_of_keys(server):
    client = Connection(server.port)
    clear(client)
    fill(client)
    client.pipeline([("SET", f"all:k{i:03d}", i) for i in range(400)])
    a = create(client, "diff", "KEYS", "all:*")
    client.pipeline([("DEL", "all:set", "all:k100"), ("SET", "all:new", "1"),
                     ("LSET", "all:long", "5000", "other"),
                     ("SET", "all:k200", "other"), ("PERSIST", "all:ttl"),
                     ("HSET", "all:hash", "f", "w")])
    b = create(client, "diff", "KEYS", "all:*")
    diff = as_map(call(client, "SNAPSHOT", "DIFF", a, b))
    assert diff["added"] == [b"all:new"]
    assert diff["removed"] == [b"all:k100", b"all:set"]
    assert diff["changed"] == [b"all:hash", b"all:k200", b"all:long",
                               b"all:ttl"]
    seen, cursor = [], b"0"
    while True:
        part = as_map(call(client, "SNAPSHOT", "DIFF", a, b, "CURSOR", cursor,
                           "COUNT", "2"))
        found = part["added"] + part["removed"] + part["changed"]
        assert len(found) <= 2
        seen += found
        cursor = part["cursor"]
        if cursor == b"0":
            break
    assert sorted(seen) == sorted(
        diff["added"] + diff["removed"] + diff["changed"])
    data = create(client, "diff", "DATA", "x")
    must_fail(client, "ERR one of the snapshots holds data", "SNAPSHOT",
              "DIFF", a, data)


def test_a_sum_moves_and_stays(server):
    """What is captured under load is of one moment."""
    client = Connection(server.port)
    clear(client)
    accounts = [f"sum:{i}" for i in range(40)]
    client.pipeline([("SET", name, 100) for name in accounts] +
                    [("HSET", f"sum:other:{i}", "f", "v" * 50)
                     for i in range(500)])
    stop = threading.Event()

    def move():
        mover = Connection(server.port)
        source = random.Random(6)
        values = dict.fromkeys(accounts, 100)
        while not stop.is_set():
            a, b = source.sample(accounts, 2)
            values[a] -= 1
            values[b] += 1
            mover.call("MSET", a, values[a], b, values[b])

    thread = threading.Thread(target=move)
    thread.start()
    snapshots = [create(client, "sum", "KEYS", "sum:*") for _ in range(5)]
    stop.set()
    thread.join()
    different = set()
    for snapshot in snapshots:
        values = [int(as_map(call(client, "SNAPSHOT", "GET", snapshot, "AT",
                                  name))["value"]) for name in accounts]
        assert sum(values) == 4000, values
        different.add(tuple(values))
    assert len(different) > 1


def test_readers_see_all_or_nothing(server):
    client = Connection(server.port)
    clear(client)
    names = [f"whole:{i}" for i in range(300)]
    snapshots = []
    for value in ("1", "2"):
        call(client, "MSET", *sum(([name, value] for name in names), []))
        snapshots.append(create(client, "whole", "KEYS", "whole:*"))
    stop = threading.Event()
    seen, failures = set(), []

    def watch():
        watcher = Connection(server.port)
        while not stop.is_set():
            values = set(watcher.call("MGET", *names))
            seen.update(values)
            if len(values) != 1:
                failures.append(values)

    def write():
        writer = Connection(server.port)
        while not stop.is_set():
            reply = writer.call("GETEX", random.choice(names), "PERSIST")
            if isinstance(reply, ErrorReply):
                failures.append(reply)

    threads = [threading.Thread(target=one) for one in (watch, write, write)]
    for thread in threads:
        thread.start()
    for i in range(8):
        call(client, "SNAPSHOT", "RESTORE", snapshots[i % 2], "REPLACE")
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == [] and seen == {b"1", b"2"}, (failures[:3], seen)


def test_restore_elsewhere(server):
    client = Connection(server.port)
    clear(client)
    client.pipeline([("SET", "ann:x", "1"), ("RPUSH", "ann:q", "a", "b"),
                     ("SET", "shared", "2"), ("SET", "ann:old", "3", "PX",
                                              "50")])
    snapshot = create(client, "ann", "KEYS", "*")
    done = as_map(call(client, "SNAPSHOT", "RESTORE", snapshot, "TO", "bob",
                       "DRYRUN"))
    assert done["keys"] >= 2 and done["skipped"] == 1 and done["dryrun"] == 1
    assert call(client, "EXISTS", "bob:x") == 0
    call(client, "SET", "bob:x", "other")
    assert as_map(call(client, "SNAPSHOT", "RESTORE", snapshot, "TO", "bob",
                       "DRYRUN"))["replaced"] == 1
    must_fail(client, "BUSYKEY", "SNAPSHOT", "RESTORE", snapshot, "TO", "bob")
    assert call(client, "GET", "bob:x") == b"other"
    assert call(client, "EXISTS", "bob:q") == 0
    call(client, "SNAPSHOT", "RESTORE", snapshot, "TO", "bob", "REPLACE")
    assert call(client, "GET", "bob:x") == b"1"
    assert call(client, "LRANGE", "bob:q", 0, -1) == [b"a", b"b"]
    done = as_map(call(client, "SNAPSHOT", "RESTORE", snapshot, "PREFIX", "",
                       "copy:"))
    assert call(client, "GET", "copy:shared") == b"2"
    assert becomes(lambda: call(client, "EXISTS", "ann:old") == 0)
    done = as_map(call(client, "SNAPSHOT", "RESTORE", snapshot, "REPLACE",
                       "ABSTTL"))
    assert done["expired"] in (0, 1) and call(client, "EXISTS",
                                              "ann:old") == 0
    call(client, "SELECT", "1")
    must_fail(client, "ERR no such snapshot", "SNAPSHOT", "RESTORE",
              snapshot)


def test_restored_lists_wake_who_waits(server):
    client = Connection(server.port)
    clear(client)
    call(client, "RPUSH", "wait:q", "a")
    snapshot = create(client, "wait", "KEYS", "wait:*")
    call(client, "DEL", "wait:q")
    waiter = Connection(server.port)
    waiter.send(b"*3\r\n$5\r\nBLPOP\r\n$6\r\nwait:q\r\n$2\r\n30\r\n")
    assert becomes(lambda: b"blocked_clients:1" in call(client, "INFO",
                                                        "clients"))
    call(client, "SNAPSHOT", "RESTORE", snapshot)
    assert waiter.read() == [b"wait:q", b"a"]


def test_abandoned_restores_are_swept(server):
    client = Connection(server.port)
    clear(client)
    server.psql("""INSERT INTO respgres.snapshot_restore VALUES (1024, false, 0);
        INSERT INTO respgres.key (db, slot, key, type, value, touched_at)
        VALUES (1024, respgres.slot('staged'), 'staged', 's', 'x', 0)""")
    assert call(client, "DBSIZE") == 0
    assert server.psql("SELECT count(*) FROM respgres.keys") == "0"
    assert becomes(lambda: server.psql(
        "SELECT count(*) FROM respgres.key") == "0")
    assert becomes(lambda: server.psql(
        "SELECT count(*) FROM respgres.snapshot_restore") == "0")


def test_data_are_restored_as_the_latest(server):
    client = Connection(server.port)
    first = create(client, "undo", "DATA", "one")
    create(client, "undo", "DATA", "two")
    done = as_map(call(client, "SNAPSHOT", "RESTORE", first))
    assert listed(client, "AGENT", "undo")[0] == done["snapshot"].decode()
    facts = get(client, done["snapshot"])
    assert facts["data"] == b"one" and facts["parent"].decode() == first


def test_over_redis_py(server):
    client = server.client()
    client.hset("py:h", mapping={"f": b"\xff"})
    snapshot = client.execute_command("SNAPSHOT", "CREATE", "py", "KEYS",
                                      "py:*")
    client.delete("py:h")
    done = as_map(client.execute_command("SNAPSHOT", "RESTORE", snapshot))
    assert done["keys"] == 1 and client.hgetall("py:h") == {b"f": b"\xff"}
    try:
        client.execute_command("SNAPSHOT", "GET", "none")
    except redis.ResponseError as error:
        assert str(error) == "no such snapshot", error
    else:
        raise AssertionError("no error")


# --- finding --------------------------------------------------------------

def test_list_filters(server):
    client = Connection(server.port)
    made = [create(client, f"list:{i % 2}", "NAME", f"day-{i}", "USER",
                   f"u{i % 3}", "META", json.dumps({"n": i, "odd": i % 2}),
                   "DATA", f"data {i}") for i in range(9)]
    assert listed(client, "AGENT", "list:1") == made[7::-2]
    assert listed(client, "USER", "u2") == made[8::-3]
    assert listed(client, "META", '{"odd": 1}', "USER", "u0") == [made[3]]
    assert listed(client, "NAME", "day-3") == [made[3]]
    assert listed(client, "NAME", "day-?", "AGENT", "list:0")[:2] == [
        made[8], made[6]]
    assert listed(client, "NAME", "*-4") == [made[4]]
    assert listed(client, "AGENT", "list:0", "UNTIL", "1000") == []
    assert len(listed(client, "AGENT", "list:0", "SINCE", "1000")) == 5
    seen, cursor = [], b"0"
    while True:
        cursor, rows = call(client, "SNAPSHOT", "LIST", "AGENT", "list:0",
                            "COUNT", "2", "CURSOR", cursor)
        seen += [as_map(row)["id"].decode() for row in rows]
        if cursor == b"0":
            break
    assert seen == made[8::-2]
    must_fail(client, "ERR META must be", "SNAPSHOT", "LIST", "META", "{")
    must_fail(client, "ERR invalid cursor", "SNAPSHOT", "LIST", "CURSOR", "x")
    must_fail(client, "ERR NAME expects", "SNAPSHOT", "LIST", "NAME", "[a]")


def test_list_uses_indexes(server):
    server.psql("""SELECT respgres.snapshot_create(0,
            ('plan' || n % 300)::bytea, 'x'::bytea, 'name'::bytea, NULL,
            ('user' || n)::bytea, jsonb_build_object('n', n))
         FROM generate_series(1, 600) AS n""")
    server.psql("ANALYZE respgres.snapshot")
    for condition, index in (
            ("agent = 'plan7'", "snapshot_of_agent"),
            ("user_name = 'user7'", "snapshot_of_user"),
            ("meta @> '{\"n\": 7}'", "snapshot_meta"),
            ("search @@ 'nowhere'::tsquery", "snapshot_search")):
        plan = server.psql(
            "EXPLAIN SELECT * FROM respgres.snapshot WHERE db = 0 AND "
            f"{condition} ORDER BY id DESC LIMIT 10")
        assert index in plan, (condition, plan)
    assert server.psql("SELECT count(*) FROM respgres.snapshot_list(0, "
                       "user_name => 'user7')") == "1"
    server.psql("SELECT respgres.snapshot_delete(0, array_agg(id)) "
                "FROM respgres.snapshot WHERE agent LIKE 'plan%'::bytea")


def test_trees(server):
    client = Connection(server.port)
    root = create(client, "tree", "DATA", "0")
    child = create(client, "tree", "PARENT", root, "DATA", "1")
    grandchild = create(client, "tree", "PARENT", child, "DATA", "2")
    second = create(client, "tree", "PARENT", root, "DATA", "3")

    def tree(*arguments):
        cursor, rows = call(client, "SNAPSHOT", "TREE", "tree", *arguments)
        rows = [as_map(row) for row in rows]
        return cursor, [(row["depth"], row["id"].decode()) for row in rows]

    assert tree() == (b"0", [(0, root), (1, child), (2, grandchild),
                             (1, second)])
    assert tree("COUNT", "3")[0] == b"3"
    assert tree("CURSOR", "3") == (b"0", [(1, second)])
    assert call(client, "SNAPSHOT", "DELETE", child) == 1
    assert tree()[1] == [(0, root), (1, grandchild), (1, second)]
    fork = call(client, "SNAPSHOT", "FORK", grandchild, "tree2").decode()
    facts = get(client, fork)
    assert facts["data"] == b"2" and facts["stored_bytes"] == 0
    assert facts["parent"].decode() == grandchild
    must_fail(client, "ERR no such parent", "SNAPSHOT", "CREATE", "tree",
              "PARENT", child, "DATA", "x")


def test_search(server):
    client = Connection(server.port)
    clear(client)
    fox = create(client, "seek", "DATA",
                 json.dumps({"text": "The quick brown fox\njumps",
                             "deep": [{"color": "vermilion"}]}))
    plain = create(client, "seek", "LANG", "english", "DATA",
                   "Foxes were running; naïve café")
    named = create(client, "seek2", "NAME", "fox report", "META",
                   '{"kind": "zoology"}', "DATA", b"\xff\x00binary")
    client.pipeline([("SET", "seek:1", "captured walrus"),
                     ("HSET", "seek:2", "animal", "platypus")])
    keys = create(client, "seek", "KEYS", "seek:*")

    def found(*arguments):
        return [as_map(row)["id"].decode() for row in
                call(client, "SNAPSHOT", "SEARCH", *arguments)]

    assert found("fox") == [named, plain, fox]
    assert found("fox", "AGENT", "seek") == [plain, fox]
    assert found("fox", "AGENT", "nobody") == []
    assert found("run", "LANG", "english") == [plain]
    assert found("café") == [plain] and found("vermilion") == [fox]
    assert found("zoology") == [named] and found("binary") == [named]
    assert found("walrus") == [keys] and found("platypus animal") == [keys]
    assert found('"brown fox"') == [fox] and found('"fox brown"') == []
    assert found("fox -quick") == [named, plain]
    assert sorted(found("walrus or vermilion")) == sorted([fox, keys])
    assert found("fox", "COUNT", "1") == [named]
    assert found("") == [] and found("the and") == []
    row = as_map(call(client, "SNAPSHOT", "SEARCH", "jumps")[0])
    assert b"<b>jumps</b>" in row["excerpt"] and float(row["rank"]) > 0
    must_fail(client, "ERR unknown language, expected one of", "SNAPSHOT",
              "SEARCH", "x", "LANG", "klingon")
    must_fail(client, "ERR the query and LANG must be", "SNAPSHOT", "SEARCH",
              b"\xff")
    call(client, "SELECT", "1")
    assert found("fox") == []


def test_long_text_is_searched_in_part(server):
    client = Connection(server.port)
    words = " ".join(f"word{i}" for i in range(40000))
    snapshot = create(client, "long", "DATA", "beginning " + words)
    assert [as_map(row)["id"].decode() for row in call(
        client, "SNAPSHOT", "SEARCH", "beginning")] == [snapshot]
    assert int(server.psql(
        "SELECT max(length(search_text)) FROM respgres.snapshot")) \
        <= 65536


# --- keeping --------------------------------------------------------------

def test_cleanup_spares_pins_and_ancestors(server):
    client = Connection(server.port)
    old = [create(client, "clean", "DATA", str(i)) for i in range(4)]
    pinned = create(client, "clean", "PARENT", old[1], "PIN", "DATA", "pin")
    middle = create(client, "clean", "PARENT", old[3], "DATA", "middle")
    latest = create(client, "clean", "PARENT", middle, "DATA", "latest")
    other = create(client, "clean:other", "PARENT", old[0], "DATA", "other")
    assert as_map(call(client, "SNAPSHOT", "CLEANUP", "AGENT", "clean",
                       "OLDER", "1000"))["deleted"] == 0
    doomed = as_map(call(client, "SNAPSHOT", "CLEANUP", "AGENT", "clean",
                         "KEEP", "1", "DRYRUN"))
    assert [one.decode() for one in doomed["ids"]] == [old[2]], doomed
    assert len(listed(client, "AGENT", "clean")) == 7
    assert as_map(call(client, "SNAPSHOT", "CLEANUP", "AGENT", "clean",
                       "KEEP", "1"))["deleted"] == 1
    assert sorted(listed(client, "AGENT", "clean")) == sorted(
        [old[0], old[1], old[3], pinned, middle, latest])
    assert call(client, "SNAPSHOT", "DELETE", other) == 1
    assert call(client, "SNAPSHOT", "UNPIN", pinned) == 1
    assert call(client, "SNAPSHOT", "PIN", latest, latest, "none") == 1
    assert as_map(call(client, "SNAPSHOT", "CLEANUP", "AGENT", "clean",
                       "OLDER", "0"))["deleted"] == 3
    assert sorted(listed(client, "AGENT", "clean")) == sorted(
        [old[3], middle, latest])


def test_policies_run_in_the_background(server):
    client = Connection(server.port)
    assert call(client, "SNAPSHOT", "POLICY", "policy") is None
    assert call(client, "SNAPSHOT", "POLICY", "policy", "KEEP", "2") == b"OK"
    assert as_map(call(client, "SNAPSHOT", "POLICY", "policy")) == {
        "keep": 2, "older": None}
    made = [create(client, "policy", "DATA", str(i)) for i in range(5)]
    assert becomes(lambda: listed(client, "AGENT", "policy") ==
                   [made[4], made[3]])
    assert call(client, "SNAPSHOT", "POLICY", "policy", "NONE") == b"OK"
    assert call(client, "SNAPSHOT", "POLICY", "policy") is None


def test_expiry(server):
    client = Connection(server.port)
    snapshot = create(client, "expiry", "TTL", "1", "DATA", "x")
    pinned = create(client, "expiry", "TTL", "1", "PIN", "DATA", "y")
    assert becomes(lambda: listed(client, "AGENT", "expiry") == [pinned])
    must_fail(client, "ERR no such snapshot", "SNAPSHOT", "GET", snapshot)
    assert becomes(lambda: server.psql(
        f"SELECT count(*) FROM respgres.snapshot WHERE id = '{snapshot}'")
        == "0")
    assert get(client, pinned)["data"] == b"y"


def test_nothing_is_left_of_what_is_deleted(server):
    client = Connection(server.port)
    clear(client)
    server.psql("DELETE FROM respgres.snapshot")
    reap(server)
    assert chunks(server) == 0
    fill(client)
    client.pipeline([("SET", f"all:n{i}", i) for i in range(1000)])
    ids = [create(client, "gone", "KEYS", "all:*")]
    call(client, "SET", "all:n5", "other")
    ids.append(create(client, "gone", "KEYS", "all:*"))
    ids.append(call(client, "SNAPSHOT", "FORK", ids[1], "gone2").decode())
    ids.append(create(client, "gone", "DATA", "x" * 200000))
    assert server.psql("SELECT count(*) FROM respgres.snapshot_chunk "
                       "WHERE uses = 0") == "0"
    assert call(client, "SNAPSHOT", "DELETE", *ids[:1]) == 1
    reap(server)
    call(client, "SNAPSHOT", "RESTORE", ids[1], "REPLACE")
    assert call(client, "SNAPSHOT", "DELETE", *ids, "none", "0" * 20) == 3
    reap(server)
    assert chunks(server) == 0


# --- damage and bad input -------------------------------------------------

def test_damage_is_reported(server):
    client = Connection(server.port)
    clear(client)
    server.psql("DELETE FROM respgres.snapshot")
    reap(server)
    fill(client)
    keys = create(client, "hurt", "KEYS", "all:*")
    data = create(client, "hurt", "DATA", "valuable " * 1000)
    names = call(client, "KEYS", "*")
    before = contents(client, names)
    hashes = server.psql("SELECT encode(hash, 'hex') "
                         "FROM respgres.snapshot_chunk "
                         "ORDER BY refs IS NULL, hash").split("\n")
    damages = ("data = set_byte(data, 0, get_byte(data, 0) # 255)",
               "data = set_byte(data, octet_length(data) - 1, "
               "get_byte(data, octet_length(data) - 1) # 1)",
               "raw_size = raw_size + 1", "codec = 1 - codec")
    # Index and page come first; behind them are pieces.
    for i, one in enumerate(hashes[:6]):
        damage = damages[i % 4]
        where = f"WHERE hash = '\\x{one}'"
        server.psql("CREATE TABLE saved AS SELECT * "
                    f"FROM respgres.snapshot_chunk {where}; "
                    f"UPDATE respgres.snapshot_chunk SET {damage} {where}")
        replies = [client.call("SNAPSHOT", "GET", data),
                   client.call("SNAPSHOT", "RESTORE", keys, "REPLACE"),
                   client.call("SNAPSHOT", "EXPORT", data)]
        errors = [reply for reply in replies if isinstance(reply, ErrorReply)]
        assert errors and all("is damaged" in error
                              for error in errors), (damage, replies)
        server.psql(f"DELETE FROM respgres.snapshot_chunk {where}; "
                    "INSERT INTO respgres.snapshot_chunk "
                    "SELECT * FROM saved; DROP TABLE saved")
    assert sorted(call(client, "KEYS", "*")) == sorted(names)
    assert contents(client, names) == before
    server.psql("UPDATE respgres.snapshot SET checksum = sha256('x')")
    for command in (("GET", data), ("RESTORE", keys), ("KEYS", keys),
                    ("DIFF", keys, keys), ("GET", keys)):
        must_fail(client, "ERR the snapshot is damaged: its checksum",
                  "SNAPSHOT", *command)


def test_missing_chunks_are_reported(server):
    client = Connection(server.port)
    data = create(client, "missing", "DATA", "unique " * 50)
    server.psql(f"""DELETE FROM respgres.snapshot_chunk c USING
        respgres.snapshot s WHERE s.id = '{data}' AND s.chunks = c.hash""")
    must_fail(client, "ERR the snapshot is damaged: chunk", "SNAPSHOT", "GET",
              data)
    must_fail(client, "ERR the snapshot is damaged", "SNAPSHOT", "FORK", data,
              "x")
    assert call(client, "SNAPSHOT", "DELETE", data) == 1


def test_export_and_import(server):
    client = Connection(server.port)
    clear(client)
    names = fill(client)
    before = contents(client, names)
    keys = create(client, "port", "NAME", "n", "USER", "u", "META",
                  '{"a": 1}', "KEYS", "all:*")
    data = create(client, "port", "DATA", "walrus " * 20000)
    blobs = [call(client, "SNAPSHOT", "EXPORT", one) for one in (keys, data)]
    call(client, "SNAPSHOT", "DELETE", keys, data)
    reap(server)
    clear(client)
    imported = [call(client, "SNAPSHOT", "IMPORT", blob).decode()
                for blob in blobs]
    facts = get(client, imported[0])
    assert facts["name"] == b"n" and facts["user"] == b"u"
    assert facts["keys"] == len(names) and facts["meta"] == b'{"a": 1}'
    assert get(client, imported[1])["data"] == b"walrus " * 20000
    call(client, "SNAPSHOT", "RESTORE", imported[0])
    assert contents(client, names) == before
    again = call(client, "SNAPSHOT", "IMPORT", blobs[1], "AGENT", "else")
    assert get(client, again)["agent"] == b"else"
    assert get(client, again)["stored_bytes"] == 0
    assert len(call(client, "SNAPSHOT", "SEARCH", "walrus", "AGENT",
                    "else")) == 1


def test_hostile_blobs(server):
    client = Connection(server.port)
    blob = call(client, "SNAPSHOT", "EXPORT",
                create(client, "evil", "DATA", "x" * 300 + "y" * 300))
    must_fail(client, "ERR expected a blob", "SNAPSHOT", "IMPORT", "")
    must_fail(client, "ERR expected a blob", "SNAPSHOT", "IMPORT",
              b"RDB" * 100)
    for cut in range(18 + 4 + 32, len(blob), 11):
        must_fail(client, "ERR the blob is damaged", "SNAPSHOT", "IMPORT",
                  blob[:cut])
    newer = bytearray(blob)
    newer[18] = 2
    must_fail(client, "ERR the blob is of a newer", "SNAPSHOT", "IMPORT",
              bytes(newer))
    before = server.psql("SELECT count(*) FROM respgres.snapshot")
    for i in range(22, len(blob), 17):
        other = bytearray(blob)
        other[i] ^= 0x55
        must_fail(client, "ERR ", "SNAPSHOT", "IMPORT", bytes(other))
    # With a sound checksum, so that what is inside is looked at.
    for i in range(22, len(blob) - 32, 4):
        other = bytearray(blob[:-32])
        other[i] ^= 1 << i // 4 % 8
        other += hashlib.sha256(other).digest()
        reply = client.call("SNAPSHOT", "IMPORT", bytes(other))
        if isinstance(reply, ErrorReply):
            continue
        back = client.call("SNAPSHOT", "GET", reply)
        assert isinstance(back, ErrorReply) or as_map(back).get("data") in (
            b"x" * 300 + b"y" * 300, None), i
        call(client, "SNAPSHOT", "DELETE", reply)
    assert server.psql("SELECT count(*) FROM respgres.snapshot") == before
    assert call(client, "PING") == b"PONG"


def test_errors(server):
    client = Connection(server.port)
    snapshot = create(client, "errors", "DATA", "x")
    for start, *command in (
            ("ERR syntax error, expected either DATA", "CREATE", "a", "PIN",
             "NAME", "n"),
            ("ERR syntax error, expected either DATA", "CREATE", "a", "DATA",
             "x", "KEYS", "k"),
            ("ERR syntax error, expected NAME name, PARENT id", "CREATE", "a",
             "DATA", "x", "COLOR"),
            ("ERR syntax error", "CREATE", "a", "DATA", "x", "DATA", "y"),
            ("ERR syntax error", "CREATE", "a", "PIN", "KEYS"),
            ("ERR META must be a JSON object", "CREATE", "a", "META", "{",
             "DATA", "x"),
            ("ERR META must be a JSON object", "CREATE", "a", "META", "[1]",
             "DATA", "x"),
            ("ERR META must be a JSON object", "CREATE", "a", "META", b"\xff",
             "DATA", "x"),
            ("ERR expected TTL seconds, an integer from 1", "CREATE", "a",
             "TTL", "0", "DATA", "x"),
            ("ERR expected TTL seconds", "CREATE", "a", "TTL", "x", "DATA",
             "x"),
            ("ERR unknown language, expected one of", "CREATE", "a", "LANG",
             "klingon", "DATA", "x"),
            ("ERR no such parent", "CREATE", "a", "PARENT", "zz", "DATA",
             "x"),
            ("ERR the agent must have", "CREATE", "", "DATA", "x"),
            ("ERR the agent must have", "CREATE", "a" * 1025, "DATA", "x"),
            ("ERR names must have", "CREATE", "a", "NAME", "n" * 1025, "DATA",
             "x"),
            ("ERR no such snapshot", "GET", "0" * 20),
            ("ERR no such snapshot", "GET", b"\xff'\x00"),
            ("ERR no such snapshot", "KEYS", "1"),
            ("ERR no such snapshot", "RESTORE", "1"),
            ("ERR no such snapshot", "EXPORT", "1"),
            ("ERR no such snapshot", "FORK", "1", "a"),
            ("ERR no such snapshot", "DIFF", snapshot, "1"),
            ("ERR the snapshot holds data, no keys", "KEYS", snapshot),
            ("ERR syntax error, expected KEEP", "CLEANUP"),
            ("ERR syntax error, expected NONE alone", "POLICY", "a", "NONE",
             "KEEP", "1"),
            ("ERR invalid cursor", "KEYS", snapshot, "CURSOR", "-1"),
            ("ERR expected COUNT count", "TREE", "a", "COUNT", "0"),
            ("ERR wrong number of arguments for 'snapshot|create' command",
             "CREATE", "a"),
            ("ERR unknown subcommand 'nonsense'. Try SNAPSHOT HELP.",
             "nonsense")):
        must_fail(client, start, "SNAPSHOT", *command)
    assert call(client, "SNAPSHOT", "HELP")[-2] == b"HELP"


# --- SQL ------------------------------------------------------------------

def test_sql_twins(server):
    client = Connection(server.port)
    made = server.psql("SELECT id FROM respgres.snapshot_create(0, 'sql', "
                       "'{\"a\": 1}', meta => '{\"m\": 1}')")
    assert get(client, made)["data"] == b'{"a": 1}'
    assert call(client, "SNAPSHOT", "GET", made, "AT", "$.a") == b"1"
    assert server.psql("SELECT convert_from(data, 'UTF8') FROM "
                       f"respgres.snapshot_get(0, '{made}')") == '{"a": 1}'
    other = server.psql("SELECT id FROM respgres.snapshot_create(0, 'sql', "
                        f"'{{\"a\": 2}}', parent => '{made}')")
    assert json.loads(server.psql(
        f"SELECT patch FROM respgres.snapshot_diff(0, '{made}', '{other}')")
    ) == [{"op": "replace", "path": "/a", "value": 2}]
    assert server.psql("SELECT count(*) FROM respgres.snapshot_list(0, "
                       "'sql')") == "2"
    assert server.psql("SELECT max(depth) FROM respgres.snapshot_tree(0, "
                       "'sql')") == "1"
    assert server.psql("SELECT snapshots FROM respgres.snapshot_stats(0, "
                       "'sql')") == "2"
    fork = server.psql("SELECT fork_id FROM respgres.snapshot_fork(0, "
                       f"'{made}', 'sql2')")
    assert get(client, fork)["data"] == b'{"a": 1}'
    assert server.psql("SELECT respgres.snapshot_pin(0, "
                       f"ARRAY['{fork}'])") == "1"
    assert server.psql("SELECT count(*) FROM respgres.snapshot_cleanup(0, "
                       "'sql2', 0)") == "0"
    server.psql("SELECT respgres.snapshot_policy_set(0, 'sql3', 5, NULL)")
    assert as_map(call(client, "SNAPSHOT", "POLICY", "sql3"))["keep"] == 5
    assert server.psql("SELECT error FROM respgres.snapshot_create(0, 'sql', "
                       "'x', parent => 'zz')").startswith("ERR no such")
    big = create(client, "sql", "DATA", "compressed " * 1000)
    assert "zstd" in server.psql(
        f"SELECT error FROM respgres.snapshot_get(0, '{big}')")
    call(client, "CONFIG", "SET", "snapshot-compression", "no")
    plain = create(client, "sql", "DATA", "compressible " * 1000)
    call(client, "CONFIG", "SET", "snapshot-compression", "yes")
    assert server.psql("SELECT octet_length(data) FROM "
                       f"respgres.snapshot_get(0, '{plain}')") == "13000"
    assert server.psql("SELECT respgres.snapshot_delete(0, "
                       f"ARRAY['{made}', '{other}'])") == "2"


def test_sql_captures_and_restores_keys(server):
    client = Connection(server.port)
    clear(client)
    fill(client)
    call(client, "DEL", "all:stream")
    call(client, "ZADD", "all:zset", "5e-324", "d", "-0.1", "e",
         "1.7976931348623157e308", "f", "inf", "g", "3", "h")
    names = sorted(call(client, "KEYS", "all:*"))
    before = contents(client, names)
    made = server.psql("SELECT coalesce(error, id) FROM "
                       "respgres.snapshot_create_keys(0, 'sqlkeys', "
                       "ARRAY['all:*'::bytea])")
    _, rows = call(client, "SNAPSHOT", "KEYS", made)
    assert sorted(as_map(row)["key"] for row in rows) == names
    assert server.psql("SELECT count(*) FROM respgres.snapshot_keys(0, "
                       f"'{made}') WHERE error IS NULL") == str(len(names))
    clear(client)
    call(client, "SNAPSHOT", "RESTORE", made)
    assert contents(client, names) == before
    assert 4980 <= call(client, "TTL", "all:ttl") <= 5000
    assert call(client, "HPTTL", "all:fields", "FIELDS", "2", "lasting",
                "going")[1] > 6900000
    # The other way round, too.
    call(client, "CONFIG", "SET", "snapshot-compression", "no")
    made = create(client, "sqlkeys", "KEYS", "all:*")
    call(client, "CONFIG", "SET", "snapshot-compression", "yes")
    restore = "SELECT coalesce(error, restored::text) FROM " \
        f"respgres.snapshot_restore_keys(0, '{made}'"
    assert server.psql(restore + ")").startswith("BUSYKEY")
    assert server.psql(restore + ", replace => true)") == str(len(names))
    assert contents(client, names) == before
    assert 4980 <= call(client, "TTL", "all:ttl") <= 5000
    assert call(client, "HPTTL", "all:fields", "FIELDS", "2", "lasting",
                "going")[1] > 6900000
    assert server.psql(restore + ", 'all:', 'copy:')") == str(len(names))
    assert call(client, "LRANGE", "copy:list", 3, 3) == [b"17"]
    made = create(client, "sqlkeys", "KEYS", "all:*")
    assert "zstd" in server.psql("SELECT error FROM respgres.snapshot_keys("
                                 f"0, '{made}')")


def sql_import(server, blob, agent="carried"):
    """The new id, or the error."""
    return server.psql(
        "SELECT coalesce(error, id) FROM respgres.snapshot_import(0, "
        f"'\\x{blob.hex()}', '{agent}')")


def test_sql_exports_and_imports(server):
    client = Connection(server.port)
    call(client, "CONFIG", "SET", "snapshot-compression", "no")
    call(client, "RPUSH", "far:list", *range(100))
    call(client, "SET", "far:large", b"\x00\xff text " * 1000)
    call(client, "SET", "far:small", "1")
    before = contents(client, ["far:list", "far:large", "far:small"])
    made = [create(client, "far", "NAME", "n\xff", "META", '{"a": 1}',
                   "KEYS", "far:*", "none:*"),
            create(client, "far", "DATA", b"\x00 some payload " * 500)]
    call(client, "CONFIG", "SET", "snapshot-compression", "yes")
    for number, one in enumerate(made):
        blob = bytes.fromhex(server.psql(
            f"SELECT blob FROM respgres.snapshot_export(0, '{one}')")[2:])
        facts = get(client, one)
        for carried in (
                call(client, "SNAPSHOT", "IMPORT", blob, "AGENT",
                     "carried").decode(),
                sql_import(server, blob)):
            found = get(client, carried)
            for name in ("name", "meta", "kind", "checksum", "raw_bytes"):
                assert found[name] == facts[name], name
            assert found["agent"] == b"carried"
            if number == 0:
                call(client, "DEL", "far:list", "far:large", "far:small")
                call(client, "SNAPSHOT", "RESTORE", carried)
                assert contents(client, ["far:list", "far:large",
                                         "far:small"]) == before
    for damaged in (blob[:-1], blob[:200] + b"x" + blob[201:], blob[:60]):
        assert "the blob is damaged" in sql_import(server, damaged)
    newer = blob[:18] + b"\x09" + blob[19:]
    assert "newer version" in sql_import(server, newer)
    assert "expected a blob" in sql_import(server, b"something")
    assert "1 to 1024 bytes" in sql_import(server, blob, "a" * 1025)
    # Its checksum is right, and nothing else is.
    for place in (22, 80, blob.index(b"\x01", 130)):
        body = blob[:place] + b"\xee" + blob[place + 1:-32]
        error = sql_import(server, body + hashlib.sha256(body).digest())
        assert "the blob is damaged" in error, (place, error)
    compressed = call(client, "SNAPSHOT", "EXPORT", made[1])
    assert "zstd" in sql_import(server, compressed)
    assert server.psql("SELECT error FROM respgres.snapshot_export(0, 'no')") \
        == "ERR no such snapshot"


SHARED = [test for name, test in list(globals().items())
          if name.startswith("test_")]


if __name__ == "__main__":
    sys.exit(run_tests(("--worker-threads", 2, "--sweep-interval", 50), SHARED))
