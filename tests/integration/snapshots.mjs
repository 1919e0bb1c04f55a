// SNAPSHOT over npm's redis and ioredis, whose replies are maps in RESP3 and flat arrays in RESP2.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, connectRedis, load, startServer } from '../support/server.mjs';

const Redis = load('ioredis');
let server;

before(async () => {
  server = await startServer();
});

after(() => server.stop());

for (const RESP of [2, 3]) {
  test(`RESP${RESP}: every subcommand answers`, async () => {
    const client = await connectRedis(server, RESP);
    const agent = `node${RESP}`;
    const snapshot = (...words) => client.sendCommand(['SNAPSHOT', ...words]);
    try {
      const first = await snapshot('CREATE', agent, 'META', '{"n": 1}', 'DATA', `{"p": ${RESP}, "a": [1, 2]}`);
      const second = await snapshot('CREATE', agent, 'PARENT', first, 'PIN', 'DATA', `{"p": ${RESP}, "a": [1, 3]}`);
      const facts = asObject(await snapshot('GET', second));
      assert.equal(facts.data, `{"p": ${RESP}, "a": [1, 3]}`);
      assert.equal(facts.pinned, RESP === 3 ? true : 1);
      assert.equal(facts.parent, first);
      assert.equal(facts.keys, null);
      assert.ok(Number(facts.ratio) > 0);
      assert.equal(await snapshot('GET', first, 'AT', '$.a[1]'), '2');
      const difference = asObject(await snapshot('DIFF', first, second));
      assert.deepEqual(JSON.parse(difference.patch), [{ op: 'replace', path: '/a/1', value: 3 }]);
      const [cursor, rows] = await snapshot('LIST', 'AGENT', agent, 'COUNT', '1');
      assert.equal(cursor, second);
      assert.equal(asObject(rows[0]).id, second);
      assert.deepEqual((await snapshot('TREE', agent))[1].map((row) => asObject(row).depth), [0, 1]);
      await client.mSet({ [`${agent}:x`]: '1', [`${agent}:y`]: 'walrus' });
      await client.zAdd(`${agent}:z`, { score: 1.5, value: 'm' });
      const keys = await snapshot('CREATE', agent, 'KEYS', `${agent}:*`);
      assert.equal((await snapshot('KEYS', keys))[1].length, 3);
      assert.deepEqual(
        Object.keys(asObject(asObject(await snapshot('GET', keys, 'AT', `${agent}:z`)).value)), ['m']);
      await client.del(`${agent}:x`);
      assert.equal(asObject(await snapshot('RESTORE', keys, 'REPLACE')).replaced, 2);
      assert.equal(await client.get(`${agent}:x`), '1');
      const [hit] = await snapshot('SEARCH', 'walrus', 'AGENT', agent);
      assert.match(asObject(hit).excerpt, /<b>walrus<\/b>/);
      const fork = await snapshot('FORK', first, `${agent}b`);
      assert.equal(asObject(await snapshot('STATS', 'AGENT', `${agent}b`)).snapshots, 1);
      assert.equal(await snapshot('POLICY', agent, 'KEEP', '9', 'OLDER', '60'), 'OK');
      assert.equal(asObject(await snapshot('POLICY', agent)).older, 60);
      assert.equal(await snapshot('UNPIN', second), 1);
      assert.equal(await snapshot('PIN', second), 1);
      assert.equal(asObject(await snapshot('CLEANUP', 'AGENT', agent, 'KEEP', '0')).deleted, 1);
      assert.equal(await snapshot('DELETE', first, second, fork), 3);
      assert.ok((await snapshot('HELP')).length > 10);
      await assert.rejects(snapshot('GET', first), /ERR no such snapshot/);
    } finally {
      client.destroy();
    }
  });
}

test('blobs pass through ioredis', async () => {
  const client = new Redis({ port: server.port, host: '127.0.0.1', lazyConnect: true });
  await client.connect();
  try {
    const data = Buffer.from(Array.from({ length: 70000 }, (_, i) => (i * 7) % 256));
    const id = await client.call('SNAPSHOT', 'CREATE', 'io', 'DATA', data);
    const blob = await client.callBuffer('SNAPSHOT', 'EXPORT', id);
    const imported = await client.call('SNAPSHOT', 'IMPORT', blob, 'AGENT', 'other');
    const reply = await client.callBuffer('SNAPSHOT', 'GET', imported);
    assert.ok(reply.at(-1).equals(data));
  } finally {
    client.disconnect();
  }
});
