// TAG over npm's redis and ioredis.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asObject, connectRedis, load, startServer } from '../support/server.mjs';

const { Redis } = load('ioredis');
let server;

before(async () => {
  server = await startServer();
});

after(() => server.stop());

// Every subcommand, whatever the client; `tag` sends one.
async function play(tag, flag) {
  assert.equal(await tag('SET', 'page:1', 'one', 'pages', 'user:7', 'EX', '100'), 'OK');
  assert.equal(await tag('SET', 'page:1', 'two', 'pages', 'NX'), null);
  assert.equal(await tag('MSET', 'page:2', 'two', 'PX', '50000', 'TAGS', '1', 'pages',
    'page:3', 'three', 'TAGS', '2', 'pages', 'user:8'), 'OK');
  assert.deepEqual(asObject(await tag('OF', 'page:1')), { tags: ['pages', 'user:7'], stale: flag(false) });
  assert.deepEqual(await tag('GET', 'pages', 'NOT', 'user:8'), ['0', ['page:1', 'page:2']]);
  assert.deepEqual(await tag('GET', 'pages', 'user:8', 'ALL', 'WITHVALUES'),
    ['0', [['page:3', 'string', 'three', flag(false)]]]);
  assert.equal(await tag('COUNT', 'pages'), 3);
  assert.equal(await tag('ADD', 'page:2', 'user:8', 'pages'), 1);
  assert.equal(await tag('REM', 'page:2', 'user:8', 'user:9'), 1);
  const [cursor, tags] = await tag('LIST', 'MATCH', 'user:*');
  assert.equal(cursor, '0');
  assert.deepEqual(tags.map(asObject), [
    { tag: 'user:7', entries: 1, bytes: 9 }, { tag: 'user:8', entries: 1, bytes: 11 }]);
  assert.equal(await tag('TOUCH', 'user:7', 'user:8', '1000'), 2);
  assert.equal(asObject(await tag('INFO')).entries, 3);
  const token = await tag('LEASE', 'pages');
  assert.equal(await tag('SET', 'page:4', 'four', 'pages', 'LEASE', token), 'OK');
  assert.equal(await tag('INVALIDATE', 'pages', 'SOFT', 'NOT', 'user:7'), 3);
  assert.equal(await tag('SET', 'page:4', 'four', 'pages', 'LEASE', token), null);
  assert.equal(asObject(await tag('OF', 'page:4')).stale, flag(true));
  assert.equal(await tag('INVALIDATE', 'pages'), 4);
  assert.ok((await tag('HELP')).length > 10);
  await assert.rejects(tag('GET', 'NOT', 'x'), /expected at least one tag before NOT/);
}

for (const RESP of [2, 3]) {
  test(`redis, RESP${RESP}`, async () => {
    const client = await connectRedis(server, RESP);
    try {
      await play((...words) => client.sendCommand(['TAG', ...words]),
        (value) => (RESP === 3 ? value : Number(value)));
    } finally {
      client.destroy();
    }
  });
}

test('ioredis', async () => {
  const client = new Redis(server.port, '127.0.0.1');
  try {
    await play((...words) => client.call('TAG', ...words), Number);
  } finally {
    client.disconnect();
  }
});
