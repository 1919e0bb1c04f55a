"""SESSION: effects in the tables, expiry and events in time, analytics, several
clients at once, plans, and the functions for SQL."""

import json
import os
import re
import select
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.connection import (Connection, ErrorReply, as_map,  # noqa: E402
                                must_fail)
from support.server import Server, becomes, run_tests  # noqa: E402


class Listener:
    """psql that listens to the channel of sessions."""

    def __init__(self, server):
        self.process = subprocess.Popen(
            ["psql", "-XAtq", server.conninfo], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1)
        self._ask('LISTEN "respgres.session"; SELECT 1')

    def _ask(self, sql):
        """What comes out until a line is there."""
        self.process.stdin.write(sql + ";\n")
        return self.process.stdout.readline()

    def events(self, count, seconds=30):
        """The next events, at least so many."""
        found = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            self.process.stdin.write("SELECT 'asked';\n")
            while (line := self.process.stdout.readline().strip()) != "asked":
                found += [self._parse(line)] if line else []
            # What arrived with the answer follows it.
            while select.select([self.process.stdout], [], [], 0.05)[0]:
                line = self.process.stdout.readline().strip()
                found += [self._parse(line)] if line else []
        return found

    @staticmethod
    def _parse(line):
        payload = re.search(r'with payload "(.*)" received', line)
        assert payload, line
        return json.loads(payload.group(1))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def session(client, id):
    reply = client.call("SESSION", "GET", id)
    return None if reply is None else as_map(reply)


def test_rows_hold_what_was_created(server):
    client = Connection(server.port)
    client.call("SESSION", "CREATE", "ID", "row", "USER", "alice", "IP",
                "2001:DB8::0:1", "AGENT", "Browser", "DEVICE", "phone", "TTL",
                100, "ABSOLUTE", 1000, "TOKEN", "open sesame", "DATA", "cart",
                "3")
    assert server.psql("""
        SELECT convert_from(id, 'UTF8'), convert_from(user_name, 'UTF8'),
               convert_from(ip, 'UTF8'), ttl_ms, expires_at - accessed_at,
               absolute_at - accessed_at, number >> 20 = accessed_at,
               token_hash = sha256('open sesame'), slot = respgres.slot(id)
          FROM respgres.session WHERE id = 'row'""") == (
              "row|alice|2001:db8::1|100000|100000|1000000|t|t|t")
    assert "sesame" not in server.psql("SELECT * FROM respgres.session")
    assert server.psql("""
        SELECT user_name, ip, agent, device, has_token, fields
          FROM respgres.sessions WHERE id = 'row'""") == (
              'alice|2001:db8::1|Browser|phone|t|{"cart": "3"}')
    found = as_map(client.call("SESSION", "TOKEN", "open sesame"))
    assert found == session(client, "row")
    assert found["user"] == b"alice" and found["data"] == [b"cart", b"3"]
    assert found["ttl_ms"] == 100000, found
    assert found["expires_at_ms"] - found["accessed_at_ms"] == 100000, found
    assert client.call("SESSION", "TOKEN", "open") is None
    assert client.call("DBSIZE") == 0
    client.call("SESSION", "DEL", "row")


