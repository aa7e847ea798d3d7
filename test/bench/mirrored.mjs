/**
 * What runs on the two machines of mirroring.mjs:
 *
 *     write text|SECTION SIZE OFFSET whole|part COUNT PAUSE    waits for "watch", and writes the time, so many times
 *     watch text|SECTION SIZE OFFSET                           prints how long each took, in nanoseconds, as JSON
 *     redis PORT                                               does with Redis what a mirror does
 *
 * The time of the system is the same on both. The last one is negative: it arrives, whatever comes of those before.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { FileMapping, loadSharedMem, watchSharedMem } from '../../dist/index.js';
import { load } from './peers.mjs';

const [role, ...args] = process.argv.slice(2);
const now = () => process.hrtime.bigint();
const sizeOf = (time) => (time < 0n ? -time : time);

/** The shared text: 21 characters of time. */
function text() {
  const sharedMem = loadSharedMem();
  const waitFor = async (wanted) => {
    for await (const text of watchSharedMem()) if (text === wanted) return;
  };
  return {
    greet: () => sharedMem.set('watching'),
    greeted: () => waitFor('watching'),
    put: (time) => sharedMem.set((time < 0n ? '-' : '0') + String(sizeOf(time)).padStart(20, '0')),
    async *seen() {
      for await (const text of watchSharedMem()) if (/^[-\d]+$/.test(text)) yield BigInt(text);
    },
  };
}

/** A section, with the time at an offset, and a greeting after it. */
function section(name, size, offset, whole) {
  const mapping = FileMapping.open(name);
  const view = mapping.mapView();
  const memory = view.bytes.subarray(0, size);
  const place = new BigInt64Array(memory.buffer, offset, 2);
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let n = 0;
  // Looks often without keeping a processor busy.
  const pause = () => Atomics.wait(cell, 0, 0, 0.05);
  return {
    greet() {
      place[1]++;
    },
    async greeted() {
      const before = place[1];
      while (place[1] === before) pause();
    },
    put(time) {
      if (whole) memory.fill(++n % 256, 0, offset);
      place[0] = time;
    },
    async *seen() {
      for (let last = place[0]; ; pause()) {
        if (place[0] === last) continue;
        last = place[0];
        yield last;
      }
    },
  };
}

const memoryOf = ([name, size, offset, part]) =>
  name === 'text' ? text() : section(name, Number(size), Number(offset), part === 'whole');

async function write() {
  const memory = memoryOf(args);
  const [count, pause] = args.slice(-2).map(Number);
  console.log('ready');
  await memory.greeted();
  for (let i = 0; i < count; i++) {
    if (pause > 0) await setTimeout(pause);
    else await setImmediate();
    memory.put(i < count - 1 ? now() : -now());
  }
}

async function watch() {
  const memory = memoryOf(args);
  const times = [];
  let first;
  let last;
  memory.greet();
  for await (const time of memory.seen()) {
    last = now();
    first ??= last;
    times.push(Number(last - sizeOf(time)));
    if (time < 0n) break;
  }
  console.log(JSON.stringify({ times, seconds: Number(last - first) / 1e9 }));
}

async function redis() {
  const client = load('redis').module.createClient({ url: `redis://127.0.0.1:${args[0]}` });
  const subscriber = client.duplicate();
  await Promise.all([client.connect(), subscriber.connect()]);
  const sharedMem = loadSharedMem();
  const origin = randomUUID();
  let applied = '';
  await subscriber.subscribe('text', (message) => {
    if (message.startsWith(origin)) return;
    applied = message.slice(origin.length);
    sharedMem.set(applied);
  });
  console.log('ready');
  for await (const text of watchSharedMem()) if (text !== applied) void client.publish('text', origin + text);
}

await { write, watch, redis }[role]();
process.exit();
