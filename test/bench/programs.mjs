/** Runs the benchmark's other processes. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { execPath } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { programPath } from '../../dist/win32/native-library.js';
import { progress, quick } from './measure.mjs';

const LONGEST = 120_000;

/** Runs one of the C++ programs to its end, and returns the figures that it prints. */
export async function figures(program, ...args) {
  const { stdout } = await promisify(execFile)(programPath(program), [...args, ...(quick ? ['quick'] : [])], {
    timeout: LONGEST,
  });
  return JSON.parse(stdout);
}

/** The figures of what Linux itself takes; none elsewhere. */
export async function figuresOfLinux(what) {
  return existsSync(programPath('bench_linux')) ? figures('bench_linux', what) : {};
}

/** Starts a program that prints figures and then stays until `end` is called. */
export async function stay(command, args) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], timeout: LONGEST });
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return {
    pid: child.pid,
    figures: JSON.parse(value ?? '{}'),
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdin.end('\n');
      await once(child, 'exit');
    },
  };
}

/**
 * Measures one process in three, one after the other, and gives the lowest of each row: V8 compiles the same functions now
 * one way, now another, and stays with it.
 *
 * @returns {Promise<import('./measure.mjs').Comparison[]>}
 */
export async function oneProcess(folder) {
  const script = fileURLToPath(new URL('one-process.mjs', import.meta.url));
  const runs = [];
  for (let i = 1; i <= (quick ? 1 : 3); i++) {
    progress(`set and get in process ${i}`);
    const args = [script, folder, ...(quick ? ['--quick'] : [])];
    const { stdout } = await promisify(execFile)(execPath, args, { timeout: LONGEST });
    runs.push(JSON.parse(stdout.split('\n')[0]));
  }
  return runs[0].map((comparison, c) => ({
    ...comparison,
    rows: comparison.rows.map((row, r) =>
      runs.map((run) => run[c].rows[r]).reduce((lowest, each) => (each.value < lowest.value ? each : lowest), row),
    ),
  }));
}
