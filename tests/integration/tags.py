"""TAG over python3-redis, its twins in SQL, and what is left in the tables."""

import functools
import os
import subprocess
import sys
import threading
import time

import redis

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from support.connection import Connection, as_map  # noqa: E402
from support.pool import Psql  # noqa: E402
from support.server import Results, Server, becomes  # noqa: E402


def number(server, sql):
    return int(server.psql(sql))


def entries(server, tag):
    return number(server, "SELECT coalesce(sum(entries), 0) "
                  f"FROM respgres.tags WHERE db = 0 AND name = '{tag}'")


# --- commands ------------------------------------------------------------

def test_python_redis(server):
    client = server.client()
    tag = functools.partial(client.execute_command, "TAG")
    binary = bytes(range(256))
    assert tag("SET", b"k" + binary, binary, binary, "two", "EX", 100) == b"OK"
    assert client.get(b"k" + binary) == binary
    assert as_map(tag("OF", b"k" + binary)) == {
        "tags": [binary, b"two"], "stale": 0}
    assert tag("GET", "two", "WITHVALUES") == [
        b"0", [[b"k" + binary, b"string", binary, 0]]]
    token = tag("LEASE", "two")
    assert tag("INVALIDATE", "two") == 1
    assert tag("SET", "k", "v", "two", "LEASE", token) is None
    assert client.dbsize() == 0
    assert tag("MSET", *[word for n in range(100) for word in (
        f"m:{n}", n, "PX", 100000 + n, "TAGS", 2, "many", f"odd:{n % 2}")]
               ) == b"OK"
    assert tag("COUNT", "many", "NOT", "odd:1") == 50
    found, cursor = [], 0
    while True:
        cursor, page = tag("GET", "many", "COUNT", 33, "CURSOR", cursor)
        found += page
        if int(cursor) == 0:
            break
    assert sorted(found) == sorted(f"m:{n}".encode() for n in range(100))
    for words in (("GET",), ("SET", "k"), ("TOUCH", "many", "x"), ()):
        try:
            tag(*words)
        except redis.ResponseError:
            continue
        raise AssertionError(words)


def test_large_values_and_pipelines(server):
    client = server.client()
    with client.pipeline(transaction=False) as pipeline:
        for n in range(300):
            pipeline.execute_command("TAG", "SET", f"k{n}", "x" * 1000 * (n % 7),
                                     "all", f"of:{n % 3}")
            pipeline.execute_command("TAG", "OF", f"k{n}")
        pipeline.execute_command("TAG", "COUNT", "all", "of:1", "ALL")
        replies = pipeline.execute()
    assert replies[-1] == 100
    assert all(reply == b"OK" for reply in replies[:-1:2])
    assert as_map(replies[-2])["tags"] == [b"all", b"of:2"]
    value = os.urandom(150000)
    client.execute_command("TAG", "SET", "large", value, "large")
    assert client.execute_command(
        "TAG", "GET", "large", "WITHVALUES")[1][0][2] == value


def test_replies_are_maps_in_resp3(server):
    client = Connection(server.port)
    client.call("TAG", "SET", "k", "v", "t")
    client.send(b"HELLO 3\r\nTAG OF k\r\nTAG LIST\r\nTAG INFO\r\n")
    data = b""
    while b"$3\r\ntop\r\n*1\r\n%2" not in data:
        more = client.socket.recv(1 << 16)
        assert more, data
        data += more
    assert b"%2\r\n$4\r\ntags\r\n*1\r\n$1\r\nt\r\n$5\r\nstale\r\n#f" in data
    assert b"$1\r\n0\r\n*1\r\n%3\r\n$3\r\ntag\r\n$1\r\nt\r\n" in data
    assert b"%14\r\n$7\r\nentries\r\n:1\r\n" in data


