import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { linksOf } from './examples.js';
import { tarball } from './user.js';

const ON_LINUX = ['libdllmemfilemap.so', 'libkernel32.so'];
const ON_MACOS = ['libdllmemfilemap.dylib', 'libkernel32.dylib'];
const ON_WINDOWS = ['dllmemfilemap.dll', 'libdllmemfilemap.dll.a'];

const LIBRARIES = {
  'darwin-arm64': ON_MACOS,
  'darwin-x64': ON_MACOS,
  'linux-arm64': ON_LINUX,
  'linux-arm64-musl': ON_LINUX,
  'linux-x64': ON_LINUX,
  'linux-x64-musl': ON_LINUX,
  'win32-arm64': ON_WINDOWS,
  'win32-ia32': ON_WINDOWS,
  'win32-x64': ON_WINDOWS,
};

const folder = mkdtempSync(join(tmpdir(), 'tarball-'));
afterAll(() => rmSync(folder, { recursive: true }));
execFileSync('tar', ['-xzf', tarball, '-C', folder]);
const at = (path: string) => join(folder, 'package', path);
const files = readdirSync(at(''), { recursive: true, encoding: 'utf8' }).filter((path) => statSync(at(path)).isFile());
const filesIn = (name: string) =>
  files.filter((path) => path.startsWith(`${name}/`)).map((path) => path.slice(name.length + 1));

describe('The tarball', () => {
  test('has the libraries of each platform, and nothing else that is built', () => {
    const libraries = Object.entries(LIBRARIES).flatMap(([target, names]) => names.map((name) => `${target}/${name}`));
    expect(filesIn('build').sort()).toEqual(libraries.sort());
  });

  test('has JavaScript and declarations of each source file, the file that many of them are in, and nothing else', () => {
    const sources = filesIn('src').filter((path) => /\.c?ts$/.test(path));
    const compiled = sources.flatMap((path) =>
      ['.d.$1ts', '.$1js'].map((extension) => path.replace(/\.(c?)ts$/, extension)),
    );
    expect(filesIn('src').filter((path) => !sources.includes(path))).toEqual(['examples/README.md']);
    const others = filesIn('dist').filter((path) => !path.endsWith('.map'));
    expect(others.sort()).toEqual([...compiled, 'bundle/modules.js'].sort());
  });

  test('has what the libraries are built from', () => {
    expect(files).toContain('dll/build.mjs');
    expect(files).toContain('dll/dllmemfilemap.h');
    const others = filesIn('dll').filter((path) => !/\.(cpp|h|in)$/.test(path));
    expect(others.sort()).toEqual(['build.mjs', 'posix/README.md']);
  });

  test('has nothing beside that but its documents', () => {
    const others = files.filter((path) => !/^(build|dist|dll|docs|src)\//.test(path));
    expect(others.sort()).toEqual([
      'CHANGELOG.md',
      'CMakeLists.txt',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'package.json',
      'test/bench/README.md',
      'test/bench/chart.svg',
    ]);
  });

  test('has all that its README and its other documents link to', () => {
    const documents = ['README.md', ...filesIn('docs').map((path) => `docs/${path}`)];
    expect(documents.length).toBeGreaterThan(1);
    expect(documents.flatMap(linksOf).filter((path) => !files.includes(path))).toEqual([]);
  });

  test('runs nothing when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
    const run = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare'];
    expect(Object.keys(scripts).filter((name) => run.includes(name))).toEqual([]);
    // Which npm would build.
    expect(existsSync(at('binding.gyp'))).toBe(false);
  });

  test('has source maps that lead to each source file with code in it', () => {
    const maps = filesIn('dist').filter((path) => path.endsWith('.map'));
    const sources = maps.flatMap((path) => {
      expect(readFileSync(at(`dist/${path.slice(0, -4)}`), 'utf8')).toContain(`sourceMappingURL=${basename(path)}`);
      const { sources } = JSON.parse(readFileSync(at(`dist/${path}`), 'utf8'));
      return sources.map((source: string) => join('dist', dirname(path), source));
    });
    const withCode = files.filter((path) => /^src\/.*ts$/.test(path) && path !== 'src/index.ts');
    expect([...new Set(sources)].sort()).toEqual(withCode.sort());
  });

  test('is small', () => {
    expect(statSync(tarball).size).toBeLessThan(1.5 * 2 ** 20);
    for (const path of filesIn('build')) expect(statSync(at(`build/${path}`)).size, path).toBeLessThan(500_000);
  });
});
