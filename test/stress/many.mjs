/**
 * Named memory among many processes, and much of it:
 *
 *     npm run stress:many                     takes twelve minutes, and 6 GiB of memory
 *     npm run stress:many -- --seconds N      has readers follow a publisher for N seconds instead of 600
 *     npm run stress:many -- --part N         an Nth of the processes and of the memory
 *
 * Ends with 1 at the first promise that is not kept.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FileMapping, setSharedMem } from '../../dist/index.js';
import { programPath } from '../../dist/win32/native-library.js';
import { hexFromText } from './process.mjs';

const MEBIBYTE = 2 ** 20;
const GROWTH = 16 * MEBIBYTE;
const TEXT_SECONDS = 60;

const options = { seconds: { type: 'string', default: '600' }, part: { type: 'string', default: '1' } };
const { values } = parseArgs({ options });
const seconds = Number(values.seconds);
const shareOf = (count) => Math.max(2, Math.round(count / Number(values.part)));
const name = `dllmemfilemap-many-${process.pid}`;
/** The command by which a mapping_peer opens the section. */
const OPEN = `open ${hexFromText(name)} read`;
const oneOfMany = fileURLToPath(new URL('one-of-many.mjs', import.meta.url));

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const milliseconds = (time) => `${time.toPrecision(3)} ms`;

/** A process, whose lines of output are awaited one by one. */
class Member {
  constructor(command, ...args) {
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = once(this.process, 'exit');
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async line() {
    const { value } = await this.lines.next();
    if (value === undefined) throw new Error(`A process ended with ${await this.ended}`);
    return value;
  }

  async ask(command) {
    this.process.stdin.write(`${command}\n`);
    const answer = await this.line();
    if (!answer.startsWith('ok')) throw new Error(`${command}: ${answer}`);
    return answer;
  }

  kill() {
    this.process.kill('SIGKILL');
    return this.ended;
  }
}

const started = [];
process.on('exit', () => {
  for (const member of started) member.kill();
});

function start(count, ...command) {
  const members = Array.from({ length: count }, () => new Member(...command));
  started.push(...members);
  return members;
}

const each = (members, call) => Promise.all(members.map(call));

/** Has programs of one-of-many.mjs begin at the same time, and returns what they have seen. */
async function run(members, onBegin = () => {}) {
  await each(members, (member) => member.line());
  onBegin();
  for (const member of members) member.process.stdin.write('\n');
  return each(members, async (member) => JSON.parse(await member.line()));
}

async function comeAndGo() {
  const text = 'This is a test string';
  setSharedMem(text);
  const count = shareOf(200);
  const times = [];
  for (let round = 0; round < 5; round++) {
    const begin = performance.now();
    const members = start(count, programPath('child'));
    for (const line of await each(members, (member) => member.line())) {
      if (!line.endsWith(`: ${text}`)) throw new Error(`A process read ${line}`);
    }
    const ends = await each(members, ({ ended }) => ended);
    if (ends.some(([status]) => status !== 0)) throw new Error(`Processes ended with ${ends}`);
    times.push(performance.now() - begin);
  }
  return `${count} processes that attach, read and leave at the same time: ${milliseconds(median(times))} for all of them`;
}

async function holdOne() {
  const mapping = FileMapping.create(name, 4096);
  const members = start(shareOf(1000), programPath('mapping_peer'));
  await each(members, (member) => member.line());
  await each(members, (member) => member.ask(OPEN));
  const times = [];
  for (let i = 0; i < 101; i++) {
    const begin = performance.now();
    FileMapping.open(name).close();
    times.push(performance.now() - begin);
  }
  mapping.close();
  FileMapping.open(name).close(); // the others have it
  await each(members, (member) => member.kill());
  try {
    FileMapping.open(name);
  } catch (error) {
    if (error.code !== 'ERROR_FILE_NOT_FOUND') throw error;
    return `one section that ${members.length} processes have open: one more opens and closes it in ${milliseconds(median(times))}; gone once all were killed`;
  }
  throw new Error(`The section outlived ${members.length} killed processes`);
}

async function readTexts() {
  setSharedMem('');
  const time = Math.min(seconds, TEXT_SECONDS);
  const readers = start(shareOf(100), process.execPath, oneOfMany, 'read-text', `${time}`);
  const [writer] = start(1, process.execPath, oneOfMany, 'write-text', `${time}`);
  const [written, ...read] = await run([writer, ...readers]);
  return `${readers.length} readers and a writer of the text for ${time} s: ${written} written, ${sum(read)} read, no mixture`;
}

async function mapMuch() {
  const size = shareOf(1024) * MEBIBYTE;
  const begin = performance.now();
  const mapping = FileMapping.create(name, size);
  const view = mapping.mapView();
  view.bytes[size - 1] = 42;
  const took = performance.now() - begin;
  const [other] = start(1, programPath('mapping_peer'));
  await other.line();
  await other.ask(OPEN);
  const answer = await other.ask(`read ${size - 1}`);
  if (answer !== 'ok 42') throw new Error(`Another process read at the end of ${size} bytes: ${answer}`);
  await other.kill();
  view.close();
  mapping.close();
  return `a mapping of ${size / MEBIBYTE} MiB, whole from its creation on: created and mapped in ${milliseconds(took)}`;
}

async function followPublisher() {
  const mapping = FileMapping.create(name, 4096);
  const ticks = new Uint32Array(mapping.mapView().bytes.buffer, 0, 1);
  let published = 0;
  const publishing = setInterval(() => {
    published++;
    ticks[0]++;
  }, 1000 / 60);
  const readers = start(shareOf(60), process.execPath, oneOfMany, 'follow', `${seconds}`, name);
  const seen = await run(readers, () => {
    published = 0;
  });
  clearInterval(publishing);
  mapping.close();
  const grown = Math.max(...seen.map((one) => one.grown));
  if (grown > GROWTH) throw new Error(`A reader grew by ${grown} bytes`);
  return `${readers.length} readers of one publisher at 60 Hz for ${seconds} s: each saw ${median(seen.map((one) => one.seen))} of ${published} states, and grew by ${(grown / MEBIBYTE).toFixed(1)} MiB at most`;
}

for (const part of [comeAndGo, holdOne, readTexts, mapMuch, followPublisher]) console.log(await part());
process.exit();
