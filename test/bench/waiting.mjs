/** Group: taking turns, and waking each other while both sleep. */
import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NamedEvent, NamedMutex, NamedSemaphore } from '../../dist/index.js';
import { programPath } from '../../dist/win32/native-library.js';
import { compare, lowestMedian, progress, quick, row } from './measure.mjs';
import { load } from './peers.mjs';
import { figures, figuresOfLinux, stay } from './programs.mjs';

const GROUP = 'Waiting';
const name = `dllmemfilemap-bench-${process.pid}-waiting`;
const index = new URL('../../dist/index.js', import.meta.url).href;
const partner = fileURLToPath(new URL('partner.mjs', import.meta.url));
const times = (count, make) => Array.from({ length: quick ? 1 : count }, make);

/** Takes a lock file and gives it back. */
function lockFile(folder) {
  const { module, note } = load('proper-lockfile');
  if (note) return { note };
  const path = join(folder, 'locked');
  writeFileSync(path, '');
  return { run: async () => (await module.lock(path, { realpath: false }))() };
}

/** Takes the lock of a file and gives it back. */
function fileLock(folder) {
  const { module, note } = load('fs-native-extensions');
  if (note) return { note };
  const file = openSync(join(folder, 'lock'), 'w+');
  return {
    run() {
      if (!module.tryLock(file)) throw new Error('The lock is taken');
      module.unlock(file);
    },
    close: () => closeSync(file),
  };
}

/** What `await` alone takes. */
async function nothing() {
  return { release() {} };
}

async function alone(folder) {
  progress('a mutex that nobody contends for');
  const cpp = await figures('bench_waiting', 'alone');
  const mutex = NamedMutex.create(`${name}-mutex`);
  const event = NamedEvent.create(`${name}-event`);
  const semaphore = NamedSemaphore.create(`${name}-semaphore`, { initial: 1, maximum: 1 });
  const file = fileLock(folder);
  const rows = await compare([
    { name: 'mutex.tryAcquire and release', kind: 'ours', run: () => mutex.tryAcquire().release() },
    { name: 'await mutex.acquire and release', kind: 'ours', run: async () => (await mutex.acquire()).release() },
    {
      name: 'an async function that does nothing, awaited',
      kind: 'peer',
      run: async () => (await nothing()).release(),
    },
    { name: 'event.set and tryWait', kind: 'ours', run: () => void event.set() ?? event.tryWait() },
    {
      name: 'semaphore.tryAcquire and release',
      kind: 'ours',
      run: () => semaphore.tryAcquire() && semaphore.release(),
    },
    { name: 'fs-native-extensions', kind: 'peer', ...file },
    { name: 'proper-lockfile', kind: 'peer', ...lockFile(folder) },
  ]);
  for (const each of [mutex, event, semaphore, file]) each.close?.();
  return {
    ...{ group: GROUP, title: 'take and give back, alone', unit: 'ns' },
    rows: [
      { name: 'a mutex in C++', kind: 'floor', value: cpp.mutex },
      { name: 'an event in C++', kind: 'ours', value: cpp.event },
      { name: 'a semaphore in C++', kind: 'ours', value: cpp.semaphore },
      ...rows,
    ],
  };
}

/** The two events by which this process and another wake each other. */
class Pair {
  #there = NamedEvent.create(`${name}-there`);
  #back = NamedEvent.create(`${name}-back`);

  async thereAndBack() {
    this.#there.set();
    await this.#back.wait();
  }

  close() {
    this.#there.close();
    this.#back.close();
  }
}

