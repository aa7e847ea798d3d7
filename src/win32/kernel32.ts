import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { otherProcessor } from './library-processor.js';
import { advapi32Path, howToProvide, kernel32Path, user32Path, whyMissing } from './native-library.js';

/** A `HANDLE`, an `HMODULE` or an address. C's null pointer is `null`. */
export type Pointer = bigint;

/** A `BOOL`, which is an `int`: 0 is `FALSE`. */
export type Bool = number;

/** The Win32 functions that this package calls. */
export type Kernel32 = ReturnType<typeof declare>;

export const INVALID_HANDLE_VALUE = -1;
export const INFINITE = 0xffffffff;
export const HANDLE_FLAG_INHERIT = 0x0001;
/** The arguments of `GetStdHandle` for input, output and errors. */
export const STD_HANDLES = [0xfffffff6, 0xfffffff5, 0xfffffff4];
export const PAGE_READWRITE = 0x04;
export const FILE_MAP_COPY = 0x0001;
export const FILE_MAP_WRITE = 0x0002;
export const FILE_MAP_READ = 0x0004;
export const MEM_COMMIT = 0x1000;
export const MEM_RESERVE = 0x2000;
export const SDDL_REVISION_1 = 1;
export const FORMAT_MESSAGE_IGNORE_INSERTS = 0x0200;
export const FORMAT_MESSAGE_FROM_SYSTEM = 0x1000;

/** `STARTUPINFOW` without anything asked for, which only has to say its size. */
interface StartupInfo {
  readonly cb: number;
}

export interface ProcessInformation {
  hProcess: Pointer;
  hThread: Pointer;
}

export interface MemoryBasicInformation {
  RegionSize: number | bigint;
  State: number;
}

let functions: Kernel32 | undefined;
let securityFunctions: ReturnType<typeof declareSecurity> | undefined;

/**
 * The Win32 functions, loaded at the first call: the system's own on Windows, those of `dll/posix` elsewhere.
 *
 * @throws `Error` if the library of `dll/posix` cannot be loaded
 */
export function kernel32(): Kernel32 {
  functions ??= declare(open(kernel32Path()));
  return functions;
}

/** The Win32 functions for security, likewise. */
export function security() {
  securityFunctions ??= declareSecurity(open(kernel32Path()), open(advapi32Path()));
  return securityFunctions;
}

/** The Win32 functions for windows, likewise, for the sample programs. */
export function user32() {
  return {
    MessageBoxW: func<(hWnd: null, lpText: string, lpCaption: string, uType: number) => number>(
      open(user32Path()),
      'int __stdcall MessageBoxW(void *hWnd, const char16_t *lpText, const char16_t *lpCaption, uint32_t uType)',
    ),
  };
}

/**
 * Loads a library.
 *
 * @throws `Error` that says how to build it
 */
