import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const build = fileURLToPath(new URL('../../dll/build.mjs', import.meta.url));

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

const hasCMake = spawnSync('cmake', ['--version']).status === 0;

describe.skipIf(!hasCMake)('A tree that was built and then (not without CMake)', () => {
  test.each([
    ['moved', 'this system', renameSync, [], 'build'],
    ['moved', 'Windows', renameSync, ['--windows'], 'build/cmake-win32-x64'],
    ['copied', 'this system', copy, [], 'build'],
    ['copied', 'Windows', copy, ['--windows'], 'build/cmake-win32-x64'],
  ])('%s is built for %s from where it is now', (_, __, take, args, tree) => {
    // Below this project, so that cmake-js is found. What is built needs no compiler, and is done at once.
    const folder = mkdtempSync(fileURLToPath(new URL('../../build/tree-', import.meta.url)));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [before, after] = [join(folder, 'before'), join(folder, 'after')];
    cpSync(build, join(before, 'dll/build.mjs'));
    writeFileSync(join(before, 'package.json'), '{}');
    writeFileSync(
      join(before, 'CMakeLists.txt'),
      [
        'cmake_minimum_required(VERSION 3.15...4.0)',
        'project(moving LANGUAGES NONE)',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: CMake's variables
        'file(WRITE "${CMAKE_BINARY_DIR}/built-from" "${CMAKE_SOURCE_DIR}")',
      ].join('\n'),
    );
    expect(buildIn(before, args)).toEqual({ status: 0, stderr: '' });
    take(before, after);
    expect(buildIn(after, args)).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(after, tree, 'built-from'), 'utf8')).toBe(after);
  });

  function copy(from: string, to: string) {
    cpSync(from, to, { recursive: true });
  }

  function buildIn(folder: string, args: readonly string[]) {
    const run = spawnSync(process.execPath, [join(folder, 'dll/build.mjs'), ...args], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    return { status: run.status, stderr: run.stderr };
  }
});
