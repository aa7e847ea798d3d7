import { closeSync, existsSync, openSync, readSync, statfsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// Not by an import, which makes the standard streams. That takes 3 ms.
const { arch, argv, env, execPath, platform } = process;

/** The file name of a library that the build makes. */
function libraryName(name: string): string {
  if (platform === 'win32') return `${name}.dll`;
  return platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`;
}

/** Where this code is in the package: in a file of its own, and in the one that `src/bundle.mjs` makes. */
const PLACE_IN_PACKAGE = /[\\/]dist[\\/](win32[\\/]native-library|bundle[\\/]modules)\.js$/;

/** The file that this code is in: the package's own, or a bundle. */
function ownFile(): string {
  // Some bundlers leave nothing there, and some the path on the machine where they ran.
  const url: string | undefined = import.meta.url;
  if (url !== undefined && existsSync(new URL(url))) return fileURLToPath(url);
  try {
    return __filename;
  } catch {
    // A module has no such variable. Some bundlers answer `typeof` without looking.
    return argv[1] ?? execPath;
  }
}

/** The folder of the package; `undefined` in a bundle, which has none. */
function packageFolder(): string | undefined {
  const file = ownFile();
  return PLACE_IN_PACKAGE.test(file) ? join(file, '../../..') : undefined;
}

/**
 * Another compiled file of the package, by its path in `dist`; `undefined` in a bundle, which has none.
 *
 * @internal
 */
export function compiledFile(path: string): URL | undefined {
  const folder = packageFolder();
  return folder === undefined ? undefined : pathToFileURL(join(folder, 'dist', path));
}

/**
 * The folder that the environment names for the libraries. A program with the rights of somebody else than its caller
 * loads nothing that the caller names.
 */
function namedFolder(): string | undefined {
  const hasOtherRights = process.getuid?.() !== process.geteuid?.() || process.getgid?.() !== process.getegid?.();
  return hasOtherRights ? undefined : env.DLLMEMFILEMAP_BUILD || undefined;
}

/** The folder `build`: the one that the environment names, that of the package, or the one beside the bundle. */
function buildFolder(): string {
  const named = namedFolder();
  if (named !== undefined) return resolve(named);
  return join(packageFolder() ?? dirname(ownFile()), 'build');
}

/**
 * Why a library that does not exist is not there.
 *
 * @internal
 */
export function whyMissing(): string {
  if (namedFolder() !== undefined) return `the folder that DLLMEMFILEMAP_BUILD names has none for ${target()}`;
  return packageFolder() === undefined
    ? `this package was bundled, and there is none for ${target()} beside '${ownFile()}'`
    : `this package has none for ${target()}`;
}

/**
 * How to come by a library that cannot be loaded: the command that builds it, in a checkout and in an installed package
 * alike, or what a bundle needs.
 *
 * @internal
 */
export function howToProvide(): string {
  if (namedFolder() !== undefined) return 'Name another folder in DLLMEMFILEMAP_BUILD, or none';
  const folder = packageFolder();
  return folder === undefined
    ? "Mark 'dllmemfilemap' as external, copy its folder 'build' to beside the bundle, or name it in DLLMEMFILEMAP_BUILD"
    : `Run node "${join(folder, 'dll/build.mjs')}" to build it`;
}

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
    // The program may be gone, or may not be read. The other C library is the usual one.
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
  const builtIn = (folder: string) => join(buildFolder(), folder, name);
  const here = builtIn('Release');
  if (existsSync(here)) return here;
  const elsewhere = builtIn(target());
  return existsSync(elsewhere) ? elsewhere : here;
}

/** Whether the system's text for an error adds something: Windows' its language, and dll/posix' at most a path. */
export function tellsMore(text: string): boolean {
  return platform === 'win32' ? text !== '' : text.includes('/');
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
  if (platform !== 'darwin') return '/dev/shm';
  // Whatever TMPDIR says.
  const { execFileSync } = process.getBuiltinModule('node:child_process');
  return execFileSync('/usr/bin/getconf', ['DARWIN_USER_TEMP_DIR'], { encoding: 'utf8' }).trim().replace(/\/$/, '');
}

/** Where the files of a namespace's objects are. */
export interface ObjectFiles {
  /** Of the objects' names. */
  readonly prefix: 'Local\\' | 'Global\\';
  /** What the paths of the files begin with. */
  readonly path: string;
}

/** Where dll/posix keeps the named objects that this user may open, or `undefined` where the system keeps them itself. */
export function objectFiles(): readonly ObjectFiles[] | undefined {
  const folder = sharedMemoryFolder();
  if (folder === undefined) return undefined;
  return [
    { prefix: 'Local\\', path: `${folder}/dllmemfilemap.user-${process.geteuid?.()}.` },
    { prefix: 'Global\\', path: `${platform === 'darwin' ? '/private/var/tmp' : folder}/dllmemfilemap.global.` },
  ];
}

/**
 * How much more shared memory there is room for.
 *
 * @returns where, and the bytes; on Windows those of the physical memory, to which the paging file adds
 * @throws `Error` of the file system, if the folder for shared memory is not there
 */
export function sharedMemoryRoom(): { readonly place: string; readonly free: number } {
  const folder = sharedMemoryFolder();
  if (folder === undefined) return { place: 'memory', free: process.getBuiltinModule('node:os').freemem() };
  const { bavail, bsize } = statfsSync(folder);
  return { place: folder, free: bavail * bsize };
}

/** Whose the names without a prefix are, in words. */
export function ownNamespace(): string {
  return platform === 'win32'
    ? `session ${env.SESSIONNAME ?? 'without a name'}; other sessions have a section of their own`
    : `user ${process.geteuid?.()} in ${sharedMemoryFolder()}; other users, and containers, have a section of their own. ${UNSEEN}`;
}

const UNSEEN =
  "Programs in Wine, and those that use shm_open, have memory that is not this package's, so it does not see it.";

/**
 * Which running programs are not seen although they have a mapping, for a message; empty where all are.
 *
 * @internal
 */
export function unseenPrograms(): string {
  return platform === 'win32' ? '' : UNSEEN;
}