export function open(path: string): LibraryHandle {
  try {
    return koffi.load(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const isMissing = isAbsolute(path) && !existsSync(path);
    const found = isMissing ? whyMissing() : (otherProcessor(path) ?? reason);
    throw new Error(`Cannot load '${path}': ${found}. ${howToProvide()}.`, { cause });
  }
}

/** A C prototype; or, where a structure without a name is in it, name, result and parameters. */
type Prototype = string | [name: string, result: TypeSpec, parameters: TypeSpec[]];
type TypeSpec = Parameters<typeof koffi.out>[0];

/** Declares a function by its C prototype; the caller says what that is in TypeScript. */
export function func<F extends (...args: never[]) => unknown>(library: LibraryHandle, prototype: Prototype): F {
  const declared = typeof prototype === 'string' ? library.func(prototype) : library.func('__stdcall', ...prototype);
  return declared as unknown as F;
}

function declareSecurity(kernel32: LibraryHandle, advapi32: LibraryHandle) {
  return {
    ConvertStringSecurityDescriptorToSecurityDescriptorW: func<
      (
        StringSecurityDescriptor: string,
        StringSDRevision: number,
        SecurityDescriptor: Uint8Array,
        SecurityDescriptorSize: null,
      ) => Bool
    >(
      advapi32,
      'int __stdcall ConvertStringSecurityDescriptorToSecurityDescriptorW(const char16_t *StringSecurityDescriptor, ' +
        'uint32_t StringSDRevision, void *SecurityDescriptor, void *SecurityDescriptorSize)',
    ),

    LocalFree: func<(hMem: Pointer | null) => null>(kernel32, 'void *__stdcall LocalFree(void *hMem)'),
  };
}

/** The structures, without names of their own, as koffi has one namespace for all copies of this package. */
function structures() {
  return {
    SECURITY_ATTRIBUTES: koffi.struct({
      nLength: 'uint32_t',
      lpSecurityDescriptor: 'void *',
      bInheritHandle: 'int',
    }),
    MEMORY_BASIC_INFORMATION: koffi.struct({
      BaseAddress: 'void *',
      AllocationBase: 'void *',
      AllocationProtect: 'uint32_t',
      RegionSize: 'size_t',
      State: 'uint32_t',
      Protect: 'uint32_t',
      Type: 'uint32_t',
    }),
    STARTUPINFOW: koffi.struct({
      cb: 'uint32_t',
      unused1: koffi.array('void *', 3),
      unused2: koffi.array('uint32_t', 8),
      unused3: koffi.array('uint16_t', 2),
      unused4: koffi.array('void *', 4),
    }),
    PROCESS_INFORMATION: koffi.struct({
      hProcess: 'void *',
      hThread: 'void *',
      dwProcessId: 'uint32_t',
      dwThreadId: 'uint32_t',
    }),
  };
}

function declare(library: LibraryHandle) {
  const { SECURITY_ATTRIBUTES, MEMORY_BASIC_INFORMATION, STARTUPINFOW, PROCESS_INFORMATION } = structures();
  return {
    GetLastError: func<() => number>(library, 'uint32_t __stdcall GetLastError()'),

    FormatMessageW: func<
      (
        dwFlags: number,
        lpSource: null,
        dwMessageId: number,
        dwLanguageId: number,
        lpBuffer: Uint8Array,
        nSize: number,
        Arguments: null,
      ) => number
    >(
      library,
      'uint32_t __stdcall FormatMessageW(uint32_t dwFlags, void *lpSource, uint32_t dwMessageId, ' +
        'uint32_t dwLanguageId, void *lpBuffer, uint32_t nSize, void *Arguments)',
    ),

    CloseHandle: func<(hObject: Pointer) => Bool>(library, 'int __stdcall CloseHandle(void *hObject)'),

    WaitForSingleObject: func<(hHandle: Pointer, dwMilliseconds: number) => number>(
      library,
      'uint32_t __stdcall WaitForSingleObject(void *hHandle, uint32_t dwMilliseconds)',
    ),

    CreateFileMappingW: func<
      (
        hFile: number,
        lpFileMappingAttributes: Uint8Array | null,
        flProtect: number,
        dwMaximumSizeHigh: number,
        dwMaximumSizeLow: number,
        lpName: string | null,
      ) => Pointer | null
    >(
      library,
      'void *__stdcall CreateFileMappingW(intptr_t hFile, void *lpFileMappingAttributes, uint32_t flProtect, ' +
        'uint32_t dwMaximumSizeHigh, uint32_t dwMaximumSizeLow, const char16_t *lpName)',
    ),

    OpenFileMappingW: func<(dwDesiredAccess: number, bInheritHandle: Bool, lpName: string) => Pointer | null>(
      library,
      'void *__stdcall OpenFileMappingW(uint32_t dwDesiredAccess, int bInheritHandle, const char16_t *lpName)',
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
      library,
      'void *__stdcall MapViewOfFile(void *hFileMappingObject, uint32_t dwDesiredAccess, uint32_t dwFileOffsetHigh, ' +
        'uint32_t dwFileOffsetLow, size_t dwNumberOfBytesToMap)',
    ),

    MapViewOfFileEx: func<
      (
        hFileMappingObject: Pointer,
        dwDesiredAccess: number,
        dwFileOffsetHigh: number,
        dwFileOffsetLow: number,
        dwNumberOfBytesToMap: number,
        lpBaseAddress: Pointer,
      ) => Pointer | null
    >(
      library,
      'void *__stdcall MapViewOfFileEx(void *hFileMappingObject, uint32_t dwDesiredAccess, uint32_t dwFileOffsetHigh, ' +
        'uint32_t dwFileOffsetLow, size_t dwNumberOfBytesToMap, void *lpBaseAddress)',
    ),

    UnmapViewOfFile: func<(lpBaseAddress: Pointer) => Bool>(
      library,
      'int __stdcall UnmapViewOfFile(void *lpBaseAddress)',
    ),

    VirtualAlloc: func<
      (lpAddress: Pointer, dwSize: number, flAllocationType: number, flProtect: number) => Pointer | null
    >(
      library,
      'void *__stdcall VirtualAlloc(void *lpAddress, size_t dwSize, uint32_t flAllocationType, uint32_t flProtect)',
    ),

    RtlMoveMemory: func<(Destination: Uint8Array | Pointer, Source: Uint8Array | Pointer, Length: number) => void>(
      library,
      'void __stdcall RtlMoveMemory(void *Destination, const void *Source, size_t Length)',
    ),

    VirtualQuery: func<(lpAddress: Pointer, lpBuffer: Partial<MemoryBasicInformation>, dwLength: number) => number>(
      library,
      // size_t VirtualQuery(void *lpAddress, MEMORY_BASIC_INFORMATION *lpBuffer, size_t dwLength)
      ['VirtualQuery', 'size_t', ['void *', koffi.out(koffi.pointer(MEMORY_BASIC_INFORMATION)), 'size_t']],
    ),

    GetStdHandle: func<(nStdHandle: number) => Pointer>(library, 'void *__stdcall GetStdHandle(uint32_t nStdHandle)'),

    SetHandleInformation: func<(hObject: Pointer, dwMask: number, dwFlags: number) => Bool>(
      library,
      'int __stdcall SetHandleInformation(void *hObject, uint32_t dwMask, uint32_t dwFlags)',
    ),

    CreateProcessW: func<
      (
        lpApplicationName: null,
        lpCommandLine: Uint8Array,
        lpProcessAttributes: null,
        lpThreadAttributes: null,
        bInheritHandles: Bool,
        dwCreationFlags: number,
        lpEnvironment: null,
        lpCurrentDirectory: null,
        lpStartupInfo: StartupInfo,
        lpProcessInformation: Partial<ProcessInformation>,
      ) => Bool
    >(
      library,
      // int CreateProcessW(void *lpApplicationName, void *lpCommandLine, void *lpProcessAttributes,
      //                     void *lpThreadAttributes, int bInheritHandles, uint32_t dwCreationFlags,
      //                     void *lpEnvironment, void *lpCurrentDirectory, STARTUPINFOW *lpStartupInfo,
      //                     PROCESS_INFORMATION *lpProcessInformation)
      [
        'CreateProcessW',
        'int',
        [
          ...['void *', 'void *', 'void *', 'void *', 'int', 'uint32_t', 'void *', 'void *'],
          ...[koffi.pointer(STARTUPINFOW), koffi.out(koffi.pointer(PROCESS_INFORMATION))],
        ],
      ],
    ),

    LoadLibraryW: func<(lpLibFileName: string) => Pointer | null>(
      library,
      'void *__stdcall LoadLibraryW(const char16_t *lpLibFileName)',
    ),

    FreeLibrary: func<(hLibModule: Pointer) => Bool>(library, 'int __stdcall FreeLibrary(void *hLibModule)'),

    GetProcAddress: func<(hModule: Pointer, lpProcName: string) => Pointer | null>(
      library,
      'void *__stdcall GetProcAddress(void *hModule, const char *lpProcName)',
    ),

    /** The sizes of the structures that say their own, in bytes. */
    sizeOf: {
      MEMORY_BASIC_INFORMATION: koffi.sizeof(MEMORY_BASIC_INFORMATION),
      SECURITY_ATTRIBUTES: koffi.sizeof(SECURITY_ATTRIBUTES),
      STARTUPINFOW: koffi.sizeof(STARTUPINFOW),
    },

    /** Where in its structure a member is, in bytes. */
    offsetOf: { lpSecurityDescriptor: koffi.offsetof(SECURITY_ATTRIBUTES, 'lpSecurityDescriptor') },
  };
}
