import koffi, { type LibraryHandle } from 'koffi';
import { kernel32Path } from './native-library.js';

/** A `HANDLE`, an `HMODULE` or an address. C's null pointer is `null`. */
export type Pointer = bigint;

/** The Win32 functions that this package calls. */
export type Kernel32 = ReturnType<typeof declare>;

export const INVALID_HANDLE_VALUE = -1;
export const INFINITE = 0xffffffff;
export const PAGE_READWRITE = 0x04;
export const FILE_MAP_WRITE = 0x0002;

/** `STARTUPINFOW` without anything asked for, which only has to say its size. */
interface StartupInfo {
  readonly cb: number;
}

export interface ProcessInformation {
  hProcess: Pointer;
  hThread: Pointer;
}

let functions: Kernel32 | undefined;

/**
 * The Win32 functions, loaded at the first call: the system's own on Windows, those of `dll/posix` elsewhere.
 *
 * @throws {Error} if the library of `dll/posix` cannot be loaded
 */
export function kernel32(): Kernel32 {
  functions ??= declare(open(kernel32Path()));
  return functions;
}

function open(path: string): LibraryHandle {
  try {
    return koffi.load(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot load '${path}': ${reason}. Build it with "npm run build".`, { cause });
  }
}

function declare(library: LibraryHandle) {
  const func = <F extends (...args: never[]) => unknown>(prototype: string) => library.func(prototype) as unknown as F;
  koffi.struct('STARTUPINFOW', {
    cb: 'uint32_t',
    unused1: koffi.array('void *', 3),
    unused2: koffi.array('uint32_t', 8),
    unused3: koffi.array('uint16_t', 2),
    unused4: koffi.array('void *', 4),
  });
  koffi.struct('PROCESS_INFORMATION', {
    hProcess: 'void *',
    hThread: 'void *',
    dwProcessId: 'uint32_t',
    dwThreadId: 'uint32_t',
  });
  return {
    GetLastError: func<() => number>('uint32_t __stdcall GetLastError()'),

    CloseHandle: func<(hObject: Pointer) => boolean>('bool __stdcall CloseHandle(void *hObject)'),

    WaitForSingleObject: func<(hHandle: Pointer, dwMilliseconds: number) => number>(
      'uint32_t __stdcall WaitForSingleObject(void *hHandle, uint32_t dwMilliseconds)',
    ),

    CreateFileMappingW: func<
      (
        hFile: number,
        lpFileMappingAttributes: null,
        flProtect: number,
        dwMaximumSizeHigh: number,
        dwMaximumSizeLow: number,
        lpName: string | null,
      ) => Pointer | null
    >(
      'void *__stdcall CreateFileMappingW(intptr_t hFile, void *lpFileMappingAttributes, uint32_t flProtect, ' +
        'uint32_t dwMaximumSizeHigh, uint32_t dwMaximumSizeLow, const char16_t *lpName)',
    ),

    MapViewOfFile: func<
      (
        hFileMappingObject: Pointer,
        dwDesiredAccess: number,
        dwFileOffsetHigh: number,
        dwFileOffsetLow: number,
        dwNumberOfBytesToMap: number,
      ) => Pointer | null
    >(
      'void *__stdcall MapViewOfFile(void *hFileMappingObject, uint32_t dwDesiredAccess, uint32_t dwFileOffsetHigh, ' +
        'uint32_t dwFileOffsetLow, size_t dwNumberOfBytesToMap)',
    ),

    UnmapViewOfFile: func<(lpBaseAddress: Pointer) => boolean>(
      'bool __stdcall UnmapViewOfFile(void *lpBaseAddress)',
    ),

    CreateProcessW: func<
      (
        lpApplicationName: null,
        lpCommandLine: Uint8Array,
        lpProcessAttributes: null,
        lpThreadAttributes: null,
        bInheritHandles: boolean,
        dwCreationFlags: number,
        lpEnvironment: null,
        lpCurrentDirectory: null,
        lpStartupInfo: StartupInfo,
        lpProcessInformation: Partial<ProcessInformation>,
      ) => boolean
    >(
      'bool __stdcall CreateProcessW(void *lpApplicationName, void *lpCommandLine, void *lpProcessAttributes, ' +
        'void *lpThreadAttributes, bool bInheritHandles, uint32_t dwCreationFlags, void *lpEnvironment, ' +
        'void *lpCurrentDirectory, STARTUPINFOW *lpStartupInfo, _Out_ PROCESS_INFORMATION *lpProcessInformation)',
    ),

    LoadLibraryW: func<(lpLibFileName: string) => Pointer | null>(
      'void *__stdcall LoadLibraryW(const char16_t *lpLibFileName)',
    ),

    FreeLibrary: func<(hLibModule: Pointer) => boolean>('bool __stdcall FreeLibrary(void *hLibModule)'),

    GetProcAddress: func<(hModule: Pointer, lpProcName: string) => Pointer | null>(
      'void *__stdcall GetProcAddress(void *hModule, const char *lpProcName)',
    ),

    lstrlenW: func<(lpString: Uint8Array) => number>('int __stdcall lstrlenW(void *lpString)'),
  };
}

/** The size of `STARTUPINFOW`, in bytes. */
export const sizeOfStartupInfo = (): number => koffi.sizeof('STARTUPINFOW');
