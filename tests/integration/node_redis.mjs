// npm's redis, over RESP2 and RESP3, against a running server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectRedis, startServer } from '../support/server.mjs';

let server;

before(async () => {
  server = await startServer();
});

after(() => server.stop());

for (const RESP of [2, 3]) {
  const withClient = async (use, options = {}) => {
    const client = await connectRedis(server, RESP, options);
    try {
      await client.flushAll();
      await use(client);
    } finally {
      client.destroy();
    }
  };

  test(`RESP${RESP}: strings and expiry`, () => withClient(async (client) => {
    assert.equal(await client.set('key', 'value', { expiration: { type: 'EX', value: 100 } }), 'OK');
    assert.equal(await client.get('key'), 'value');
    assert.equal(await client.getDel('key'), 'value');
    assert.equal(await client.get('key'), null);
    assert.equal(await client.incrBy('count', 5), 5);
    assert.deepEqual(await client.mGet(['count', 'absent']), ['5', null]);
  }));

  test(`RESP${RESP}: commands sent together answer in order`, () => withClient(async (client) => {
    const replies = await Promise.all(Array.from({ length: 500 }, () => client.incr('count')));
    assert.deepEqual(replies, replies.map((_, i) => i + 1));
  }));

  test(`RESP${RESP}: an error is an exception`, () => withClient(async (client) => {
    await client.set('text', 'abc');
    await assert.rejects(client.incr('text'), /ERR value is not an integer/);
    await assert.rejects(client.sendCommand(['NOSUCHCOMMAND']), /ERR unknown command/);
  }));

  test(`RESP${RESP}: CONFIG GET is a map`, () => withClient(async (client) => {
    const config = await client.configGet('port');
    assert.equal(config.port, String(server.port));
  }));

  test(`RESP${RESP}: the name and database are set at the start`, () => withClient(async (client) => {
    assert.equal(await client.clientGetName(), 'tester');
    assert.equal((await client.clientInfo()).db, 5);
  }, { name: 'tester', database: 5 }));
}
