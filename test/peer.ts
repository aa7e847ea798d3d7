import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { programPath } from '../dist/win32/native-library.js';

export type Language = 'C++' | 'Node';
export const LANGUAGES: readonly Language[] = ['C++', 'Node'];

/** What a peer of C++ can do; one of Node can do everything, but for what the DLL of the published sample does. */
type Kind = 'dll' | 'published' | 'mapping' | 'waiting';

const nodePeer = fileURLToPath(new URL('fixture/peer.mjs', import.meta.url));

/** Whether tests can start peers as another user: they are root, and everyone may run what peers are made of. */
export const canRunAsOthers =
  process.getuid?.() === 0 &&
  [process.execPath, nodePeer, programPath('mapping_peer')].every((path) => {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      if ((statSync(folder).mode & 0o001) === 0) return false;
      if (folder === dirname(folder)) return true;
    }
  });

export const hexFromText = (text: string) =>
  Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, '0')).join('');
const textFromHex = (hex: string) =>
  (hex.match(/.{4}/g) ?? []).map((unit) => String.fromCharCode(Number.parseInt(unit, 16))).join('');

export interface PeerOptions {
  /** As another user. */
  readonly uid?: number;
  readonly gid?: number;
  /** Beside the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

type PeerProcess = ChildProcessByStdio<Writable, Readable, null>;

/** A real process that does what it is told, and is killed when the test is over. */
export class Peer {
  readonly process: PeerProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<[number | null, NodeJS.Signals | null]>;

  private constructor(process: PeerProcess, lines: Interface) {
    this.process = process;
    this.#lines = lines[Symbol.asyncIterator]();
    this.#ended = once(process, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  /** Starts a program that has the DLL loaded for as long as it runs, or one that has not. */
  static async start(language: Language, kind: Kind, options: PeerOptions = {}): Promise<Peer> {
    const [command, ...args] = Peer.commandLine(language, kind);
    return Peer.run(command as string, args, options);
  }

  /** What {@link Peer.start} starts, for a program that starts it in its own way. */
  static commandLine(language: Language, kind: Kind): readonly string[] {
    return language === 'Node' ? [process.execPath, nodePeer, kind] : [programPath(`${kind}_peer`)];
  }

  /** Starts any program that speaks the peers' protocol. */
  static async run(command: string, args: readonly string[], { env, ...options }: PeerOptions = {}): Promise<Peer> {
    const child = spawn(command, args, {
      ...options,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const peer = new Peer(child, createInterface({ input: child.stdout }));
    onTestFinished(() => peer.kill());
    const line = await peer.#next();
    if (line !== 'ready') throw new Error(`${command} said ${line} instead of ready`);
    return peer;
  }

  /** Starts several at once. */
  static startAll(count: number, language: Language, kind: Kind): Promise<Peer[]> {
    return Promise.all(Array.from({ length: count }, () => Peer.start(language, kind)));
  }

  /** Sends a command and returns the answer. */
  async ask(command: string): Promise<string> {
    this.process.stdin.write(`${command}\n`);
    return this.#next();
  }

  async set(text: string): Promise<void> {
    const answer = await this.ask(`set ${hexFromText(text)}`);
    if (answer !== 'ok') throw new Error(answer);
  }

  async get(cchSize: number | '' = ''): Promise<string> {
    const [status, hex = ''] = (await this.ask(`get ${cchSize}`.trim())).split(' ');
    if (status !== 'ok') throw new Error(`${status} ${hex}`);
    return textFromHex(hex);
  }

  /** `'ok created'`, `'ok opened'` or `'error CODE'`. A C++ peer knows no `'everyone-read'`. */
  create(
    name: string,
    size: number,
    security: 'user' | 'everyone-read' | 'everyone-read-write' = 'user',
  ): Promise<string> {
    return this.ask(`create ${hexFromText(name)} ${size} ${security}`);
  }

  /** `'ok'` or `'error CODE'`. */
  open(name: string, access: 'read' | 'write' = 'write'): Promise<string> {
    return this.ask(`open ${hexFromText(name)} ${access}`);
  }

  /** Opens it for `MAXIMUM_ALLOWED`: `'ok to write'`, `'ok to read'` or `'error CODE'`. In C++ alone. */
  openForMost(name: string): Promise<string> {
    return this.ask(`open-for-most ${hexFromText(name)}`);
  }

  /**
   * Has it create, use and close the object without end. It answers again only if its own byte, the one at `offset`,
   * was ever other than it left it.
   */
  churn(name: string, size: number, offset: number): Promise<string> {
    return this.ask(`churn ${hexFromText(name)} ${size} ${offset}`);
  }

  /** Ends it as the system ends a process: SIGKILL, or TerminateProcess. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#ended;
  }

  /** What it said by the time it ended that no command asked for. */
  async unasked(): Promise<string[]> {
    await this.#ended;
    const said: string[] = [];
    for await (const line of { [Symbol.asyncIterator]: () => this.#lines }) said.push(line.trimEnd());
    return said;
  }

  /** Lets it go on after it was stopped in the middle of a command. Returns the answer to that command. */
  async resume(): Promise<string> {
    this.process.kill('SIGCONT');
    return this.#next();
  }

  /** Lets it end by itself. Returns the exit code. */
  async end(): Promise<number | null> {
    this.process.stdin.end();
    const [code] = await this.#ended;
    return code;
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`The process ended: ${(await this.#ended).join(' ')}`);
    return (value as string).trimEnd();
  }
}
