import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { Broken } from './process.mjs';
import { randomFrom } from './random.mjs';

/**
 * Runs a C++ program that starts and kills processes of its own, which are not among the crew's.
 *
 * @param what its name without `stress_`
 * @returns its counts
 */
export async function runNative(crew, what, seconds, seed) {
  const { below } = randomFrom(`${seed} ${what}`);
  const args = [String(Math.ceil(seconds)), String(below(2 ** 31))];
  const child = spawn(crew.program(`stress_${what}`), args);
  process.once('exit', () => child.kill('SIGKILL'));
  const [[status, signal], counts, seen] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  if (status !== 0) throw new Broken(`${what}: ${seen.trim() || signal || status}`);
  return counts.trim();
}
