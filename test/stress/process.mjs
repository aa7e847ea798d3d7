import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { dllPath, programPath } from '../../dist/win32/native-library.js';
import { randomFrom } from './random.mjs';

const nodeWorker = fileURLToPath(new URL('worker.mjs', import.meta.url));

/**
 * Within this many milliseconds every call has to return, and every process to start and to end. The longest that the
 * project itself ever waits, for a process that somebody has stopped, is five seconds.
 */
export const BOUND = 15_000;

/** A promise that was not kept, and what was seen. */
export class Broken extends Error {}

export const hexFromText = (text) =>
  [...Array(text.length).keys()].map((i) => text.charCodeAt(i).toString(16).padStart(4, '0')).join('');

/** The promise's result, unless that takes longer than the bound. */
export async function bounded(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Broken(`${what()} has not returned for ${BOUND / 1000} s`)), BOUND);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** All processes of the run, and the counts of what they did. */
export class Crew {
  isEnding = false;
  counts = {
    ...{ cpp: 0, node: 0, kills: 0, killsOfNode: 0, killsWhileStarting: 0, killsInside: 0, ends: 0 },
    ...{ episodes: 0, races: 0 },
    ...{ created: 0, joined: 0, opened: 0, missing: 0, attached: 0, visits: 0, longest: 0 },
  };
  #living = new Set();
  #buildFolder;
  #library;
  #dawdle;
  #started = 0;
  #seed;

  /**
   * @param seed of all that the workers choose themselves
   * @param buildFolder where the C++ workers and their libraries are, if not where the build puts them
   */
  constructor(seed, buildFolder) {
    this.#seed = seed;
    this.#buildFolder = buildFolder;
    this.#library = hexFromText(buildFolder ? join(buildFolder, basename(dllPath())) : dllPath());
    // Sanitizers want to be loaded first.
    const dawdle = programPath('libdawdle.so');
    if (!buildFolder && existsSync(dawdle)) this.#dawdle = dawdle;
  }

  get living() {
    return this.#living.size;
  }

