import { existsSync } from 'node:fs';
import koffi from 'koffi';
import { refuseCloning } from '../objects/refuse-cloning.js';
import { describe, requireTextOf, useAfterClose } from '../win32/arguments.js';
import { decodeText } from '../win32/buffers.js';
import { FILE_MAP_WRITE, INVALID_HANDLE_VALUE, kernel32, PAGE_READWRITE, type Pointer } from '../win32/kernel32.js';
import { otherProcessor } from '../win32/library-processor.js';
import { dllPath, target, whyMissing } from '../win32/native-library.js';
import { check, Win32Error } from '../win32/win32-error.js';

/**
 * The name of the section that is the shared memory.
 *
 * @internal
 */
export const SECTION_NAME = 'dllmemfilemap';

/**
 * Size of the shared memory, in bytes. The section that it is in has whole pages, and is larger where these are.
 *
 * @group Shared text
 * @example
 * ```ts
 * import { FileMapping, setSharedMem, SHMEMSIZE } from 'dllmemfilemap';
 *
 * setSharedMem('This is a test string');
 * using section = FileMapping.open('dllmemfilemap', { access: 'read' });
 * section.size >= SHMEMSIZE; // true
 * ```
 */
export const SHMEMSIZE = 4096;

/**
 * The longest text that fits, in UTF-16 code units: the memory without the terminator.
 *
 * @group Shared text
 * @example
 * ```ts
 * import { MAX_CHARACTERS, setSharedMem } from 'dllmemfilemap';
 *
 * MAX_CHARACTERS; // 2047
 * setSharedMem('x'.repeat(MAX_CHARACTERS));
 * setSharedMem('x'.repeat(MAX_CHARACTERS + 1)); // throws RangeError
 * ```
 */
export const MAX_CHARACTERS = SHMEMSIZE / 2 - 1;

/** A buffer of this many characters takes the whole memory, should somebody have filled it without a terminator. */
const WHOLE_MEMORY = SHMEMSIZE / 2 + 1;

const ERROR_BAD_EXE_FORMAT = 193;
const ERROR_DLL_INIT_FAILED = 1114;

/**
 * One reference to the loaded DLL, as of one `LoadLibrary` call. The shared memory lives as long as any process has
 * such a reference. Made by {@link loadSharedMem}.
 *
 * @group Shared text
 * @example
 * ```ts
 * import { loadSharedMem, type SharedMem } from 'dllmemfilemap';
 *
 * function greet(sharedMem: SharedMem, name: string): void {
 *   sharedMem.set(`Hello, ${name}`);
 * }
 *
 * using sharedMem = loadSharedMem();
 * greet(sharedMem, 'Node');
 * sharedMem.get(); // 'Hello, Node'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/dlls/using-shared-memory-in-a-dynamic-link-library | Using Shared Memory in a Dynamic-Link Library}
 */
export class SharedMem implements Disposable {
  #module: Pointer | undefined;
  /** `void SetSharedMem(const char16_t *lpszBuf)` */
  readonly #set: (lpszBuf: string) => void;
  /** `void GetSharedMem(char16_t *lpszBuf, uint32_t cchSize)` */
  readonly #get: (lpszBuf: number, cchSize: number) => void;
  readonly #buffer = Buffer.alloc(WHOLE_MEMORY * 2);
  /** Of the buffer, whose memory never moves. Passing a number is what costs koffi least. */
  readonly #address = Number(koffi.address(this.#buffer));

  /**
   * As {@link loadSharedMem}.
   *
   * @internal
   */
  constructor() {
    const path = dllPath();
    const { GetLastError, GetProcAddress, LoadLibraryW } = kernel32();
    const module = LoadLibraryW(path);
    if (module === null) throw loadError(GetLastError(), path);
    this.#module = module;
    const address = (name: string) => check(GetProcAddress(module, name), 'GetProcAddress', path, name);
    this.#set = declareOnce(address('SetSharedMem'), 'str16');
    this.#get = declareOnce(address('GetSharedMem'), 'uintptr_t', 'uint32_t');
    refuseCloning(this, 'unload');
  }

