// Servers for tests in Node.js: see fixture.h, whose behaviour this repeats.
//
//   import { load, startServer } from '../support/server.mjs';
//   import { test, after } from 'node:test';
//
//   const { Redis } = load('ioredis');
//   const server = await startServer();
//   after(() => server.stop());

import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 90_000;
const STOP_MS = 60_000;

// A package from the folder that `make` fills from package-lock.json.
export function load(name) {
  const modules = process.env.NODE_MODULES ?? path.resolve('build/node_modules');
  return createRequire(path.join(modules, 'tests.cjs'))(name);
}

// npm's redis, connected; it does not come back when it is cut off.
export async function connectRedis(server, RESP, options = {}) {
  const client = load('redis').createClient({
    RESP, socket: { port: server.port, host: '127.0.0.1', reconnectStrategy: false }, ...options,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

// A map of either protocol as an object.
export function asObject(reply) {
  if (!Array.isArray(reply)) return reply instanceof Map ? Object.fromEntries(reply) : { ...reply };
  return Object.fromEntries(
    Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]));
}

function canListen(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

async function findPort() {
  for (;;) {
    const port = 10000 + Math.floor(Math.random() * 20000);
    if (await canListen(port)) return port;
  }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('data', (data) => end(/^(\+PONG|-NOAUTH)/.test(String(data))));
  });
}

// Starts a server with a database of its own, or on that of conninfo
// `postgres`; `args` go to its command line.
export async function startServer({ args = [], postgres } = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'respgres-test-'));
  chmodSync(directory, 0o711);
  const port = await findPort();
  const logName = path.join(directory, 'respgres.log');
  const log = openSync(logName, 'a');
  const environment = { ...process.env };
  delete environment.DATABASE_URL;
  const child = spawn(
    path.resolve(process.env.RESPGRES_BINARY ?? 'build/respgres'),
    ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory,
      ...(postgres ? ['--postgres', postgres] : []), ...args],
    { cwd: directory, env: environment, stdio: ['ignore', log, log] });
  const ended = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code));
    child.once('error', (error) => resolve(String(error)));
  });
  let status;
  ended.then((value) => { status = value; });
  // Node.js cannot ask for the child's end with its own in other ways.
  const onExit = () => child.kill('SIGTERM');
  process.once('exit', onExit);

  const remove = () => rmSync(directory,
    { recursive: true, force: true, maxRetries: 100, retryDelay: 20 });
  const fail = (message) => {
    const text = readFileSync(logName, 'utf8').slice(-4000);
    child.kill('SIGKILL');
    remove();
    throw new Error(`the server ${message}\n${text}`);
  };

  const deadline = Date.now() + START_MS;
  while (!(await answers(port))) {
    if (status !== undefined) fail(`ended at its start, ${status}`);
    if (Date.now() > deadline) fail('does not answer');
    await sleep(10);
  }

  return {
    port,
    directory,
    conninfo: postgres ?? `host=${directory}/respgres-data/run port=5432 ` +
      'user=respgres dbname=respgres',
    async stop() {
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })]);
      process.removeListener('exit', onExit);
      if (status !== 0) fail(`ended with status ${status}`);
      remove();
    },
  };
}
