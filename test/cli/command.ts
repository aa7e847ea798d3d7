import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { FileMapping } from '../../dist/index.js';

/** The built package. */
export const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
export const onWindows = process.platform === 'win32';

export interface RunOptions {
  readonly input?: string | Buffer;
  /** The built package to run. */
  readonly dist?: string;
  /** Who runs it, if not this user. */
  readonly uid?: number;
}

/** Runs the command to its end. */
export function run(args: readonly string[], { dist = DIST, ...options }: RunOptions = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(dist, 'cli/main.js'), ...args], {
    ...options,
    encoding: 'utf8',
    timeout: 50_000,
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

/** The command while it runs. It is killed when the test is over. */
export class Running {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #stderr: Promise<string>;
  readonly #ended: Promise<unknown[]>;

  constructor(...args: readonly string[]) {
    this.process = spawn(process.execPath, [join(DIST, 'cli/main.js'), ...args], { stdio: 'pipe' });
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.#stderr = textOf(this.process.stderr);
    this.#ended = once(this.process, 'exit');
    onTestFinished(async () => {
      this.process.kill('SIGKILL');
      await this.#ended;
    });
  }

  /** The next line that it prints; `undefined` if it has printed the last. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  /** The next lines, up to an empty one. */
  async block(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line; line = await this.line()) lines.push(line);
    return lines;
  }

  /** Waits until it has ended. */
  async end() {
    const [code, signal] = await this.#ended;
    return { code, signal, stderr: await this.#stderr };
  }
}

/** Whether some process has a section of that name open. */
export const isThere = (name: string) => {
  try {
    FileMapping.open(name, { access: 'read' }).close();
    return true;
  } catch {
    return false;
  }
};

/** A section with something in it, for as long as the test runs. */
export function makeSection(name: string, size: number, bytes: Uint8Array = new Uint8Array(0)) {
  const mapping = FileMapping.create(name, size, { exclusive: true });
  const view = mapping.mapView();
  onTestFinished(() => {
    view.close();
    mapping.close();
  });
  view.bytes.set(bytes);
  return view.bytes;
}

/** How a command ends that has nothing to complain about. */
export const wellEnded = { status: 0, stderr: '' };

/** Of the sections that the tests make. */
export const NAME = 'Local\\cli.test';