def test_touch_is_a_hot_update_and_rolls(server):
    client = Connection(server.port)
    client.call("SESSION", "CREATE", "ID", "rolls", "TTL", 100)
    server.psql("UPDATE respgres.session SET expires_at = expires_at - 50000, "
                "accessed_at = accessed_at - 50000 WHERE id = 'rolls'")
    before = session(client, "rolls")
    client.call("SESSION", "GET", "rolls", "FIELDS", "x")
    assert session(client, "rolls") == before
    place = "SELECT ctid FROM respgres.session WHERE id = 'rolls'"
    hot = ("SELECT pg_stat_get_xact_tuples_hot_updated(c.oid) "
           "FROM pg_class c WHERE c.oid = 'respgres.session'::regclass")
    assert server.psql(
        "BEGIN; SELECT respgres.session_touch(0, ARRAY['rolls'::bytea]); "
        f"{hot}; COMMIT").split() == ["1", "1"]
    after = session(client, "rolls")
    assert after["expires_at_ms"] >= before["expires_at_ms"] + 50000
    assert after["accessed_at_ms"] >= before["accessed_at_ms"] + 50000
    first = server.psql(place)
    assert client.call("SESSION", "TOUCH", "rolls") == 1
    assert server.psql(place) != first
    again = as_map(client.call("SESSION", "GET", "rolls", "TOUCH"))
    assert again["expires_at_ms"] >= after["expires_at_ms"]
    # After a minute the indexed time follows.
    server.psql("UPDATE respgres.session SET active_at = active_at - 60000 "
                "WHERE id = 'rolls'")
    client.call("SESSION", "TOUCH", "rolls")
    assert server.psql("SELECT s.active_at = accessed_at AND a.active_at = "
                       "accessed_at FROM respgres.session s "
                       "JOIN respgres.session_activity a USING (db, number) "
                       "WHERE id = 'rolls'") == "t"
    client.call("SESSION", "DEL", "rolls")


def test_many_sets_of_one_client(server):
    client = Connection(server.port)
    client.call("SESSION", "CREATE", "ID", "many")
    replies = client.pipeline(
        [("SESSION", "SET", "many", f"field{i % 50}", i) for i in range(500)])
    assert replies == [1] * 500
    fields = as_map(session(client, "many")["data"])
    assert fields == {f"field{i % 50}": str(i).encode()
                      for i in range(450, 500)}
    assert client.call("SESSION", "COUNT", "FIELD", "field7", 457) == 1
    assert client.call("SESSION", "COUNT", "FIELD", "field7", 407) == 0
    client.call("SESSION", "DEL", "many")


def test_clients_set_fields_of_one_session_together(server):
    Connection(server.port).call("SESSION", "CREATE", "ID", "shared")

    def work(number):
        client = Connection(server.port)
        for i in range(50):
            assert client.call("SESSION", "SET", "shared", f"{number}:{i}",
                               i) == 1
            assert client.call("SESSION", "TOUCH", "shared") == 1

    together(work, 8)
    client = Connection(server.port)
    assert len(session(client, "shared")["data"]) == 2 * 8 * 50
    client.call("SESSION", "DEL", "shared")


def together(work, count):
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(number,))
               for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_limits_hold_across_processes(server):
    """Also with SQL, and a second process."""
    with Server(beside=server) as beside:
        made = []

        def work(number):
            if number == 0:
                for i in range(20):
                    server.psql("SELECT respgres.session_create(0, user_name "
                                "=> 'limited', user_limit => 3, evict => true"
                                ")")
                return
            port = (server if number % 2 else beside).port
            client = Connection(port)
            for i in range(20):
                reply = client.call("SESSION", "CREATE", "USER", "limited",
                                    "LIMIT", 3, "EVICT")
                assert not isinstance(reply, ErrorReply), reply
                made.append(as_map(reply)["id"])
                assert client.call("SESSION", "COUNT", "USER",
                                   "limited") <= 3

        together(work, 5)
        client = Connection(server.port)
        assert client.call("SESSION", "COUNT", "USER", "limited") == 3
        assert len(set(made)) == 80

        def refused(number):
            port = (server if number % 2 else beside).port
            client = Connection(port)
            for i in range(10):
                client.call("SESSION", "CREATE", "USER", "strict", "LIMIT", 5,
                            "REJECT")

        together(refused, 4)
        assert client.call("SESSION", "COUNT", "USER", "strict") == 5
        assert client.call("SESSION", "BULKDEL", "USER", "limited") == 3
        assert client.call("SESSION", "BULKDEL", "USER", "strict") == 5