/** Has a process run for as long as something is measured. */
async function beside(child, measure) {
  const ended = once(child, 'exit');
  try {
    return await measure();
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

const pong = () => spawn(programPath('bench_waiting'), ['pong', name], { stdio: 'inherit' });
const asleep = { rounds: 20, milliseconds: 50, isWaking: true };

/** A Unix-domain socket, or on Windows a named pipe, by which a byte goes there and back. */
class Socket {
  #client;
  #arrived;

  async open(path) {
    this.#client = connect(path);
    await once(this.#client, 'connect');
    this.#client.setNoDelay(true);
    this.#client.on('data', () => this.#arrived());
  }

  thereAndBack() {
    return new Promise((resolve) => {
      this.#arrived = resolve;
      this.#client.write('x');
    });
  }

  close() {
    this.#client.destroy();
  }
}

/** Node processes that wake each other by events and by a socket, by turns. */
async function nodeAndNode(folder, pair) {
  const path = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(folder, 'waiting');
  const partners = [fork(partner, ['events', name]), fork(partner, ['socket', path])];
  await Promise.all(partners.map((child) => once(child, 'message')));
  const socket = new Socket();
  await socket.open(path);
  const rows = [
    { name: 'Node and Node, by events', kind: 'ours', run: () => pair.thereAndBack() },
    { name: 'Node and Node, by a Unix-domain socket', kind: 'peer', run: () => socket.thereAndBack() },
  ];
  const measured = await beside(partners[0], () => beside(partners[1], () => compare(rows, asleep)));
  socket.close();
  return measured;
}

async function wakingEachOther(folder) {
  progress('there and back, asleep');
  const pair = new Pair();
  const run = () => pair.thereAndBack();
  const linux = await figuresOfLinux('wake');
  const bare = (name, value) => row(name, 'peer', value, 'measured on Linux alone');
  const cpp = await beside(pong(), () => figures('bench_waiting', 'ping', name));
  const rows = [
    { ...bare('C++ and C++, by a Unix-domain socket', linux.socket), kind: 'floor' },
    bare('C++ and C++, by pipes', linux.pipe),
    bare('C++ and C++, by a futex', linux.futex),
    { name: 'C++ and C++, by events', kind: 'ours', value: cpp['there and back'] },
    ...(await beside(pong(), () => compare([{ name: 'Node and C++, by events', kind: 'ours', run }], asleep))),
    ...(await nodeAndNode(folder, pair)),
  ];
  pair.close();
  return { group: GROUP, title: 'there and back, both asleep', unit: 'ns', rows };
}

/** Waits for so many events that are never set. */
class Waits {
  #never = [];

  constructor(count) {
    for (let i = 0; i < count; i++) {
      const event = NamedEvent.create(`${name}-never-${i}`);
      event.wait().catch(() => {}); // until it is closed
      this.#never.push(event);
    }
  }

  close() {
    for (const event of this.#never) event.close();
  }
}

async function manyWaits(folder) {
  const file = join(folder, 'read');
  writeFileSync(file, 'x'.repeat(4096));
  const waking = [];
  for (const count of [1, 10, 60]) {
    progress(`${count} waits at once`);
    const pair = new Pair();
    const waits = new Waits(count - 1);
    const kind = count === 1 ? 'floor' : 'ours';
    const run = () => pair.thereAndBack();
    waking.push(...(await beside(pong(), () => compare([{ name: `one of ${count} waits`, kind, run }], asleep))));
    waits.close();
    pair.close();
  }
  progress('fs.readFile beside waits');
  let waits;
  const run = () => readFile(file);
  const begin = () => {
    waits = new Waits(60);
  };
  const rows = [
    { name: 'with no wait pending', kind: 'floor', run, before: () => waits?.close() },
    { name: 'with 60 waits pending', kind: 'ours', run, before: begin },
  ];
  const reading = await compare(rows, asleep);
  waits.close();
  return [
    { group: GROUP, title: 'there and back, with other waits pending', unit: 'ns', rows: waking },
    { group: GROUP, title: 'fs.readFile of 4 KiB', unit: 'ns', rows: reading },
  ];
}

/** What a process prints that runs this code. */
async function printed(code) {
  const source = `const { NamedEvent, NamedMutex } = await import(${JSON.stringify(index)}); ${code}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source]);
  return Number(stdout);
}

const FIRST_WAITS = (count) => `
  let took;
  for (let i = 0; i < ${count}; i++) {
    const event = NamedEvent.create(null);
    const start = performance.now();
    const waiting = event.wait();
    event.set();
    await waiting;
    took = performance.now() - start;
  }
  console.log(took);`;

/** Milliseconds of processor time that a process takes in a second of sleep. */
const idle = (prepare) => `
  ${prepare}
  await new Promise((resolve) => setTimeout(resolve, ${quick ? 10 : 1000})); // until all of them sleep
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, ${quick ? 10 : 5000}));
  const { user, system } = process.cpuUsage(before);
  console.log(Math.max(user + system, 1) / ${quick ? 10 : 5000});
  process.exit();`;

async function costOfWaiting() {
  progress('the first wait of a process');
  const first = [];
  const second = [];
  for (const _ of times(9)) {
    first.push(await printed(FIRST_WAITS(1)));
    second.push(await printed(FIRST_WAITS(2)));
  }
  progress('idle');
  const events = 'for (let i = 0; i < 60; i++) NamedEvent.create(null).wait();';
  const mutexes = `for (let i = 0; i < 10; i++) NamedMutex.open('${name}-owned').acquire();`;
  const owner = await stay(programPath('bench_waiting'), ['own', `${name}-owned`]);
  const rows = [];
  for (const [name, kind, prepare] of [
    ['a Node process that waits for a timer', 'floor', ''],
    ['and for 60 events', 'ours', events],
    ['and for a mutex that another process owns', 'ours', mutexes],
  ]) {
    rows.push({ name, kind, value: await printed(idle(prepare)) });
  }
  await owner.end();
  return [
    {
      ...{ group: GROUP, title: 'a wait that sleeps', unit: 'ms' },
      rows: [
        { name: 'the second of a process', kind: 'floor', value: lowestMedian(second, 3) },
        { name: 'the first, which starts the helper thread', kind: 'ours', value: lowestMedian(first, 3) },
      ],
    },
    { group: GROUP, title: 'processor time of a second asleep', unit: 'ms', rows },
  ];
}

/** From the kill of a mutex' owner to its next owner, and to what Node says of its end. */
async function takeover() {
  progress('takeover from a killed owner');
  const mutex = NamedMutex.create(`${name}-taken`);
  const [acquired, ended] = [[], []];
  for (const _ of times(15)) {
    const owner = spawn(programPath('bench_waiting'), ['own', `${name}-taken`], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(owner.stdout, 'data');
    const waiting = mutex.acquire();
    await new Promise((resolve) => setTimeout(resolve, 20)); // until it sleeps
    const start = performance.now();
    owner.kill('SIGKILL');
    await Promise.all([
      waiting.then((lock) => {
        if (!lock.abandoned) throw new Error('The owner was killed, and the mutex is not abandoned');
        acquired.push(performance.now() - start);
        lock.release();
      }),
      once(owner, 'exit').then(() => ended.push(performance.now() - start)),
    ]);
  }
  mutex.close();
  return {
    ...{ group: GROUP, title: 'from the kill of the owner', unit: 'ms' },
    rows: [
      { name: "to Node's event that the process has ended", kind: 'floor', value: lowestMedian(ended) },
      { name: 'to its mutex, acquired as abandoned', kind: 'ours', value: lowestMedian(acquired) },
    ],
  };
}

/** @returns {Promise<import('./measure.mjs').Comparison[]>} */
export async function waiting(folder) {
  return [
    await alone(folder),
    await wakingEachOther(folder),
    ...(await manyWaits(folder)),
    ...(await costOfWaiting()),
    await takeover(),
  ];
}
