import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileMapping, getSharedMem, unloadSharedMem } from 'dllmemfilemap';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { dllPath } from '../../dist/win32/native-library.js';
import { readImage } from '../pe.js';
import { Peer } from '../peer.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const runs = (command: string) => spawnSync(command, ['--version']).status === 0;
const onWindows = process.platform === 'win32';
const executable = (path: string) => (onWindows ? `${path}.exe` : path);

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'install-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 170_000,
    ...options,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
}

/** What `test/find-package.mjs` made before, for Wine, which has no CMake. */
const made = join(root, 'build/find-package');

const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();

/** Runs the two programs of `test/fixture/find-package`, and sees what they share. */
async function expectToShareMemory(build: string): Promise<void> {
  const section = await Peer.run(executable(join(build, 'section')), []);
  using mapping = FileMapping.open('Local\\find-package', { access: 'read' });
  using view = mapping.mapView();
  expect(Buffer.from(view.snapshot()).readInt32LE()).toBe(42);
  expect(await section.end()).toBe(0);

  const text = await Peer.run(executable(join(build, 'text')), []);
  expect(getSharedMem()).toBe('Written in C');
  unloadSharedMem();
  expect(await text.end()).toBe(0);
}

describe.skipIf(!runs('cmake') && !existsSync(made))('Another CMake project (not run without CMake)', () => {
  let folder: string;
  beforeAll(() => {
    if (existsSync(made)) {
      folder = made;
      return;
    }
    folder = mkdtempSync(join(tmpdir(), 'install-'));
    run(process.execPath, [join(root, 'test/find-package.mjs'), join(root, 'build'), folder], { timeout: 300_000 });
    return () => rmSync(folder, { recursive: true });
  }, 300_000);

  test('finds what cmake --install puts somewhere, and its programs in C and C++ share memory with Node', async () => {
    await expectToShareMemory(join(folder, 'build'));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(readFileSync(join(folder, 'build/version'), 'utf8')).toBe(version);
  });

  test('has this one as a subproject, without a build type, and builds the libraries alone', async () => {
    const build = join(folder, 'subproject-build');
    await expectToShareMemory(build);
    const built = filesIn(build).map((path) => basename(path));
    expect(built).toContain(basename(dllPath()));
    for (const program of ['parent', 'first_process', 'mumble_link_publisher', 'dll_peer']) {
      expect(built).not.toContain(executable(program));
    }
  });

  test("finds headers in folders of their own, so that no other program's <windows.h> becomes this one", () => {
    expect(filesIn(join(folder, 'prefix/include'))).toEqual([
      'dllmemfilemap/dllmemfilemap.h',
      ...(onWindows ? [] : ['dllmemfilemap/posix/sddl.h', 'dllmemfilemap/posix/windows.h']),
      'dllmemfilemap/shared_text_layout.h',
    ]);
  });
});

/** The blocks of code in a language, of the README and docs/cpp.md. */
function blocks(language: string): string[] {
  const text = ['README.md', 'docs/cpp.md'].map((document) => readFileSync(join(root, document), 'utf8')).join('\n');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, of, code = '']) => (of === language ? code : []));
}

/** The first of them that has a text in it. */
function block(language: string, part: string): string {
  const found = blocks(language).find((code) => code.includes(part));
  if (found === undefined) throw new Error(`No document has ${language} with ${part}`);
  return found;
}

/** Installs the package and builds the first C++ example as the documents say, with more arguments for `cmake -B`. */
function followDocuments(more: string): { prefix: string; hello: string } {
  const home = temporaryFolder();
  const [checkout, project] = [join(home, 'checkout'), join(home, 'hello')];
  // All that it takes, and all there is in the npm package.
  cpSync(join(root, 'dll'), join(checkout, 'dll'), { recursive: true });
  cpSync(join(root, 'CMakeLists.txt'), join(checkout, 'CMakeLists.txt'));
  mkdirSync(project);
  writeFileSync(join(project, 'hello.cpp'), block('cpp', 'dllmemfilemap.h'));
  writeFileSync(join(project, 'CMakeLists.txt'), block('cmake', 'find_package'));
  const inShell = (cwd: string, commands: string) =>
    run('sh', ['-ec', commands.replaceAll(/cmake -B \S+/g, `$& ${more}`)], {
      cwd,
      env: { ...process.env, HOME: home },
    });
  inShell(checkout, block('sh', 'cmake --install'));
  rmSync(checkout, { recursive: true });
  inShell(project, block('sh', 'CMAKE_PREFIX_PATH'));
  return { prefix: join(home, '.local'), hello: join(project, 'build/hello') };
}

describe.skipIf(!runs('cmake') || onWindows)("The README's first C++ example (not without CMake and sh)", () => {
  test('is built and run with its commands, from no more than the npm package has', async () => {
    const { hello } = followDocuments('');
    const peer = await Peer.run('sh', ['-c', 'echo ready; exec "$0"', hello]);
    await expect.poll(() => getSharedMem(), { timeout: 20_000 }).toBe('Hello from C++');
    unloadSharedMem();
    expect(await peer.end()).toBe(0);
  });

  test.skipIf(!runs('x86_64-w64-mingw32-g++'))('is built for Windows, too (not without MinGW-w64)', () => {
    const more = /`(-D CMAKE_SYSTEM_NAME=.*?)`/.exec(readFileSync(join(root, 'docs/cpp.md'), 'utf8'))?.[1];
    const { hello, prefix } = followDocuments(more as string);
    expect(readImage(`${hello}.exe`).imports).toContain('dllmemfilemap.dll');
    expect(readImage(join(prefix, 'bin/dllmemfilemap.dll')).exports.sort()).toEqual(['GetSharedMem', 'SetSharedMem']);
  });
});