def test_expired_sessions_are_nowhere(server):
    """Even before they are swept."""
    client = Connection(server.port)
    client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    try:
        client.call("SESSION", "CREATE", "ID", "gone", "USER", "gone", "TTL",
                    100, "TOKEN", "gone", "DATA", "a", "1")
        server.psql("UPDATE respgres.session SET expires_at = "
                    "respgres.now_ms() - 1, sweep_at = respgres.now_ms() - 1 "
                    "WHERE id = 'gone'")
        for command in (("GET", "gone"), ("TOKEN", "gone"),
                        ("GET", "gone", "TOUCH"), ("ROTATE", "gone")):
            assert client.call("SESSION", *command) is None, command
        for command in (("EXISTS", "gone"), ("TOUCH", "gone"),
                        ("SET", "gone", "a", 1), ("UNSET", "gone", "a"),
                        ("DEL", "other"), ("COUNT",), ("COUNT", "ACTIVE", 60),
                        ("COUNT", "USER", "gone"),
                        ("BULKDEL", "USER", "gone"),
                        ("CLEANUP", "INACTIVE", 1)):
            assert client.call("SESSION", *command) == 0, command
        assert client.call("SESSION", "EXTEND", "gone", 10) == -2
        assert client.call("SESSION", "LIST") == [b"0", []]
        assert server.psql("SELECT count(*) FROM respgres.sessions") == "0"
        analytics = as_map(client.call("SESSION", "ANALYTICS"))
        assert analytics["sessions"] == 0, analytics
        assert b"gone" not in analytics["users"], analytics
        assert analytics["expired"] >= 1, analytics
        # Its id and its token are free.
        reply = client.call("SESSION", "CREATE", "ID", "gone", "TTL", 100,
                            "USER", "gone", "LIMIT", 1, "REJECT")
        assert as_map(reply)["id"] == b"gone", reply
        server.psql("UPDATE respgres.session SET expires_at = 1 "
                    "WHERE id = 'gone'")
        client.call("SESSION", "CREATE", "ID", "token", "TOKEN", "gone")
        assert client.call("SESSION", "DEL", "gone", "token") == 1
    finally:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
    assert becomes(lambda: server.psql(
        "SELECT count(*) FROM respgres.session") == "0")


def test_events_come_with_the_commit_and_in_time(server):
    client = Connection(server.port)
    client.call("SESSION", "CREATE", "ID", "silent")
    assert client.call("SESSION", "EVENTS", "ON") == b"OK"
    assert client.call("SESSION", "EVENTS", "STATUS") == b"on"
    listener = Listener(server)
    try:
        client.call("SESSION", "CREATE", "ID", "a", "USER", "u", "TOKEN",
                    "hidden", "DATA", "secret", "hidden")
        client.call("SESSION", "ROTATE", "a", "ID", "b")
        client.call("SESSION", "CREATE", "ID", "c", "USER", "u", "LIMIT", 1,
                    "EVICT")
        client.call("SESSION", "DEL", "c")
        found = listener.events(5)
        assert found == [
            {"event": "created", "db": 0, "id": "a", "user": "u"},
            {"event": "rotated", "db": 0, "id": "b", "user": "u",
             "from": "a"},
            {"event": "deleted", "db": 0, "id": "b", "user": "u",
             "reason": "evicted"},
            {"event": "created", "db": 0, "id": "c", "user": "u"},
            {"event": "deleted", "db": 0, "id": "c", "user": "u",
             "reason": "deleted"}], found
        client.call("SESSION", "CREATE", "ID", "brief", "TTL", 1)
        begin = time.monotonic()
        found = listener.events(2)
        assert [one["event"] for one in found] == ["created",
                                                   "expired"], found
        assert time.monotonic() - begin >= 0.9
        assert server.psql("SELECT count(*) FROM respgres.session "
                           "WHERE id = 'brief'") == "0"
        server.psql("BEGIN; SELECT respgres.session_create(0, id => 'x'); "
                    "ROLLBACK")
        client.call("SELECT", 1)
        client.call("SESSION", "CREATE", "ID", "elsewhere")
        client.call("SESSION", "DEL", "elsewhere")
        client.call("SELECT", 0)
        long = "\x01" * 512
        client.call("SESSION", "CREATE", "ID", long, "USER", long)
        found = listener.events(1)
        assert len(found) == 1 and found[0]["event"] == "created", found
        client.call("SESSION", "DEL", long)
        listener.events(1)
        assert client.call("SESSION", "EVENTS", "OFF") == b"OK"
        client.call("SESSION", "DEL", "silent")
        assert listener.events(1, seconds=0.3) == []
    finally:
        client.call("SESSION", "EVENTS", "OFF")
        listener.end()


