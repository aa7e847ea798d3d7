/** Group 7: what is written on one machine until another has it. As root: machines are mount namespaces. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CLI, hasMachines, Machine } from '../mirror/machine.mjs';
import { freePort, hasServer, Server } from '../mirror/server.mjs';
import { median, progress, quick } from './measure.mjs';
import { load } from './peers.mjs';

const program = fileURLToPath(new URL('mirrored.mjs', import.meta.url));
const ROUNDS = quick ? 1 : 3;
const MIB = 2 ** 20;
const LARGE = 16 * MIB;

/** What is written where: the arguments of mirrored.mjs. */
const TEXT = ['text', '0', '0', 'part'];
const SMALL = ['Local\\Small', '4096', '0', 'part'];
const ONE_CHUNK = ['Local\\Large', `${LARGE}`, `${LARGE - 16}`, 'part'];
const WHOLE = [...ONE_CHUNK.slice(0, 3), 'whole'];

/** Starts a program on both machines, and waits until both have said that they are ready. */
async function onBoth(machines, ...command) {
  const started = machines.map((machine) => machine.start(process.execPath, ...command));
  await Promise.all(started.map((child) => Promise.race([once(child.process.stdout, 'data'), failed(child)])));
  return started;
}

async function failed(child) {
  await child.end();
  throw new Error(`A mirror ended: ${child.stderr}`);
}

/** Has one machine write so often, and returns what the other has seen. */
async function exchange([one, other], memory, count, pause) {
  const writer = one.start(process.execPath, program, 'write', ...memory, `${count}`, `${pause}`);
  await once(writer.process.stdout, 'data');
  const { stdout, stderr } = await other.run(process.execPath, program, 'watch', ...memory);
  await writer.end();
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

/** The lowest of the rounds' medians, and of their 99th percentiles, in milliseconds. */
async function latency(machines, memory, count, pause) {
  const medians = [];
  const p99s = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { times } = await exchange(machines, memory, quick ? 3 : count, pause);
    const sorted = times.sort((a, b) => a - b);
    medians.push(median(sorted) / 1e6);
    p99s.push(sorted[Math.floor(sorted.length * 0.99)] / 1e6);
  }
  return { median: Math.min(...medians), p99: Math.min(...p99s) };
}

/** How many of the changes that come as fast as they can the other machine sees, a second. */
async function throughput(machines, memory) {
  const rates = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { times, seconds } = await exchange(machines, memory, quick ? 1000 : 100_000, 0);
    // With --quick there may be one alone.
    rates.push(times.length / Math.max(seconds, 0.001));
  }
  return Math.max(...rates);
}

/** The processor time of all threads of a process so far, in milliseconds. */
function processorTime({ process: { pid } }) {
  const times = readdirSync(`/proc/${pid}/task`).map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

/** What a mirror takes while nothing changes, in milliseconds a second. */
async function idle(mirror) {
  // It looks less often once nothing has changed for a second.
  await setTimeout(quick ? 1 : 2500);
  const before = processorTime(mirror);
  const seconds = quick ? 0.5 : 5;
  await setTimeout(seconds * 1000);
  return (processorTime(mirror) - before) / seconds;
}

async function redisServer(folder) {
  const { note } = load('redis');
  if (note) return { note: `the client is ${note}` };
  const port = await freePort();
  const server = spawn('redis-server', ['--port', `${port}`, '--save', '', '--dir', folder], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    await once(server, 'spawn');
  } catch {
    return { note: 'redis-server is not installed' };
  }
  for (let said = ''; !/ready to accept connections/i.test(said); ) said += await once(server.stdout, 'data');
  server.stdout.resume();
  return { port, close: () => server.kill('SIGKILL') };
}

/** What is measured: the rows of each table. */
class Tables {
  medians = [];
  p99s = [];
  rates = [];
  larges = [];
  idles = [];

  addLatency(name, kind, note, { median, p99 } = {}) {
    this.medians.push({ name, kind, note, value: median });
    this.p99s.push({ name, kind, note, value: p99 });
  }

  /** @returns {import('./measure.mjs').Comparison[]} */
  toComparisons() {
    return [
      ['set here to seen on another machine', 'ms', this.medians],
      ['the same, the 99th percentile', 'ms', this.p99s],
      ['changes a second that another machine sees', '/s', this.rates],
      ['16 MiB, set here to seen on another machine', 'ms', this.larges],
      ['processor time a second of a mirror while nothing changes', 'ms', this.idles],
    ]
      .filter(([, , rows]) => rows.length > 0)
      .map(([title, unit, rows]) => ({ group: 'Mirroring', title, unit, rows }));
  }
}

/** How fast the smallest changes come, and how many. */
async function measureSmall(tables, machines, name, kind, memory) {
  tables.addLatency(name, kind, undefined, await latency(machines, memory, 300, 3));
  tables.rates.push({ name, kind, value: await throughput(machines, memory) });
}

async function measureLarge(tables, machines) {
  for (const [name, memory, count, pause] of [
    ['one chunk of 64 KiB changed', ONE_CHUNK, 30, 50],
    ['all of it changed', WHOLE, 4, 700],
  ]) {
    const { median } = await latency(machines, memory, count, pause);
    tables.larges.push({ name, kind: 'ours', value: median });
  }
}

const end = (children) => Promise.all(children.map((child) => child.kill()));

async function measureRedis(tables, machines, folder) {
  const name = 'Redis pub/sub';
  const { note, port, close } = await redisServer(folder);
  if (note) {
    tables.addLatency(name, 'peer', note);
    tables.rates.push({ name, kind: 'peer', note });
    return;
  }
  const bridges = await onBoth(machines, program, 'redis', `${port}`);
  await measureSmall(tables, machines, name, 'peer', TEXT);
  await end(bridges);
  close();
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function mirroring(folder) {
  const tables = new Tables();
  if (!hasServer || !hasMachines) {
    const note = 'needs nats-server, and root';
    for (const name of ['the shared text', 'a section of 4 KiB']) tables.addLatency(name, 'ours', note);
    return tables.toComparisons();
  }
  const server = await Server.start();
  const machines = [await Machine.start(), await Machine.start()];
  try {
    progress('a text on another machine, by Redis');
    await measureRedis(tables, machines, folder);
    for (const [name, memory, ...options] of [
      ['the shared text', TEXT],
      ['a section of 4 KiB', SMALL, '--size', '4096', SMALL[0]],
      ['a section of 16 MiB', ONE_CHUNK, '--size', `${LARGE}`, ONE_CHUNK[0]],
    ]) {
      progress(`${name} on another machine`);
      const mirrors = await onBoth(machines, CLI, 'mirror', server.url, ...options);
      tables.idles.push({ name, kind: 'ours', value: await idle(mirrors[0]) });
      if (memory === ONE_CHUNK) await measureLarge(tables, machines);
      else await measureSmall(tables, machines, name, 'ours', memory);
      await end(mirrors);
    }
  } finally {
    for (const machine of machines) await machine.close();
    await server.close();
  }
  return tables.toComparisons();
}
