import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { programPath } from '../dist/native-library.js';

const program = programPath('kernel32_test');
const names = execFileSync(program, ['--list'], { encoding: 'utf8' }).split(/\r?\n/).filter(Boolean);

/** Wine 8 now and then fails to start a process, as peer.ts says. */
function run(name: string) {
  for (let attempts = 1; ; attempts++) {
    const result = spawnSync(program, [name], { encoding: 'utf8', timeout: 50_000 });
    if ((result.error as NodeJS.ErrnoException | undefined)?.code !== 'UNKNOWN' || attempts === 3) return result;
  }
}

// Written in C++, once: against Windows' kernel32 on Windows, against dll/posix elsewhere.
describe('The Win32 functions that the project stands on', () => {
  test.each(names)('%s', (name) => {
    const { error, status, stdout, stderr } = run(name);
    expect(error).toBeUndefined();
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});