def test_analytics_add_up(server):
    """Before events are summed up, after that, and folded."""
    client = Connection(server.port)
    client.call("FLUSHALL")
    for i in range(12):
        client.call("SESSION", "CREATE", "ID", i, "USER", f"u{i % 5}",
                    "AGENT", f"a{i % 2}", "DEVICE", f"d{i % 3}", "TTL", 1000)
    client.call("SESSION", "DEL", 0, 1)
    client.call("SESSION", "ROTATE", 2, "ID", "two")
    client.call("SESSION", "CREATE", "USER", "u3", "LIMIT", 2, "EVICT")
    # As if it had been there for an hour.
    server.psql("""
        WITH old AS (SELECT number, (respgres.now_ms() - 3600000) << 20 AS new
                       FROM respgres.session WHERE id = '5'),
             moved AS (UPDATE respgres.session_activity AS a SET number = new
                         FROM old WHERE a.number = old.number)
        UPDATE respgres.session AS s SET number = new,
               expires_at = respgres.now_ms(), sweep_at = respgres.now_ms()
          FROM old WHERE s.id = '5'""")
    time.sleep(0.01)
    expected = {"sessions": 9, "active": 9, "created": 13, "expired": 1,
                "deleted": 2, "evicted": 1, "inactive": 0, "rotated": 1}

    def check():
        found = as_map(client.call("SESSION", "ANALYTICS", "TOP", 3))
        assert {name: found[name] for name in expected} == expected, found
        assert found["peak"] >= 9, found
        assert 890000 < found["mean_duration_ms"] < 930000, found
        assert abs(found["p95_duration_ms"] / 3600000 - 1) < 0.03, found
        assert found["agents"] == [b"a0", 6, b"a1", 6], found
        assert found["devices"] == [b"d0", 4, b"d1", 4, b"d2", 4], found
        assert found["users"] == [b"u1", 2, b"u2", 2, b"u3", 2], found
        hours = [as_map(one) for one in found["per_hour"]]
        assert sum(one["created"] for one in hours) == 13, hours
        assert sum(one["ended"] for one in hours) == 4, hours
        assert hours[-1]["start_ms"] % 3600000 == 0
        rows = server.psql("SELECT label, count FROM respgres."
                           "session_analytics(0) WHERE section = 'total'")
        assert {name: int(dict(line.split("|") for line in rows.split("\n"))
                          [name]) for name in expected} == expected, rows

    check()
    waiting = "SELECT count(*) FROM respgres.session_event"
    assert becomes(lambda: server.psql(waiting) == "0")
    check()
    # Six hours later, labels are kept by the hour.
    hours = 6 * 3600000
    server.psql(f"UPDATE respgres.session_summary SET period = period - "
                f"{hours}")
    server.psql("SELECT respgres.session_fold(1000)")
    assert server.psql(
        "SELECT count(*) FROM respgres.session_summary WHERE kind IN ('A', "
        "'D', 'L') AND period % 3600000 <> 0") == "0"
    found = as_map(client.call("SESSION", "ANALYTICS"))
    assert found["created"] == 13 and found["agents"] == [
        b"a0", 6, b"a1", 6], found
    found = as_map(client.call("SESSION", "ANALYTICS", "WINDOW", 600))
    assert found["created"] == 0 and found["agents"] == [], found
    assert found["mean_duration_ms"] is None and found["sessions"] == 9, found
    server.psql("UPDATE respgres.session_summary SET period = period - "
                "32 * 86400000::bigint")
    server.psql("SELECT respgres.session_fold(1000)")
    assert server.psql("SELECT count(*) FROM respgres.session_summary") == "0"
    client.call("FLUSHALL")
    assert server.psql("SELECT count(*) FROM respgres.session_user") == "0"