def test_info(server):
    client = Connection(server.port)
    for n in range(150):
        client.call("TAG", "SET", f"k{n}", "value", "often", f"of:{n % 50}")
    info = as_map(client.call("TAG", "INFO"))
    assert info["entries"] == 150 and info["tags"] == 51, info
    assert info["bytes"] == sum(len(f"k{n}value") for n in range(150))
    assert info["stale"] == 0 and float(info["sampled"]) == 1
    assert info["health"] in (b"ok", b"warning")
    assert as_map(info["top"][0]) == {"tag": b"often", "entries": 150}
    assert len(info["top"]) == 10
    before = info["hits"]
    client.call("GET", "k1")
    assert client.call("TAG", "INVALIDATE", "often", "SOFT") == 150
    info = as_map(client.call("TAG", "INFO"))
    assert info["hits"] == before + 1 and info["stale"] == 150
    assert info["health"] == b"warning"
    assert b"150 of 150 entries are stale" in info["reasons"]
    rates = float(info["hit_rate"]) + float(info["miss_rate"])
    assert abs(rates - 1) < 1e-9


# --- tables --------------------------------------------------------------

def test_no_tag_outlives_its_keys(server):
    client = Connection(server.port)
    client.call("TAG", "SET", "deleted", "v", "t:deleted")
    client.call("TAG", "SET", "expired", "v", "t:expired", "PX", 1)
    client.call("TAG", "SET", "renamed", "v", "t:renamed")
    client.call("TAG", "SET", "replaced", "v", "t:replaced")
    client.call("TAG", "SET", "invalidated", "v", "t:invalidated")
    client.call("TAG", "SET", "stays", "v", "t:stays")
    client.call("TAG", "LEASE", "t:leased")
    client.call("DEL", "deleted")
    client.call("RENAME", "renamed", "new")
    client.call("DEL", "new")
    client.call("TAG", "SET", "replaced", "v", "t:stays")
    client.call("TAG", "INVALIDATE", "t:invalidated")
    assert server.psql("SELECT convert_from(name, 'UTF8') FROM respgres.tags "
                       "ORDER BY name") == "t:stays"
    server.psql("UPDATE respgres.tag_walk SET due_at = 0")
    assert becomes(lambda: server.psql(
        "SELECT string_agg(convert_from(name, 'UTF8'), ',' ORDER BY name) "
        "FROM respgres.tag") == "t:leased,t:stays")
    assert number(server, "SELECT count(*) FROM respgres.key "
                  "WHERE tags IS NOT NULL") == 2


def test_searches_use_the_index(server):
    server.psql("""
        INSERT INTO respgres.key (db, slot, key, type, value, touched_at, tags)
        SELECT 0, n % 16384, convert_to('k' || n, 'UTF8'), 's', 'v', 0,
               respgres.make_tags(0, ARRAY[convert_to('t' || n % 50, 'UTF8')])
          FROM generate_series(1, 5000) AS n;
        ANALYZE respgres.key""")
    plan = server.psql("""
        SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;
        PREPARE find(bigint[], bigint[]) AS
        SELECT k.id FROM respgres.key k
         WHERE (k.tags && $1 OR k.tags @> $2)
           AND (k.expires_at IS NULL OR k.expires_at > 0);
        EXPLAIN (COSTS off) EXECUTE find('{1}', NULL)""")
    assert "Bitmap Index Scan on key_tags" in plan, plan
    client = Connection(server.port)
    assert len(client.call("TAG", "GET", "t7", "COUNT", 1000)[1]) == 100


def test_set_stays_a_small_update(server):
    client = Connection(server.port)
    client.call("TAG", "SET", "hot", "0", "t")
    statistics = ("SELECT pg_stat_force_next_flush(); "
                  "SELECT n_tup_upd - n_tup_hot_upd "
                  "FROM pg_stat_user_tables "
                  "WHERE relid = 'respgres.key'::regclass")
    if int(server.psql("SHOW server_version_num")) < 150000:
        return
    time.sleep(1.1)
    before = number(server, statistics)
    for n in range(50):
        client.call("SET", "hot", f"value {n}")
        client.call("INCR", "counter")
    time.sleep(1.1)
    assert number(server, statistics) - before <= 5
    assert as_map(client.call("TAG", "OF", "hot"))["tags"] == [b"t"]