  /**
   * Writes a text and its terminator into the shared memory.
   *
   * @param text at most {@link MAX_CHARACTERS} UTF-16 code units, lone surrogates included, without U+0000
   * @throws `TypeError` if it is no string or has U+0000 in it; the memory is as it was before
   * @throws `RangeError` if it is too long; the memory is as it was before
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this reference was unloaded
   * @example
   * ```ts
   * import { loadSharedMem } from 'dllmemfilemap';
   *
   * using sharedMem = loadSharedMem();
   * sharedMem.set('This is a test string');
   * sharedMem.set('two\0texts'); // throws TypeError
   * sharedMem.get(); // 'This is a test string'
   * ```
   */
  set(text: string): void {
    requireTextOf('text', text, MAX_CHARACTERS);
    this.#checkLoaded();
    this.#set(text);
  }

  /**
   * Reads the text in the shared memory.
   *
   * @param cchSize the number of UTF-16 code units that the result may take up together with a terminator: at most
   *   `cchSize - 1` are returned. All of them if absent
   * @returns at most 2048 UTF-16 code units, should another process have overwritten the terminator
   * @throws `RangeError` if `cchSize` is no integer from 1 up
   * @throws `Error` `ERR_USE_AFTER_CLOSE` if this reference was unloaded
   * @example
   * ```ts
   * import { loadSharedMem } from 'dllmemfilemap';
   *
   * using sharedMem = loadSharedMem();
   * sharedMem.get(); // ''
   * sharedMem.set('This is a test string');
   * sharedMem.get(); // 'This is a test string'
   * sharedMem.get(5); // 'This'
   * ```
   */
  get(cchSize?: number): string {
    const size = cchSize === undefined ? WHOLE_MEMORY : sizeOfBuffer(cchSize);
    this.#checkLoaded();
    this.#get(this.#address, size);
    return decodeText(this.#buffer, 0, size);
  }

  /**
   * Gives this reference up. With the last one of the last process the shared memory ends. Again does nothing.
   *
   * @example
   * ```ts
   * import { loadSharedMem } from 'dllmemfilemap';
   *
   * const sharedMem = loadSharedMem();
   * sharedMem.set('This is a test string');
   * sharedMem.unload();
   * sharedMem.get(); // throws ERR_USE_AFTER_CLOSE
   * ```
   * @see {@link https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-freelibrary | FreeLibrary}
   */
  unload(): void {
    if (this.#module === undefined) return;
    const module = this.#module;
    this.#module = undefined;
    check(kernel32().FreeLibrary(module), 'FreeLibrary', dllPath());
  }

  /** The same as {@link unload}. */
  [Symbol.dispose](): void {
    this.unload();
  }

  #checkLoaded(): void {
    if (this.#module === undefined) throw useAfterClose('This SharedMem');
  }
}

/**
 * Loads the DLL, for a caller who decides how long. Two of them in one process count like two calls of `LoadLibrary`:
 * the DLL stays until both are unloaded. Garbage collection unloads nothing.
 *
 * @returns a reference, which is the caller's to unload
 * @throws `Win32Error` if the DLL is missing, is for another processor, or cannot map its memory
 * @group Shared text
 * @example
 * ```ts
 * import { loadSharedMem } from 'dllmemfilemap';
 *
 * {
 *   using sharedMem = loadSharedMem();
 *   sharedMem.set('as long as this block');
 * }
 * using again = loadSharedMem();
 * again.get(); // ''
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-loadlibraryw | LoadLibraryW}
 */
export function loadSharedMem(): SharedMem {
  return new SharedMem();
}

/** The buffer's size that a caller's `cchSize` comes down to. */
function sizeOfBuffer(cchSize: number): number {
  if (!Number.isInteger(cchSize) || cchSize < 1) {
    throw new RangeError(`cchSize must be an integer from 1 up: it is ${describe(cchSize)}`);
  }
  return Math.min(cchSize, WHOLE_MEMORY);
}

/** The functions that were declared: koffi keeps what is declared to it for ever. */
const declared = new Map<string, unknown>();

/** The function without a result that is at an address, with parameters of these types. */
function declareOnce<F>(address: Pointer, ...parameters: string[]): F {
  const key = [address, ...parameters].join();
  if (!declared.has(key)) declared.set(key, koffi.decode(address, koffi.proto('void', parameters)));
  return declared.get(key) as F;
}

/** This thread's reference for those who do not care how long. */
let shared: SharedMem | undefined;

/**
 * Writes a text into the shared memory. The first call loads the DLL, which then stays until the process ends or
 * {@link unloadSharedMem} is called.
 *
 * @param text see {@link SharedMem.set}, for the errors too
 * @throws `Win32Error` as {@link loadSharedMem}
 * @group Shared text
 * @example
 * ```ts
 * import { getSharedMem, setSharedMem } from 'dllmemfilemap';
 *
 * setSharedMem('This is a test string');
 * getSharedMem(); // 'This is a test string'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/dlls/using-shared-memory-in-a-dynamic-link-library | Using Shared Memory in a Dynamic-Link Library}
 */
export function setSharedMem(text: string): void {
  shared ??= loadSharedMem();
  shared.set(text);
}

/**
 * Reads the text in the shared memory: the empty string if nobody has written one. Loads the DLL as
 * {@link setSharedMem} does.
 *
 * @param cchSize see {@link SharedMem.get}, for the errors too
 * @throws `Win32Error` as {@link loadSharedMem}
 * @group Shared text
 * @example
 * ```ts
 * import { getSharedMem, setSharedMem } from 'dllmemfilemap';
 *
 * getSharedMem(); // ''
 * setSharedMem('This is a test string');
 * getSharedMem(); // 'This is a test string'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/dlls/using-shared-memory-in-a-dynamic-link-library | Using Shared Memory in a Dynamic-Link Library}
 */
export function getSharedMem(cchSize?: number): string {
  shared ??= loadSharedMem();
  return shared.get(cchSize);
}

/**
 * Gives up the reference that {@link setSharedMem} and {@link getSharedMem} hold, if there is one; their next call
 * loads the DLL again. Every worker thread has a reference of its own.
 *
 * @group Shared text
 * @example
 * ```ts
 * import { getSharedMem, setSharedMem, unloadSharedMem } from 'dllmemfilemap';
 *
 * setSharedMem('gone with its last holder');
 * unloadSharedMem();
 * getSharedMem(); // ''
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-freelibrary | FreeLibrary}
 */
export function unloadSharedMem(): void {
  shared?.unload();
  shared = undefined;
}

function loadError(errno: number, path: string): Win32Error {
  const failed = (details: string, cause?: unknown) => new Win32Error(errno, 'LoadLibraryW', path, details, { cause });
  if (errno === ERROR_DLL_INIT_FAILED) {
    const cause = attachError();
    return failed(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (errno === ERROR_BAD_EXE_FORMAT) return failed(otherProcessor(path) ?? `this process needs one for ${target()}`);
  return failed(existsSync(path) ? 'the file itself exists' : whyMissing());
}

/** Why the DLL's entry point failed, which the loader does not say: does what it did, and tells where that fails. */
function attachError(): unknown {
  const { CloseHandle, CreateFileMappingW, MapViewOfFile, UnmapViewOfFile } = kernel32();
  try {
    const mapping = check(
      CreateFileMappingW(INVALID_HANDLE_VALUE, null, PAGE_READWRITE, 0, SHMEMSIZE, SECTION_NAME),
      'CreateFileMappingW',
      SECTION_NAME,
    );
    try {
      UnmapViewOfFile(check(MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0), 'MapViewOfFile', SECTION_NAME));
    } finally {
      CloseHandle(mapping);
    }
  } catch (error) {
    return error;
  }
  return new Error('trying the same again succeeded');
}