def test_unused_sessions_are_cleaned_up(server):
    client = Connection(server.port)
    for i in range(5):
        client.call("SESSION", "CREATE", "ID", f"idle{i}")
    client.call("SESSION", "CREATE", "ID", "used")
    age = ("UPDATE respgres.session SET accessed_at = accessed_at - 600000, "
           "active_at = active_at - 600000 WHERE id LIKE 'idle%'")
    server.psql(age)
    server.psql("UPDATE respgres.session_activity AS a SET active_at = "
                "s.active_at FROM respgres.session s "
                "WHERE s.number = a.number")
    assert client.call("SESSION", "COUNT", "ACTIVE", 500) == 1
    assert client.call("SESSION", "COUNT", "IDLE", 500) == 5
    assert client.call("SESSION", "COUNT", "IDLE", 700) == 0
    assert client.call("SESSION", "TOUCH", "idle4") == 1
    assert client.call("SESSION", "CLEANUP", "INACTIVE", 700) == 0
    assert client.call("SESSION", "CLEANUP", "LIMIT", 1, "INACTIVE", 500) == 1
    assert client.call("SESSION", "BULKDEL", "IDLE", 500, "EXCEPT",
                       "idle2") == 2
    assert client.call("SESSION", "EXISTS", "idle2", "idle4", "used") == 3
    client.call("CONFIG", "SET", "session-inactive-seconds", 500)
    assert becomes(lambda: client.call("SESSION", "EXISTS", "idle2") == 0)
    assert client.call("SESSION", "EXISTS", "idle4", "used") == 2
    client.call("CONFIG", "SET", "session-inactive-seconds", 0)
    assert client.call("SESSION", "DEL", "idle4", "used") == 2


def test_thousands_are_deleted_in_parts(server):
    client = Connection(server.port)
    assert server.psql("""
        SELECT count(c.id)
          FROM generate_series(1, 2500) AS i (n)
         CROSS JOIN LATERAL respgres.session_create(
               0, id => convert_to('crowd' || n, 'UTF8'),
               user_name => 'crowd') c""") == "2500"
    reply = client.call("SESSION", "LIST", "USER", "crowd", "COUNT", 10000)
    assert reply[0] == b"0" and len(reply[1]) == 2500
    assert client.call("SESSION", "BULKDEL", "USER", "crowd", "EXCEPT",
                       "crowd17") == 2499
    assert client.call("SESSION", "DEL", "crowd17") == 1


def plan(server, what, conditions, tail, values):
    """Names of the indexes in the plan of a statement of sessions."""
    text = server.psql(f"""
        DO $do$ BEGIN EXECUTE format(
            'PREPARE asked (int, bytea, bigint, bigint, bytea, bigint, bytea, '
            'bytea, int, bigint, bytea[], bigint, bigint) AS SELECT %s FROM '
            'respgres.session s WHERE %s %s', '{what}',
            respgres.session_conditions({conditions}), '{tail}');
        END $do$;
        SET plan_cache_mode = force_custom_plan;
        EXPLAIN EXECUTE asked({values})""")
    return set(re.findall(r"(?:using|Scan on) (session_\w+)", text)), text


