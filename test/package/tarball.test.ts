import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readImage } from '../pe.js';
import { linksOf } from './examples.js';
import { tarball } from './user.js';

const LIBRARIES = {
  'linux-arm64': ['libdllmemfilemap.so', 'libkernel32.so'],
  'linux-x64': ['libdllmemfilemap.so', 'libkernel32.so'],
  'win32-x64': ['dllmemfilemap.dll', 'libdllmemfilemap.dll.a'],
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
    expect(filesIn('build').sort()).toEqual(libraries);
  });

  test('has JavaScript, its source map and declarations of each source file, and of nothing else', () => {
    const sources = filesIn('src').filter((path) => /\.c?ts$/.test(path));
    const compiled = sources.flatMap((path) =>
      ['.d.$1ts', '.$1js', '.$1js.map'].map((extension) => path.replace(/\.(c?)ts$/, extension)),
    );
    expect(filesIn('src').filter((path) => !sources.includes(path))).toEqual(['examples/README.md']);
    expect(filesIn('dist').sort()).toEqual(compiled.sort());
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

  test('has source maps that lead to the sources in it', () => {
    for (const path of filesIn('dist').filter((path) => path.endsWith('.map'))) {
      const map = at(`dist/${path}`);
      const { sources } = JSON.parse(readFileSync(map, 'utf8'));
      expect(sources.length).toBe(1);
      expect(existsSync(resolve(dirname(map), sources[0])), `${path}: ${sources}`).toBe(true);
    }
  });

  test('is small', () => {
    expect(statSync(tarball).size).toBeLessThan(1_000_000);
    for (const path of filesIn('build')) expect(statSync(at(`build/${path}`)).size, path).toBeLessThan(400_000);
  });
});

function readelf(path: string, ...options: string[]): string[] {
  return execFileSync('readelf', ['--wide', ...options, path], { encoding: 'utf8' }).split('\n');
}

/** The columns of the symbols that others may use, or that others have to have. */
function symbols(path: string, kind: 'defined' | 'undefined'): string[] {
  return readelf(path, '--dyn-syms')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => /^\d+:$/.test(columns[0] ?? '') && columns[4] !== 'LOCAL')
    .filter((columns) => (columns[6] === 'UND') === (kind === 'undefined'))
    .map((columns) => columns[7] as string);
}

describe.each(['linux-arm64', 'linux-x64'] as const)('The libraries for %s', (target) => {
  const paths = LIBRARIES[target].map((name) => at(`build/${target}/${name}`));
  const [dll, kernel32] = paths as [string, string];

  test('need nothing newer than glibc 2.31', () => {
    const versions = paths.flatMap((path) => symbols(path, 'undefined').flatMap((name) => name.split('@')[1] ?? []));
    expect(versions.length).toBeGreaterThan(0);
    for (const version of versions) {
      const [, minor] = /^GLIBC_2\.(\d+)/.exec(version) ?? [];
      expect(Number(minor), version).toBeLessThanOrEqual(31);
    }
  });

  test('need no library but those of glibc, and each other', () => {
    const needed = paths.flatMap((path) =>
      readelf(path, '--dynamic').flatMap((line) => /\(NEEDED\).*\[(.*)\]/.exec(line)?.[1] ?? []),
    );
    const glibc = /^(libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|ld-linux-[\w-]+\.so\.\d)$/;
    expect([...new Set(needed)].filter((name) => !glibc.test(name))).toEqual(['libkernel32.so']);
  });

  test('export the documented functions, and nothing of the C++ runtime that is in them', () => {
    expect(symbols(dll, 'defined').sort()).toEqual(['GetSharedMem', 'SetSharedMem']);
    const exported = symbols(kernel32, 'defined');
    expect(exported).toContain('CreateFileMappingW');
    expect(exported.filter((name) => /^(__cxa|__gxx|_Unwind|_Zn|_Zd|_ZSt)/.test(name))).toEqual([]);
  });

  test('are stripped', () => {
    for (const path of paths) expect(readelf(path, '--sections').filter((line) => / \.symtab /.test(line))).toEqual([]);
  });
});

describe('The library for win32-x64', () => {
  const dll = at('build/win32-x64/dllmemfilemap.dll');

  test('exports the documented functions, and imports from Windows alone', () => {
    const { exports, imports } = readImage(dll);
    expect(exports.sort()).toEqual(['GetSharedMem', 'SetSharedMem']);
    expect(imports.sort()).toEqual(['KERNEL32.dll', 'msvcrt.dll']);
  });

  test('is stripped', () => {
    const image = readFileSync(dll);
    const symbolTable = image.readUInt32LE(image.readUInt32LE(0x3c) + 12);
    expect(symbolTable).toBe(0);
  });
});