def test_databases_of_the_class_cache():
    with Server("--database-class", "1", "cache") as server:
        client = Connection(server.port)
        client.call("SELECT", 1)
        client.call("TAG", "SET", "k", "v", "t")
        token = client.call("TAG", "LEASE", "t")
        assert client.call("TAG", "GET", "t") == [b"0", [b"k"]]
        assert number(server, "SELECT count(*) FROM respgres_cache.tag") == 1
        assert number(server, "SELECT count(*) FROM respgres.tag") == 0
        assert server.psql("SELECT respgres_cache.tag_invalidate("
                           "ARRAY['t'], db => 1)") == "1"
        assert client.call("TAG", "SET", "k", "v", "t", "LEASE",
                           token) is None


# --- SQL -----------------------------------------------------------------

def test_sql_twins(server):
    psql = server.psql
    client = Connection(server.port)
    assert psql("SELECT done FROM respgres.tag_set(0, 'k', 'v', '{a,b}', "
                "ttl_ms => 100000)") == "t"
    assert as_map(client.call("TAG", "OF", "k"))["tags"] == [b"a", b"b"]
    assert client.call("TTL", "k") == 100
    assert psql("SELECT added FROM respgres.tag_add(0, 'k', '{c,a}')") == "1"
    assert psql("SELECT removed FROM respgres.tag_remove(0, 'k', '{b}')") == "1"
    assert psql("SELECT array_length(tags, 1), stale "
                "FROM respgres.tag_of(0, 'k')") == "2|f"
    client.call("TAG", "SET", "l", "w", "a")
    assert psql("SELECT convert_from(key, 'UTF8'), type, "
                "convert_from(value, 'UTF8'), stale, next_cursor "
                "FROM respgres.tag_get(0, '{a}')") == (
        "k|string|v|f|0\nl|string|w|f|0")
    assert psql("SELECT respgres.tag_count(0, '{a,c}', match_all => true), "
                "respgres.tag_count(0, '{a}', without => '{c}')") == "1|1"
    assert psql("SELECT convert_from(tag, 'UTF8'), entries, bytes "
                "FROM respgres.tag_list(0)") == "a|2|4\nc|1|2"
    assert psql("SELECT convert_from(tag, 'UTF8') FROM respgres.tag_list(0, "
                "after => 'a')") == "c"
    assert psql("SELECT respgres.tag_touch(0, '{a}', 500)") == "2"
    assert client.call("TTL", "l") == 500
    assert psql("SELECT entries FROM respgres.tag_info(0)") == "2"
    assert psql("SELECT entries FROM respgres.tag_top(0, 1)") == "2"
    token = psql("SELECT respgres.tag_lease(0, '{a}')")
    assert psql("SELECT respgres.tag_invalidate(ARRAY['a'], soft => true)"
                ) == "2"
    assert psql(f"SELECT done FROM respgres.tag_set(0, 'n', 'v', '{{a}}', "
                f"lease => '{token}')") == "f"
    assert psql("SELECT respgres.tag_invalidate(ARRAY['a', 'c'], "
                "match_all => true)") == "1"
    assert client.call("EXISTS", "k", "l") == 1
    many = ",".join(f"t{n}" for n in range(1001))
    assert "at most 1000" in psql(
        f"SELECT error FROM respgres.tag_set(0, 'n', 'v', '{{{many}}}')")


