import { existsSync } from 'node:fs';
import { arch, platform } from 'node:process';
import { fileURLToPath } from 'node:url';

/** What the libraries are called on each platform. A library without a path is the system's own. */
interface LibraryNames {
  readonly dll: string;
  readonly kernel32: string;
  readonly isKernel32Built: boolean;
}

function libraryNames(): LibraryNames {
  if (platform === 'win32') return { dll: 'dllmemfilemap.dll', kernel32: 'kernel32.dll', isKernel32Built: false };
  const extension = platform === 'darwin' ? 'dylib' : 'so';
  return { dll: `libdllmemfilemap.${extension}`, kernel32: `libkernel32.${extension}`, isKernel32Built: true };
}

/** The processor and system that a library has to be built for, such as `linux-x64`. */
export const target = `${platform}-${arch}`;

/**
 * Finds a file that the build makes: in `build/Release`, where a build for this machine puts it, or in the folder of a
 * build for this target.
 *
 * @returns its full path; in `build/Release` if it is nowhere
 */
function builtFile(name: string): string {
  const candidates = ['build/Release', `build/${target}`].map((folder) =>
    fileURLToPath(new URL(`../${folder}/${name}`, import.meta.url)),
  );
  return candidates.find((path) => existsSync(path)) ?? (candidates[0] as string);
}

/** The full path of the DLL, whether or not it exists. */
export function dllPath(): string {
  return builtFile(libraryNames().dll);
}

/** The library that exports the Win32 functions: the system's name for it, or the full path of the project's own. */
export function kernel32Path(): string {
  const { kernel32, isKernel32Built } = libraryNames();
  return isKernel32Built ? builtFile(kernel32) : kernel32;
}

/** The full path of one of the C++ programs. */
export function programPath(name: string): string {
  return builtFile(platform === 'win32' ? `${name}.exe` : name);
}