def test_filters_use_an_index(server):
    server.psql("""
        INSERT INTO respgres.session
               (number, accessed_at, active_at, db, slot, id, user_name, ip,
                field_names, field_values, field_hashes)
        SELECT ((n.now - 86400000 + i * 1000) << 20) | i,
               n.now - 86400000 + i * 1000, n.now - 86400000 + i * 1000, 0,
               respgres.slot(convert_to(i::text, 'UTF8')),
               convert_to(i::text, 'UTF8'),
               convert_to('user' || i % 2000, 'UTF8'),
               convert_to('10.0.0.' || i % 250, 'UTF8'),
               ARRAY['f'::bytea], ARRAY[convert_to((i % 500)::text, 'UTF8')],
               ARRAY[respgres.session_hash('f', convert_to((i % 500)::text,
                                                           'UTF8'))]
          FROM generate_series(1, 20000) AS s (i)
         CROSS JOIN (SELECT respgres.now_ms()) AS n (now)""")
    server.psql("INSERT INTO respgres.session_activity "
                "SELECT active_at, number, db FROM respgres.session")
    server.psql("INSERT INTO respgres.session_event (happened_at, created_at, "
                "db, kind) SELECT created, created, db, 'c' FROM "
                "respgres.session CROSS JOIN LATERAL (VALUES (number >> 20)) "
                "AS c (created)")
    for table in ("session", "session_activity"):
        server.psql(f"VACUUM ANALYZE respgres.{table}")
    now = int(server.psql("SELECT respgres.now_ms()"))
    listing = "ORDER BY s.number LIMIT $13"

    def values(user="NULL", active="NULL", idle="NULL", ip="NULL",
               since="NULL", hash="NULL"):
        return (f"0, {user}, {active}, {idle}, {ip}, {since}, 'f', '7', "
                f"{hash}, 0, NULL, {now}, 1000")

    user = "'u', NULL, NULL, NULL, NULL, NULL, NULL"
    for what, tail in (("s.*", listing), ("count(*)", ""),
                       ("s.slot, s.id, s.number", listing + " FOR UPDATE")):
        found, text = plan(server, what, user, tail, values(user="'user7'"))
        assert found == {"session_of_user"}, text
    for conditions, given, index in (
            ("NULL, 1, NULL, NULL, NULL, NULL, NULL",
             values(active=now - 66500000), "session_activity_time"),
            ("NULL, NULL, 1, NULL, NULL, NULL, NULL",
             values(idle=now - 86300000), "session_activity_time"),
            ("NULL, NULL, NULL, 'a', NULL, NULL, NULL",
             values(ip="'10.0.0.7'"), "session_of_address"),
            ("NULL, NULL, NULL, NULL, 1, NULL, NULL",
             values(since=(now - 66500000) << 20), "session_order"),
            ("NULL, NULL, NULL, NULL, NULL, 'f', NULL",
             values(hash="respgres.session_hash('f', '7')"),
             "session_field")):
        found, text = plan(server, "s.*", conditions, listing, given)
        assert index in found, text
        found, text = plan(server, "count(*)", conditions, "", given)
        assert index in found, text
    found, text = plan(server, "s.*", "NULL, NULL, NULL, NULL, NULL, NULL, "
                       "NULL", "ORDER BY s.number LIMIT 10", values())
    assert found == {"session_order"}, text
    text = server.psql("""
        SET enable_seqscan = off;
        EXPLAIN SELECT count(*) FROM respgres.session_activity a
         WHERE a.db = 0 AND a.active_at > 1;
        EXPLAIN SELECT t.sessions FROM respgres.session_total t
         WHERE t.db = 0;
        EXPLAIN SELECT sum(respgres.session_change(e.kind))
          FROM respgres.session_event e
         WHERE e.db = 0 AND e.happened_at > 0;
        EXPLAIN SELECT count(*) FROM respgres.session s
         WHERE s.db = 0 AND s.sweep_at <= 1 AND s.expires_at <= 1""")
    for index in ("session_activity_", "session_total_pkey",
                  "session_event_time", "session_sweep"):
        assert re.search(index, text), text
    assert "Seq Scan" not in text, text
    client = Connection(server.port)
    assert client.call("SESSION", "COUNT") == 20000
    assert abs(client.call("SESSION", "COUNT", "ACTIVE", 86400 - 10000)
               - 10000) < 100
    assert client.call("SESSION", "COUNT", "USER", "user7") == 10
    assert client.call("SESSION", "COUNT", "FIELD", "f", 7) == 40
    assert client.call("SESSION", "COUNT", "FIELD", "f", 7, "IP", "10.0.0.7",
                       "USER", "user7") == 10
    assert client.call("SESSION", "BULKDEL", "IP", "10.0.0.7") == 80
    client.call("FLUSHALL")
    assert client.call("SESSION", "COUNT") == 0