def test_invalidation_commits_with_the_data(server):
    server.psql("""
        CREATE TABLE products (id int PRIMARY KEY, category text, name text);
        INSERT INTO products VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, NULL, '')
        """)
    name = server.psql("SELECT respgres.tag_on_change('products', "
                       "'product:{id}')")
    server.psql("SELECT respgres.tag_on_change('products', "
                "'category:{category}:all')")
    client = Connection(server.port)

    def fill():
        for n in (1, 2, 3):
            client.call("TAG", "SET", f"p{n}", "v", f"product:{n}")
        client.call("TAG", "SET", "a", "v", "category:a:all")
        client.call("TAG", "SET", "b", "v", "category:b:all")

    def left(sql):
        fill()
        server.psql(sql)
        return [name for name in ("p1", "p2", "p3", "a", "b")
                if client.call("EXISTS", name)]

    assert left("UPDATE products SET name = 'z' WHERE id = 1") == [
        "p2", "p3", "b"]
    assert left("BEGIN; UPDATE products SET name = 'z'; ROLLBACK") == [
        "p1", "p2", "p3", "a", "b"]
    # Both what the row was and what it is.
    assert left("UPDATE products SET category = 'b' WHERE id = 1") == [
        "p2", "p3"]
    assert left("DELETE FROM products WHERE id = 3") == ["p1", "p2", "a", "b"]
    assert left("INSERT INTO products VALUES (3, 'a', 'n')") == [
        "p1", "p2", "b"]
    assert left("UPDATE products SET name = 'w'") == []
    # Again is no error, and without a template the primary key counts.
    assert server.psql("SELECT respgres.tag_on_change('products', "
                       "'product:{id}')") == name
    server.psql("CREATE TABLE lines (a int, b int, PRIMARY KEY (b, a)); "
                "SELECT respgres.tag_on_change('lines')")
    client.call("TAG", "SET", "line", "v", "lines:2:1")
    server.psql("INSERT INTO lines VALUES (1, 2)")
    assert client.call("EXISTS", "line") == 0
    for wrong in ("SELECT respgres.tag_on_change('products', '{nothing}')",
                  "CREATE TABLE bare (a int); "
                  "SELECT respgres.tag_on_change('bare')"):
        try:
            server.psql(wrong)
        except subprocess.CalledProcessError:
            continue
        raise AssertionError(wrong)


def test_a_lease_sees_an_open_transaction(server):
    client = Connection(server.port)
    client.call("TAG", "SET", "k", "old", "t")
    session = Psql(server, "SELECT respgres.tag_invalidate(ARRAY['t'])")
    token = client.call("TAG", "LEASE", "t")
    assert client.call("TAG", "SET", "k2", "old", "t", "LEASE", token) is None
    # Others are not kept from storing.
    assert client.call("TAG", "SET", "k3", "v", "t") == b"OK"
    session.process.stdin.write("COMMIT;\n")
    session.end()
    assert client.call("TAG", "SET", "k2", "old", "t", "LEASE", token) is None
    assert client.call("EXISTS", "k", "k2") == 0


def test_older_snapshots_miss_nothing(server):
    client = Connection(server.port)
    client.call("TAG", "SET", "before", "v", "t")
    session = Psql(server, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; "
                   "SELECT count(*) FROM respgres.key")
    client.call("TAG", "SET", "since", "v", "t")
    session.process.stdin.write(
        "SELECT respgres.tag_invalidate(ARRAY['t']); COMMIT;\n")
    session.end()
    assert becomes(lambda: client.call("EXISTS", "before", "since") == 0)
    assert becomes(lambda: number(
        server, "SELECT count(*) FROM respgres.tag_work") == 0)


def psql_as(server, user, sql):
    return subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql,
         server.conninfo.replace("user=respgres", f"user={user}")],
        check=True, capture_output=True, text=True).stdout.rstrip("\n")


