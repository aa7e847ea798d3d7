import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const build = fileURLToPath(new URL('../dll/build.mjs', import.meta.url));

describe('A build without CMake', () => {
  test.each([
    ['this system', []],
    ['Windows', ['--windows']],
  ])('for %s says in one line what to install on each system', (_, args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [build, ...args], {
      encoding: 'utf8',
      env: { ...process.env, PATH: '', Path: '' },
    });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    const [line, ...rest] = stderr.trimEnd().split('\n');
    expect(rest).toEqual([]);
    for (const word of ['CMake', 'Debian/Ubuntu', 'apt-get install', 'Windows', 'winget', 'macOS', 'brew']) {
      expect(line).toContain(word);
    }
  });
});
