// SESSION over npm's redis, whose replies are maps in RESP3 and flat arrays in RESP2.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, connectRedis, startServer } from '../support/server.mjs';

let server;

before(async () => {
  server = await startServer();
});

after(() => server.stop());

for (const RESP of [2, 3]) {
  test(`RESP${RESP}: every subcommand answers`, async () => {
    const client = await connectRedis(server, RESP);
    const session = (...words) => client.sendCommand(['SESSION', ...words]);
    try {
      const made = asObject(await session(
        'CREATE', 'USER', 'alice', 'TTL', '600', 'GENERATE', 'AGENT', 'node', 'DEVICE', 'server',
        'LIMIT', '1', 'EVICT', 'DATA', 'role', 'admin'));
      assert.equal(made.id.length, 43);
      const found = asObject(await session('GET', made.id));
      assert.equal(found.user, 'alice');
      assert.deepEqual(asObject(found.data), { role: 'admin' });
      assert.equal(asObject(await session('TOKEN', made.token)).id, made.id);
      assert.equal(await session('SET', made.id, 'cart', '3'), 1);
      assert.deepEqual(asObject(await session('GET', made.id, 'FIELDS', 'cart')), { cart: '3' });
      assert.equal(await session('UNSET', made.id, 'cart'), 1);
      assert.equal(await session('EXISTS', made.id, 'none'), 1);
      assert.equal(await session('TOUCH', made.id), 1);
      assert.ok(await session('EXTEND', made.id, '60') > 600);
      const [cursor, rows] = await session('LIST', 'USER', 'alice');
      assert.equal(cursor, '0');
      assert.deepEqual(rows.map((row) => asObject(row).id), [made.id]);
      assert.equal(await session('COUNT', 'ACTIVE', '60'), 1);
      assert.deepEqual(asObject(await session('COUNT', 'BY', 'AGENT')), { node: 1 });
      const rotated = asObject(await session('ROTATE', made.id));
      assert.equal(await session('GET', made.id), null);
      assert.equal(await session('TOKEN', made.token), null);
      assert.equal(asObject(await session('TOKEN', rotated.token)).id, rotated.id);
      const analytics = asObject(await session('ANALYTICS', 'WINDOW', '600'));
      assert.equal(analytics.sessions, 1);
      assert.deepEqual(asObject(analytics.users), { alice: 1 });
      assert.equal(await session('CLEANUP', 'INACTIVE', '60'), 0);
      assert.equal(await session('EVENTS', 'STATUS'), 'off');
      await assert.rejects(session('LIST', 'COUNT', '0'), /COUNT must be 1 to 10000/);
      await assert.rejects(session('BULKDEL', 'EXCEPT', 'x'), /expected IDS or one of/);
      assert.equal(await session('BULKDEL', 'USER', 'alice', 'EXCEPT', rotated.id), 0);
      assert.equal(await session('DEL', rotated.id), 1);
      assert.ok((await session('HELP')).length > 10);
    } finally {
      client.destroy();
    }
  });
}
