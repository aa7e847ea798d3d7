import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { programPath } from '../../../dist/win32/native-library.js';

const program = programPath('kernel32_test');
const names = execFileSync(program, ['--list'], { encoding: 'utf8' }).split(/\r?\n/).filter(Boolean);

// Written in C++, once: against Windows' kernel32 on Windows, against dll/posix elsewhere.
describe('The Win32 functions that the project stands on', () => {
  test.each(names)('%s', (name) => {
    const { status, stdout, stderr } = spawnSync(program, [name], { encoding: 'utf8', timeout: 50_000 });
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});
