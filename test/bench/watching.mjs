/** Group 4: a text goes to another process, which sleeps until it is there, and what that costs while none comes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { getSharedMem, setSharedMem, watchSharedMem } from '../../dist/index.js';
import { median, progress, quick } from './measure.mjs';

const writer = fileURLToPath(new URL('watched-writer.mjs', import.meta.url));
const ROUNDS = quick ? 1 : 6;
const TEXTS = quick ? 3 : 100; // a round

/** In nanoseconds, the same clock in all processes. The writer sends when it has sent. */
const now = () => process.hrtime.bigint();
const sinceSent = (text) => Number(now() - BigInt(text));

/** Starts a writer, and has it write so many texts. */
async function write(args, count) {
  const child = fork(writer, [...args, String(count)]);
  await once(child, 'exit');
}

/** The latencies of texts that come through a Unix-domain socket. */
async function bySocket(path) {
  const times = [];
  const server = createServer((connection) => connection.on('data', (text) => times.push(sinceSent(text))));
  server.listen(path);
  await once(server, 'listening');
  return { times, args: ['socket', path], close: () => server.close() };
}

/** The latencies of texts that so many watchers see, those of the slowest watcher for each text. */
function byWatchers(count) {
  const seen = new Map();
  const times = [];
  const controller = new AbortController();
  const watch = async () => {
    for await (const text of watchSharedMem({ signal: controller.signal, interval: 60_000 })) {
      if (!/^\d+$/.test(text)) continue;
      const time = sinceSent(text);
      const others = (seen.get(text) ?? 0) + 1;
      seen.set(text, others);
      if (others === count) times.push(time);
    }
  };
  const ended = Array.from({ length: count }, () => watch().catch(() => {}));
  return {
    times,
    args: ['text'],
    async close() {
      controller.abort();
      await Promise.all(ended);
    },
  };
}

/** The processor time that watching takes while no text comes, in milliseconds a second. */
async function idle() {
  const controller = new AbortController();
  const ended = (async () => {
    for await (const _ of watchSharedMem({ signal: controller.signal }));
  })().catch(() => {});
  await setTimeout(quick ? 1 : 500);
  const before = process.cpuUsage();
  const seconds = quick ? 0.01 : 3;
  await setTimeout(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  controller.abort();
  await ended;
  return (user + system) / 1000 / seconds;
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function watching(folder) {
  getSharedMem();
  const path = join(folder, 'watched');
  const ways = [
    { name: 'a Unix-domain socket', kind: 'floor', start: () => bySocket(path), times: [] },
    { name: 'watchSharedMem', kind: 'ours', start: () => byWatchers(1), times: [] },
    { name: 'watchSharedMem, the last of four watchers', kind: 'ours', start: () => byWatchers(4), times: [] },
  ];
  const measured = ways.filter(({ kind }) => process.platform !== 'win32' || kind !== 'floor');
  progress('a change seen by another process');
  for (let round = 0; round < ROUNDS; round++) {
    for (const { start, times } of measured) {
      const way = await start();
      await write(way.args, TEXTS);
      await way.close();
      times.push(...way.times);
    }
  }
  const rows = ways.map((way) => ({
    name: way.name,
    kind: way.kind,
    ...(measured.includes(way) ? { value: median(way.times) } : { note: 'not on Windows' }),
  }));
  setSharedMem('');
  progress('idle watcher');
  return [
    {
      group: 'Watching',
      title: 'text of 21 characters until another process has it',
      unit: 'ns',
      rows,
    },
    {
      group: 'Watching',
      title: 'processor time a second of a watcher while nothing changes',
      unit: 'ms',
      rows: [{ name: 'watchSharedMem', kind: 'ours', value: await idle() }],
    },
  ];
}