def test_sql_twins(server):
    client = Connection(server.port)
    made = server.psql("""
        SELECT convert_from(id, 'UTF8'), convert_from(token, 'UTF8'), error,
               evicted
          FROM respgres.session_create(0, user_name => 'sql', ttl => 100,
               generate => true, fields => ARRAY['a', 'b']::bytea[],
               "values" => ARRAY['1', '2']::bytea[])""")
    id, token, error, evicted = made.split("|")
    assert len(id) == len(token) == 43 and id != token, made
    assert (error, evicted) == ("", "0")
    assert session(client, id)["data"] == [b"a", b"1", b"b", b"2"]
    assert as_map(client.call("SESSION", "TOKEN", token))["id"] == id.encode()

    def ask(call):
        return server.psql(f"SELECT {call.format(id=id, token=token)}")

    assert ask("convert_from(respgres.session_by_token(0, '{token}'), 'UTF8')"
               ) == id
    assert ask("respgres.session_by_token(0, 'x') IS NULL") == "t"
    assert ask("respgres.session_exists(0, '{id}')") == "t"
    assert ask("respgres.session_set(0, '{id}', ARRAY['b', 'c']::bytea[], "
               "ARRAY['3', '4']::bytea[])") == "t"
    assert ask("respgres.session_set(0, 'none', ARRAY['b']::bytea[], "
               "ARRAY['3']::bytea[])") == "f"
    assert ask("respgres.session_unset(0, '{id}', ARRAY['a', 'x']::bytea[])"
               ) == "1"
    assert session(client, id)["data"] == [b"b", b"3", b"c", b"4"]
    assert ask("user_name = 'sql' AND fields = ARRAY['b', 'c']::bytea[] AND "
               "\"values\"[1] = '3' AND expires_at > now() FROM "
               "respgres.session_get(0, '{id}')") == "t"
    assert ask("respgres.session_touch(0, ARRAY['{id}', 'none']::bytea[])"
               ) == "1"
    assert ask("respgres.session_extend(0, '{id}', 60) > now() + interval "
               "'150 seconds'") == "t"
    assert ask("respgres.session_extend(0, 'none', 60) IS NULL") == "t"
    assert ask("convert_from(l.id, 'UTF8') FROM respgres.session_list(0, "
               "user_name => 'sql', since => now() - interval '1 hour') l"
               ) == id
    assert ask("respgres.session_count(0, field => 'b', field_value => '3', "
               "active => 60)") == "1"
    rotated = ask("convert_from(new_id, 'UTF8'), token IS NOT NULL, error "
                  "FROM respgres.session_rotate(0, '{id}')")
    assert rotated.endswith("|t|") and not rotated.startswith(id), rotated
    assert client.call("SESSION", "GET", id) is None
    assert ask("new_id IS NULL AND token IS NULL AND error IS NULL FROM "
               "respgres.session_rotate(0, '{id}')") == "t"
    assert ask("respgres.session_bulk_delete(0)") == "0"
    assert ask("respgres.session_bulk_delete(0, user_name => 'sql')") == "1"
    assert ask("respgres.session_delete(0, ARRAY['{id}']::bytea[])") == "0"
    assert ask("respgres.session_cleanup(0, 60)") == "0"
    assert ask("respgres.session_events(0)") == "f"
    for call, text in (
            ("id => ''", "ERR a session id has 1 to 512 bytes"),
            ("ttl => 0", "ERR times to live and limits must be positive"),
            ("user_limit => 1", "ERR a limit needs a user"),
            ("fields => '{{a}}'", "ERR every field needs a value")):
        assert ask(f"error FROM respgres.session_create(0, {call})") == text
    server.psql("BEGIN; SELECT respgres.session_create(0, id => 'undone'); "
                "ROLLBACK")
    assert client.call("SESSION", "EXISTS", "undone") == 0


def test_only_public_functions_are_public(server):
    assert server.psql("""
        SELECT count(*) FROM respgres.public_functions() AS f (oid)
          JOIN pg_proc p ON p.oid = f.oid
         WHERE p.proname LIKE 'session%' AND p.prosecdef
           AND NOT has_function_privilege('pg_monitor', p.oid, 'EXECUTE')
        """) == "16"
    assert server.psql("""
        SELECT proname FROM pg_proc
         WHERE proname LIKE 'session%' AND prosecdef
           AND oid NOT IN (SELECT respgres.public_functions())
           AND pronamespace = 'respgres'::regnamespace""") == ""