  /** Starts a worker. @param slot that no other living worker of the same names has */
  start(language, slot) {
    const number = ++this.#started;
    const { below } = randomFrom(`${this.#seed} ${number}`);
    const args = [String(number), String(slot), String(below(2 ** 32))];
    const worker =
      language === 'Node'
        ? this.run(language, process.execPath, ['--expose-gc', nodeWorker, ...args])
        : this.run(language, this.program('stress_worker'), [...args, this.#library], below(2) === 0);
    return Object.assign(worker, { number, slot });
  }

  program(name) {
    const path = programPath(name);
    return this.#buildFolder ? join(this.#buildFolder, basename(path)) : path;
  }

  /**
   * Starts any program that speaks the protocol of test/fixture/protocol.h.
   *
   * @param dawdles whether it pauses between system calls, where that can be arranged
   */
  run(language, command, args, dawdles = false) {
    this.counts[language === 'Node' ? 'node' : 'cpp']++;
    const env = dawdles && this.#dawdle ? { ...process.env, LD_PRELOAD: this.#dawdle } : process.env;
    const worker = new Worker(this, language, spawn(command, args, { env }));
    this.#living.add(worker);
    worker.ended.then(() => this.#living.delete(worker));
    return worker;
  }

  /** Adds up what a worker has done since it last said so. */
  add(answer) {
    const numbers = answer.split(' ').map(Number);
    const keys = ['created', 'joined', 'opened', 'missing', 'attached', 'visits', 'longest'];
    const did = Object.fromEntries(keys.map((key, i) => [key, numbers[i]]));
    for (const key of keys) {
      this.counts[key] = key === 'longest' ? Math.max(this.counts[key], did[key]) : this.counts[key] + did[key];
    }
    return did;
  }

  /** Ends the run before its end: nobody is told anything any more. */
  async stop() {
    this.isEnding = true;
    await this.killAll().catch(() => {});
  }

  async killAll() {
    const ends = await Promise.allSettled([...this.#living].map((worker) => worker.kill()));
    for (const { reason } of ends) if (reason) throw reason;
  }
}

/** A process of the run, as it is seen from outside. */
class Worker {
  /** Resolved when the process has ended, whatever the reason. */
  ended;
  #crew;
  #process;
  #errors = '';
  #pending = [];
  #commands = ['(its start)'];
  #isToEnd = false;
  #failure;

  constructor(crew, language, process) {
    this.#crew = crew;
    this.#process = process;
    this.language = language;
    this.pid = process.pid;
    process.stdin.on('error', () => {}); // it was killed
    process.stderr.on('data', (text) => {
      this.#errors += text;
    });
    createInterface({ input: process.stdout }).on('line', (line) => {
      this.#commands.shift();
      this.#pending.shift()?.resolve(line.trimEnd());
    });
    this.ready = this.#next().then((line) => {
      if (line !== undefined && line !== 'ready') throw new Broken(`${this} said ${line} instead of ready`);
      this.isReady = line === 'ready';
    });
    this.ready.catch(() => {}); // whoever asks is told
    this.ended = new Promise((resolve) => {
      process.on('error', (error) => this.#end(error.message, resolve));
      process.on('close', (code, signal) => this.#end(signal ?? `exit code ${code}`, resolve));
    });
  }

  toString() {
    return `${this.language} process ${this.pid}`;
  }

  /**
   * Sends a command.
   *
   * @returns what the answer says after "ok", or `undefined` if the process was killed meanwhile; nothing ever once
   *   the whole run ends
   */
  async ask(command) {
    if (this.#crew.isEnding) await new Promise(() => {});
    if (!this.isReady) await this.ready;
    if (this.#failure) throw this.#failure;
    if (this.#isToEnd) return undefined;
    this.#commands.push(command);
    this.#process.stdin.write(`${command}\n`);
    const answer = await this.#next();
    if (answer === undefined) return undefined;
    const [status, ...rest] = answer.split(' ');
    if (status !== 'ok') throw new Broken(`${this}, told to ${command.split(' ', 1)[0]}: ${rest.join(' ') || answer}`);
    return rest.join(' ');
  }

  /** Ends it as the system ends a process: SIGKILL, or TerminateProcess. */
  async kill() {
    if (this.#failure) throw this.#failure;
    if (this.#isToEnd) {
      await this.#untilEnded();
      return;
    }
    this.#isToEnd = true;
    const { counts } = this.#crew;
    counts.kills++;
    if (this.language === 'Node') counts.killsOfNode++;
    if (!this.isReady) counts.killsWhileStarting++;
    else if (this.#pending.length > 0) counts.killsInside++;
    this.#process.kill('SIGKILL');
    // It may have crashed a moment before.
    await this.#untilEndedWith('SIGKILL');
  }

  /** Lets it end by itself, with all that it holds. */
  async end() {
    if (!this.isReady) await this.ready;
    this.#isToEnd = true;
    this.#crew.counts.ends++;
    this.#process.stdin.end();
    await this.#untilEndedWith('exit code 0');
  }

  #untilEnded() {
    return bounded(this.ended, () => `The end of ${this}`);
  }

  async #untilEndedWith(expected) {
    const how = await this.#untilEnded();
    if (how !== expected) throw new Broken(`${this} ended with ${how} ${this.#errors}`);
  }

  #next() {
    if (this.#failure) return Promise.reject(this.#failure);
    return bounded(
      new Promise((resolve, reject) => this.#pending.push({ resolve, reject })),
      () => `${this}: ${this.#commands[0]}`,
    );
  }

  #end(how, resolve) {
    if (!this.#isToEnd) this.#failure = new Broken(`${this} ended with ${how} in ${this.#commands[0]} ${this.#errors}`);
    this.#isToEnd = true;
    for (const each of this.#pending) this.#failure ? each.reject(this.#failure) : each.resolve(undefined);
    this.#pending = [];
    resolve(how);
  }
}
