import { closeSync, existsSync, openSync, readSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import process, { arch, env, execPath, platform } from 'node:process';
import { fileURLToPath } from 'node:url';

/** The file name of a library that the build makes. */
function libraryName(name: string): string {
  if (platform === 'win32') return `${name}.dll`;
  return platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`;
}

/** The command that builds the libraries, in a checkout and in an installed package alike. */
export const buildCommand = `node "${fileURLToPath(new URL('../dll/build.mjs', import.meta.url))}"`;

/** The system and processor that a library has to be built for, such as `linux-x64`, or `linux-x64-musl`. */
export function target(): string {
  return `${platform}-${arch}${platform === 'linux' && usesMusl() ? '-musl' : ''}`;
}

/** Whether this process has musl for its C library, as the dynamic linker tells that its program names. */
function usesMusl(): boolean {
  const start = Buffer.alloc(4096);
  try {
    const file = openSync(execPath, 'r');
    readSync(file, start);
    closeSync(file);
  } catch {
    // It may be gone, or nobody may read it. The other C library is the usual one.
  }
  return start.includes('/ld-musl-');
}

/**
 * Finds a file that the build makes: in `build/Release`, where a build on this machine puts it, or in the folder of what
 * was built for this target elsewhere, as the npm package brings it.
 *
 * @returns its full path; in `build/Release` if it is nowhere
 */
function builtFile(name: string): string {
  const builtIn = (folder: string) => fileURLToPath(new URL(`../build/${folder}/${name}`, import.meta.url));
  const here = builtIn('Release');
  if (existsSync(here)) return here;
  const elsewhere = builtIn(target());
  return existsSync(elsewhere) ? elsewhere : here;
}

/** The full path of the DLL, whether or not it exists. */
export function dllPath(): string {
  return builtFile(libraryName('dllmemfilemap'));
}

/** The library that exports the functions of kernel32: the system's, or the full path of the project's own. */
export function kernel32Path(): string {
  return platform === 'win32' ? 'kernel32.dll' : builtFile(libraryName('kernel32'));
}

/** The library that exports the functions of advapi32. The project's own kernel32 has them too. */
export function advapi32Path(): string {
  return platform === 'win32' ? 'advapi32.dll' : kernel32Path();
}

/** The library that exports the functions of user32, likewise. */
export function user32Path(): string {
  return platform === 'win32' ? 'user32.dll' : kernel32Path();
}

/** The full path of one of the C++ programs. */
export function programPath(name: string): string {
  return builtFile(platform === 'win32' ? `${name}.exe` : name);
}

/** The folder that has the files of shared memory, or `undefined` where it has none. */
function sharedMemoryFolder(): string | undefined {
  if (platform === 'win32') return undefined;
  return platform === 'darwin' ? tmpdir() : '/dev/shm';
}

/**
 * How much more shared memory there is room for.
 *
 * @returns where, and the bytes; on Windows those of the physical memory, to which the paging file adds
 * @throws {Error} of the file system, if the folder for shared memory is not there
 */
export function sharedMemoryRoom(): { readonly place: string; readonly free: number } {
  const folder = sharedMemoryFolder();
  if (folder === undefined) return { place: 'memory', free: freemem() };
  const { bavail, bsize } = statfsSync(folder);
  return { place: folder, free: bavail * bsize };
}

/** Whose the names without a prefix are, in words. */
export function ownNamespace(): string {
  return platform === 'win32'
    ? `session ${env.SESSIONNAME ?? 'without a name'}; other sessions have a section of their own`
    : `user ${process.geteuid?.()} in ${sharedMemoryFolder()}; other users, and containers, have a section of their own`;
}
