import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildPrograms } from './programs.js';
import { root } from './user.js';

const MUSL = '/lib/ld-musl-x86_64.so.1';
if (!existsSync(MUSL)) throw new Error(`There is no ${MUSL}: apt-get install --no-install-recommends musl`);

const programs = join(root, buildPrograms('linux-x64-musl', 'kernel32_test'));
const program = join(programs, 'kernel32_test');

/** musl keeps every library that it has loaded, until the process ends. */
const NOT_WITH_MUSL = ['A library is loaded until it is freed as often as it was loaded'];
const all = execFileSync(program, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
const names = all.filter((name) => !NOT_WITH_MUSL.includes(name));

describe('With musl for its C library, what the tarball has for it', () => {
  test('is what the program runs with', () => {
    const { stdout } = spawnSync(MUSL, ['--list', program], { encoding: 'utf8' });
    expect(stdout).toContain(`libkernel32.so => ${programs}/libkernel32.so`);
  });

  test.each(names)('%s', (name) => {
    const { status, stdout, stderr } = spawnSync(program, [name], { encoding: 'utf8', timeout: 50_000 });
    expect(status, `${stdout}${stderr}`).toBe(0);
  });
});