def test_cache_databases_have_sessions_of_their_own(server):
    client = Connection(server.port)
    client.call("SELECT", 9)
    client.call("SESSION", "CREATE", "ID", "c", "USER", "u", "DATA", "a", 1)
    assert server.psql("SELECT count(*) FROM respgres_cache.session") == "1"
    assert server.psql("SELECT count(*) FROM respgres.session") == "0"
    client.call("SESSION", "EVENTS", "ON")
    listener = Listener(server)
    assert client.call("SESSION", "BULKDEL", "USER", "u") == 1
    assert listener.events(1) == [{"event": "deleted", "db": 9, "id": "c",
                                   "user": "u", "reason": "deleted"}]
    listener.end()
    client.call("SESSION", "EVENTS", "OFF")


def test_monitor_shows_no_secrets(server):
    watcher, client = Connection(server.port), Connection(server.port)
    assert watcher.call("MONITOR") == b"OK"
    client.call("SESSION", "CREATE", "ID", "seen", "TOKEN", "hidden", "DATA",
                "name", "hidden")
    client.call("SESSION", "SET", "seen", "name", "hidden")
    client.call("SESSION", "TOKEN", "hidden")
    client.call("SESSION", "DEL", "seen")
    lines = [watcher.read() for _ in range(4)]
    assert b"hidden" not in b"".join(lines), lines
    assert all(b"seen" in lines[i] for i in (0, 1, 3)), lines


def test_help_and_arity(server):
    client = Connection(server.port)
    text = b"\n".join(client.call("SESSION", "HELP")).decode()
    for name in ("ANALYTICS", "BULKDEL", "CLEANUP", "COUNT", "CREATE", "DEL",
                 "EVENTS", "EXISTS", "EXTEND", "GET", "LIST", "ROTATE", "SET",
                 "TOKEN", "TOUCH", "UNSET"):
        assert f"\n{name}" in text, name
    must_fail(client, "ERR wrong number of arguments for 'session|get'",
              "SESSION", "GET")


def test_resp3_has_maps(server):
    client = Connection(server.port)
    client.send(b"HELLO 3\r\nSESSION CREATE ID three DATA a 1\r\n"
                b"SESSION GET three\r\nSESSION GET none\r\n"
                b"SESSION DEL three\r\nPING\r\n")
    data, deadline = b"", time.monotonic() + 30
    while b"PONG" not in data and time.monotonic() < deadline:
        data += client.socket.recv(1 << 16)
    assert b"%3\r\n$2\r\nid\r\n$5\r\nthree\r\n$5\r\ntoken\r\n_\r\n" in data
    assert b"%11\r\n$2\r\nid\r\n$5\r\nthree\r\n$4\r\nuser\r\n_\r\n" in data
    assert b"$4\r\ndata\r\n%1\r\n$1\r\na\r\n$1\r\n1\r\n_\r\n:1\r\n" in data


TESTS = [
    test_rows_hold_what_was_created,
    test_touch_is_a_hot_update_and_rolls,
    test_many_sets_of_one_client,
    test_clients_set_fields_of_one_session_together,
    test_limits_hold_across_processes,
    test_expired_sessions_are_nowhere,
    test_events_come_with_the_commit_and_in_time,
    test_analytics_add_up,
    test_unused_sessions_are_cleaned_up,
    test_thousands_are_deleted_in_parts,
    test_filters_use_an_index,
    test_sql_twins,
    test_only_public_functions_are_public,
    test_cache_databases_have_sessions_of_their_own,
    test_monitor_shows_no_secrets,
    test_help_and_arity,
    test_resp3_has_maps,
]


if __name__ == "__main__":
    sys.exit(run_tests(("--worker-threads", 2, "--enable-debug-command", "yes",
                        "--database-class", "9 cache"), TESTS))
