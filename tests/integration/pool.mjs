// POOL over npm's redis, whose replies are maps in RESP3 and flat arrays in RESP2.
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
    const pool = (...words) => client.sendCommand(['POOL', ...words]);
    try {
      await client.set('key', 'value');
      const stats = asObject(await pool('STATS', 'point'));
      const point = asObject(stats.classes[0]);
      assert.equal(point.class, 'point');
      assert.ok(Number(point.total_call_count) >= 1);
      assert.equal(stats.paused, RESP === 3 ? false : 0);
      assert.equal(asObject(await pool('INFO')).role, 'primary');
      assert.ok((await pool('DIAGNOSTICS')).some((one) => asObject(one).class === 'point'));
      assert.equal(asObject(await pool('RESIZE', 'point', '3', '3')).after, 3);
      assert.equal(await pool('PAUSE'), 'OK');
      const held = client.duplicate();
      held.on('error', () => {});
      await held.connect();
      const value = held.get('key');
      assert.equal(await pool('RESUME'), 'OK');
      assert.equal(await value, 'value');
      held.destroy();
      assert.ok(await pool('RECONNECT') >= 3);
      assert.ok(await pool('TERMINATE', 'IDLE', '0') >= 1);
      assert.ok(Array.isArray(await pool('RECOMMEND', 'IDLE', '0')));
      assert.equal(await pool('AUTOTUNE', 'ON'), 'OK');
      assert.equal(asObject(await pool('AUTOTUNE', 'STATUS')).autotune, 'on');
      assert.equal(await pool('AUTOTUNE', 'OFF'), 'OK');
      assert.ok((await pool('HELP')).length > 10);
      await assert.rejects(pool('RESIZE', 'point', '2', '1'), /min must be 1 to max/);
      assert.equal(asObject(await pool('RESIZE', 'point', '1', '2')).after, 2);
      assert.equal(await client.get('key'), 'value');
    } finally {
      client.destroy();
    }
  });
}
