/**
 * What 64-bit Node and 32-bit C++ programs see of each other on Windows, a line for each.
 *
 *     node thirty-two-bits.mjs FOLDER      where child.exe, parent.exe, scores.exe and waiting_peer.exe are
 */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { argv } from 'node:process';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  FileMapping,
  getSharedMem,
  NamedEvent,
  NamedMutex,
  NamedSemaphore,
  setSharedMem,
  watchSharedMem,
} from 'dllmemfilemap';

const BOUND = { timeout: 20_000 };
const program = (name) => join(argv[2], `${name}.exe`);
const hexFromText = (text) => Buffer.from(text, 'utf16le').swap16().toString('hex');
const output = async (name, ...args) => (await promisify(execFile)(program(name), args)).stdout.trim();

setSharedMem('of 64 bits');
console.log(await output('child'));
const texts = watchSharedMem({ interval: 2 ** 31 - 1 });
await texts.next();
const announced = texts.next();
await output('parent', program('child'));
console.log(`Announced: ${(await announced).value}, read: ${getSharedMem()}`);
await texts.return();

const mapping = FileMapping.create('Local\\Scores', 65_536);
const total = new Int32Array(mapping.mapView().bytes.buffer);
const mutex = NamedMutex.create('Local\\ScoresLock');
const seats = NamedSemaphore.create('Local\\ScoresSeats', { initial: 1, maximum: 2 });
const changed = NamedEvent.create('Local\\ScoresChanged');
const lock = await mutex.acquire(BOUND);
const scores = output('scores');
while (seats.tryAcquire()) {
  seats.release();
  await nextTurn();
}
console.log(`In its seat, while this has the mutex: ${total[0]}`);
lock.release();
await changed.wait(BOUND);
console.log(`${await scores}: ${total[0]}`);

const owner = spawn(program('waiting_peer'));
owner.stdin.write(`mutex ${hexFromText(mutex.name)}\nwait 0\n`);
const answers = createInterface({ input: owner.stdout })[Symbol.asyncIterator]();
for (const expected of ['ready', 'ok', 'ok']) {
  const { value } = await answers.next();
  if (value !== expected) throw new Error(`The owner says ${value}`);
}
const taken = mutex.acquire(BOUND);
owner.kill();
console.log(`After an owner that was killed: ${(await taken).abandoned ? 'abandoned' : 'released'}`);