def test_rights_without_tables(server):
    psql_as(server, "postgres", "CREATE ROLE shop LOGIN; "
            "CREATE SCHEMA shop AUTHORIZATION shop")
    server.psql("SELECT respgres.grant_functions('shop')")
    shop = functools.partial(psql_as, server, "shop")
    assert shop("SELECT done FROM respgres.tag_set(0, 'k', 'v', '{item:5}')"
                ) == "t"
    shop("""
        CREATE TABLE shop.item (id int PRIMARY KEY, name text);
        SELECT respgres.tag_on_change('shop.item');
        INSERT INTO shop.item VALUES (5, 'x')""")
    assert Connection(server.port).call("EXISTS", "k") == 0
    for wrong in ("SELECT * FROM respgres.tag",
                  "SELECT respgres.step_tag_work(1)"):
        try:
            shop(wrong)
        except subprocess.CalledProcessError:
            continue
        raise AssertionError(wrong)


# --- others in the way ---------------------------------------------------

def test_an_invalidation_holds_up_nobody(server):
    client, other = Connection(server.port), Connection(server.port)
    for n in range(10):
        client.call("TAG", "SET", f"k{n}", "v", "t")
    session = Psql(server, "SELECT FROM respgres.key WHERE key = 'k5' "
                   "FOR UPDATE")
    done = []
    thread = threading.Thread(
        target=lambda: done.append(client.call("TAG", "INVALIDATE", "t")))
    thread.start()
    # What is not held goes, and the rest waits; nobody else does.
    assert becomes(lambda: other.call("TAG", "COUNT", "t") == 1)
    for n in range(100):
        assert other.call("SET", f"other{n}", "v") == b"OK"
    assert other.call("SET", "k1", "new") == b"OK"
    assert not done
    session.end()
    thread.join(60)
    assert done == [10], done
    assert other.call("EXISTS", "k5") == 0
    assert number(server, "SELECT count(*) FROM respgres.tag_work_part") == 0


def test_work_left_by_a_process_goes_on(server):
    client = Connection(server.port)
    client.call("TAG", "MSET", *[word for n in range(3000) for word in (
        f"k{n}", "v", "TAGS", 1, "t")])
    state, count, work = server.psql(
        "SELECT * FROM respgres.start_tag_work(0, '{t}', false, '{}', 'd', "
        "NULL, 100)").split("|")
    assert state == "2" and count == "3000"
    client.call("TAG", "SET", "fresh", "v", "t")
    assert client.call("EXISTS", "k1") == 1
    server.psql("UPDATE respgres.tag_work SET started_at = 0")
    assert becomes(lambda: number(
        server, "SELECT count(*) FROM respgres.tag_work") == 0)
    assert client.call("TAG", "GET", "t") == [b"0", [b"fresh"]]


def test_keys_that_move_meanwhile_are_found(server):
    client = Connection(server.port)
    client.call("SET", "target", "v")
    client.call("TAG", "MSET", *[word for n in range(300) for word in (
        f"k{n}", "v", "TAGS", 1, "t")])
    work = server.psql(
        "SELECT work_id FROM respgres.start_tag_work(0, '{t}', false, '{}', "
        "'d', NULL, 100)")
    client.call("SET", "later", "v")
    client.call("RENAME", "k0", "k-new")
    client.call("RENAME", "k1", "later")  # gets an id of its own
    client.call("EXPIRE", "k2", 1000)
    client.call("DEL", "k3")
    while server.psql(f"SELECT respgres.step_tag_work({work})") != "0":
        pass
    assert client.call("TAG", "COUNT", "t") == 0
    assert client.call("DBSIZE") == 1  # target


def main():
    results = Results()
    alone = [test_databases_of_the_class_cache]
    chosen = sys.argv[1:]
    tests = [test for name, test in list(globals().items())
             if name.startswith("test_") and (not chosen or name in chosen)]
    with Server() as server:
        for test in tests:
            if test not in alone:
                server.client().flushall()
                results.run(functools.partial(test, server))
    for test in tests:
        if test in alone:
            results.run(test)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main())
