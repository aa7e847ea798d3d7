import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadSharedMem } from '../../dist/index.js';
import { dllPath, programPath } from '../../dist/win32/native-library.js';
import { occupyName } from '../occupied-name.js';
import { copyPackage, turnIntoArm64 } from '../package-copy.js';
import { readImage } from '../pe.js';
import { sharedFiles } from '../shared-files.js';

const index = new URL('../../dist/index.js', import.meta.url).href;

const onWindows = process.platform === 'win32';

/** A module for a Node that removes its own program. */
const REMOVES_ITSELF = `data:text/javascript,${encodeURIComponent("import { rmSync } from 'node:fs'; rmSync(process.execPath);")}`;

interface Failure {
  readonly code?: string;
  readonly syscall?: string;
  readonly path?: string;
  readonly message: string;
  readonly cause?: { readonly code?: string; readonly syscall?: string };
}

/** The names of Node's own modules that a process has once it has imported another module. */
function ownModules(imported: string): string[] {
  const source = `await import(${JSON.stringify(imported)}); console.log(process.moduleLoadList.join());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  return stdout.trim().split(',');
}

/** What a message has to name: the command that builds the libraries, of the package that it is about. */
const buildCommand = (dist: string) => `Run node "${join(dist, '../dll/build.mjs')}" to build it`;

/** How loading the DLL fails in a process of its own, which has to be alive after that. */
function failToLoad(dist: string, node = process.execPath, env = process.env): Failure {
  const source = `
    const { getSharedMem } = await import(${JSON.stringify(pathToFileURL(join(dist, 'index.js')))});
    try {
      getSharedMem();
      console.log(JSON.stringify({ message: 'nothing failed' }));
    } catch (error) {
      console.log(JSON.stringify({ ...error, message: error.message, cause: error.cause && { ...error.cause } }));
    }`;
  const run = spawnSync(node, ['--input-type=module', '-e', source], {
    cwd: dirname(node),
    env,
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect(run.status, run.stderr).toBe(0);
  return JSON.parse(run.stdout);
}

/** This Node in another folder, where it has a dynamic linker with the name of musl's, which is glibc's. */
function nodeThatNamesMusl(folder: string): string {
  const image = readFileSync(process.execPath);
  const linker = /\/lib(?:64)?\/ld-linux[\w-]*\.so\.\d/.exec(image.toString('latin1', 0, 4096));
  if (linker === null) throw new Error(`${process.execPath} names no dynamic linker`);
  const name = './ld-musl-x.so.1';
  image.fill(0, linker.index, linker.index + linker[0].length);
  image.write(name, linker.index);
  symlinkSync(linker[0], join(folder, name));
  const node = join(folder, 'node');
  writeFileSync(node, image);
  chmodSync(node, 0o755);
  return node;
}

test('The package loads none of the modules of Node that most programs do without', () => {
  const ofKoffi = ownModules('koffi');
  const own = ownModules(index).filter((name) => !ofKoffi.includes(name));
  expect(own).toContain('NativeModule timers/promises');
  for (const name of ['child_process', 'os', 'process', 'v8', 'vm']) {
    expect(own).not.toContain(`NativeModule ${name}`);
  }
});

describe('A DLL that cannot be loaded gives an error with its path, the cause and what to do', () => {
  test('when it is missing', () => {
    const { dist, dll } = copyPackage();
    rmSync(dll);
    const failure = failToLoad(dist);
    expect(failure).toMatchObject({ code: 'ERROR_MOD_NOT_FOUND', syscall: 'LoadLibraryW' });
    expect(basename(failure.path ?? '')).toBe(basename(dll));
    expect(failure.message).toContain(failure.path);
    expect(failure.message).toContain(`this package has none for ${process.platform}-${process.arch}`);
    expect(failure.message).toContain(buildCommand(dist));
  });

  test('when it is no library', () => {
    const { dist, dll } = copyPackage();
    writeFileSync(dll, 'This is no library, but a text that is long enough to be looked at.');
    const failure = failToLoad(dist);
    expect(failure).toMatchObject({ code: 'ERROR_BAD_EXE_FORMAT', path: dll });
    expect(failure.message).toContain(`${process.platform}-${process.arch}`);
  });

  test('when it was built for another processor', () => {
    const { dist, dll } = copyPackage();
    const image = readFileSync(dll);
    turnIntoArm64(image);
    writeFileSync(dll, image);
    const failure = failToLoad(dist);
    expect(failure).toMatchObject({ code: 'ERROR_BAD_EXE_FORMAT', path: dll });
    expect(failure.message).toContain(`the file is for arm64, and this Node for ${process.arch}`);
    expect(failure.message).toContain(buildCommand(dist));
  });

  test.skipIf(onWindows)('when the kernel32 that it needs is missing (Windows has its own)', () => {
    const { dist, kernel32 } = copyPackage();
    rmSync(kernel32);
    const { message } = failToLoad(dist);
    expect(message).toContain(kernel32);
    expect(message).toContain(buildCommand(dist));
  });

  test.skipIf(process.platform !== 'linux')(
    'when it was built for glibc, and Node for musl (only Linux has both)',
    () => {
      const { dist, dll } = copyPackage();
      renameSync(dirname(dll), join(dist, `../build/linux-${process.arch}`));
      expect(failToLoad(dist).message).toBe('nothing failed');
      const { message } = failToLoad(dist, nodeThatNamesMusl(join(dist, '..')));
      expect(message).toContain(`this package has none for linux-${process.arch}-musl`);
      expect(message).toContain(buildCommand(dist));
    },
  );

  test.skipIf(onWindows)('when the program of Node is gone, too (Windows keeps that of a process)', () => {
    const { dist, dll } = copyPackage();
    renameSync(dirname(dll), join(dist, '../build/elsewhere'));
    const node = join(dist, '../node');
    copyFileSync(process.execPath, node);
    chmodSync(node, 0o755);
    const { message } = failToLoad(dist, node, { ...process.env, NODE_OPTIONS: `--import=${REMOVES_ITSELF}` });
    expect(existsSync(node)).toBe(false);
    expect(message).toContain(`this package has none for ${process.platform}-${process.arch}`);
  });

  test('when its entry point fails, and the process lives on', () => {
    occupyName();
    const failure = failToLoad(fileURLToPath(new URL('../../dist', import.meta.url)));
    expect(failure).toMatchObject({
      code: 'ERROR_DLL_INIT_FAILED',
      path: dllPath(),
      cause: { code: onWindows ? 'ERROR_INVALID_HANDLE' : 'ERROR_ACCESS_DENIED', syscall: 'CreateFileMappingW' },
    });
    expect(failure.message).toContain(dllPath());
    expect(failure.message).toContain(failure.cause?.code);
    if (!onWindows) expect(failure.message).toMatch(/\/dev\/shm\/dllmemfilemap\S+ is a folder .* belongs to user \d+/);
  });

  test.skipIf(process.platform !== 'linux')(
    'when its entry point fails, and what it did succeeds the next time (on Linux alone, which can preload what fails)',
    () => {
      // The first is of the text's state. Where there is no text beside that, it is tried without.
      const env = { ...process.env, LD_PRELOAD: programPath('libfaults.so'), FAULTS: 'link:2:13,link:3:13' };
      const failure = failToLoad(fileURLToPath(new URL('../../dist', import.meta.url)), process.execPath, env);
      expect(failure).toMatchObject({ code: 'ERROR_DLL_INIT_FAILED' });
      expect(failure.message).toContain('trying the same again succeeded');
    },
  );

  test('when its entry point fails in two threads at once, in both of them, every time', () => {
    occupyName();
    const { status, stdout, stderr } = spawnSync(programPath('loads_twice_at_once'), [dllPath()], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    // ERROR_DLL_INIT_FAILED
    expect({ status, stdout: stdout.trimEnd(), stderr }).toEqual({
      status: 0,
      stdout: '600 times error 1114',
      stderr: '',
    });
  });

  test('when its entry point fails, in a second copy of the package beside the first', () => {
    occupyName();
    const copies = [copyPackage(), copyPackage()].map(({ dist }) => pathToFileURL(join(dist, 'index.js')));
    const source = `
      for (const copy of ${JSON.stringify(copies)}) {
        const { getSharedMem } = await import(copy);
        try {
          getSharedMem();
          console.log('nothing failed');
        } catch ({ code }) {
          console.log(code);
        }
      }`;
    const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'ERROR_DLL_INIT_FAILED\n'.repeat(2) });
  });

  test('and can be loaded when that is over', () => {
    loadSharedMem().unload();
  });
});

describe('A program that is linked against the DLL', () => {
  test('does not run on if the entry point fails', () => {
    occupyName();
    const { status, stdout, stderr } = spawnSync(programPath('child'), { encoding: 'utf8', timeout: 50_000 });
    // 127 is the dynamic linker's own; Windows' is STATUS_DLL_INIT_FAILED, and it has no words for it.
    expect(status).toBe(onWindows ? 0xc0000142 : 127);
    expect(stdout).toBe('');
    if (onWindows) return;
    expect(stderr).toContain('its entry point failed with Win32 error 5');
    expect(stderr).toMatch(/ \/dev\/shm\/dllmemfilemap\S+ is a folder .* belongs to user \d+ \(.*\)\.\n$/);
  });
});

test.skipIf(onWindows)(
  'A DLL that is loaded by dlopen says that its entry point fails, and does nothing (Windows has no dlopen)',
  () => {
    occupyName();
    const source = `
      import koffi from 'koffi';
      const library = koffi.load(process.argv[1]);
      library.func('void SetSharedMem(const char16_t *)')('text');
      const buffer = Buffer.alloc(20, 'x');
      library.func('void GetSharedMem(void *, uint32_t)')(buffer, 10);
      console.log(buffer.toString('utf16le').indexOf('\\0'));`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source, dllPath()], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '0\n' });
    expect(stderr).toMatch(/^\S+: its entry point failed with Win32 error 5, so it is not attached\. .*\n$/);
  },
);

test('GetProcAddress finds a library or does not, while another thread frees it', () => {
  const { status, signal, stdout } = spawnSync(programPath('looks_up_while_freeing'), [dllPath()], {
    encoding: 'utf8',
    // What is freed is overwritten, where the C library can do that.
    env: { ...process.env, MALLOC_PERTURB_: '165' },
    timeout: 50_000,
  });
  expect({ status, signal, stdout: stdout.trimEnd() }).toEqual({ status: 0, signal: null, stdout: '3000 times' });
});

describe('A program that ends while its threads are inside SetSharedMem and GetSharedMem', () => {
  test.each([
    ['was linked against the DLL', []],
    ['has loaded the DLL', [dllPath()]],
  ])('and %s ends as it wants to, and leaves nothing behind', (_, args) => {
    // What a killed process left behind is gone now.
    if (!onWindows) loadSharedMem().unload();
    const before = onWindows ? [] : sharedFiles();
    for (let i = 0; i < 20; i++) {
      const { status, signal, stdout, stderr } = spawnSync(programPath('ends_while_calling'), args, {
        encoding: 'utf8',
        timeout: 20_000,
      });
      expect({ status, signal, stdout, stderr }).toEqual({ status: 0, signal: null, stdout: '', stderr: '' });
      if (!onWindows) expect(sharedFiles()).toEqual(before);
    }
  });
});

describe('The DLL', () => {
  test('exports SetSharedMem and GetSharedMem, and nothing else', () => {
    const names = onWindows
      ? readImage(dllPath()).exports
      : execFileSync('nm', ['-D', '--defined-only', '--format=posix', dllPath()], { encoding: 'utf8' })
          .trim()
          .split('\n')
          .map((line) => line.split(' ')[0]);
    expect(names.sort()).toEqual(['GetSharedMem', 'SetSharedMem']);
  });

  test.skipIf(!onWindows)('imports KERNEL32.dll and the C runtime alone (only Windows has that)', () => {
    const others = readImage(dllPath()).imports.filter((name) => name !== 'msvcrt.dll');
    expect(others).toEqual(['KERNEL32.dll']);
  });
});
