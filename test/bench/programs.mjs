/** Runs the benchmark's other processes. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { programPath } from '../../dist/win32/native-library.js';
import { quick } from './measure.mjs';

const LONGEST = 120_000;

/** Runs one of the C++ programs to its end, and returns the figures that it prints. */
export async function figures(program, ...args) {
  const { stdout } = await promisify(execFile)(programPath(program), [...args, ...(quick ? ['quick'] : [])], {
    timeout: LONGEST,
  });
  return JSON.parse(stdout);
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
