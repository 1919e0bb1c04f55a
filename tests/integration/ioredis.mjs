// npm's ioredis against a running server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { load, startServer } from '../support/server.mjs';

const { Redis } = load('ioredis');
let server;
let client;

before(async () => {
  server = await startServer();
  client = new Redis(server.port, '127.0.0.1');
});

after(async () => {
  client.disconnect();
  await server.stop();
});

test('values are binary', async () => {
  const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  assert.equal(await client.set(value, value), 'OK');
  assert.deepEqual(await client.getBuffer(value), value);
});

test('SET takes its options', async () => {
  assert.equal(await client.set('option', '1', 'EX', 100, 'NX'), 'OK');
  assert.equal(await client.set('option', '2', 'EX', 100, 'NX'), null);
  assert.equal(await client.set('option', '2', 'KEEPTTL', 'GET'), '1');
  const seconds = await client.ttl('option');
  assert.ok(seconds > 95 && seconds <= 100, `TTL is ${seconds}`);
});

test('a pipeline answers in order', async () => {
  const pipeline = client.pipeline();
  for (let i = 0; i < 500; i++) pipeline.incr('count');
  const replies = await pipeline.exec();
  assert.deepEqual(replies, replies.map((_, i) => [null, i + 1]));
  assert.equal(replies.length, 500);
});

test('an error belongs to its command', async () => {
  await client.set('text', 'abc');
  const [incremented, read] = await client.pipeline().incr('text').get('text').exec();
  assert.match(incremented[0].message, /^ERR value is not an integer/);
  assert.deepEqual(read, [null, 'abc']);
});

test('scanStream finds every key', async () => {
  const names = Array.from({ length: 300 }, (_, i) => `scan:${i}`);
  await client.mset(names.flatMap((name) => [name, '']));
  const found = new Set();
  for await (const keys of client.scanStream({ match: 'scan:*', count: 10 })) {
    for (const key of keys) found.add(key);
  }
  assert.deepEqual([...found].sort(), names.sort());
});

test('a connection can choose its database', async () => {
  const other = new Redis(server.port, '127.0.0.1', { db: 3 });
  try {
    await other.set('only-in-3', 'x');
    assert.equal(await client.exists('only-in-3'), 0);
    assert.equal(await other.exists('only-in-3'), 1);
  } finally {
    other.disconnect();
  }
});
