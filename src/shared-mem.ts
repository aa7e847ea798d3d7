import { existsSync } from 'node:fs';
import koffi from 'koffi';
import { checkText, describe, useAfterClose } from './arguments.js';
import { FILE_MAP_WRITE, INVALID_HANDLE_VALUE, kernel32, PAGE_READWRITE, type Pointer } from './kernel32.js';
import { dllPath, target } from './native-library.js';
import { check, Win32Error } from './win32-error.js';

/** Size of the shared memory, in bytes. */
export const SHMEMSIZE = 4096;

/** The longest text that fits, in UTF-16 code units: the memory without the terminator. */
export const MAX_CHARACTERS = SHMEMSIZE / 2 - 1;

/** A buffer of this many characters takes the whole memory, should somebody have filled it without a terminator. */
const WHOLE_MEMORY = SHMEMSIZE / 2 + 1;

const ERROR_BAD_EXE_FORMAT = 193;
const ERROR_DLL_INIT_FAILED = 1114;

/**
 * One reference to the loaded DLL, as of one `LoadLibrary` call. The shared memory lives as long as any process has
 * such a reference. Made by {@link loadSharedMem}.
 */
export class SharedMem implements Disposable {
  #module: Pointer | undefined;
  /** `void SetSharedMem(const char16_t *lpszBuf)` */
  readonly #set: (lpszBuf: string) => void;
  /** `void GetSharedMem(char16_t *lpszBuf, uint32_t cchSize)` */
  readonly #get: (lpszBuf: Uint8Array, cchSize: number) => void;
  readonly #buffer = Buffer.alloc(WHOLE_MEMORY * 2);

  private constructor(module: Pointer, path: string) {
    this.#module = module;
    const { GetProcAddress } = kernel32();
    const address = (name: string) => check(GetProcAddress(module, name), 'GetProcAddress', path, name);
    this.#set = declareOnce(address('SetSharedMem'), 'void', ['str16']);
    this.#get = declareOnce(address('GetSharedMem'), 'void', ['void *', 'uint32_t']);
  }

  /** @internal */
  static load(): SharedMem {
    const path = dllPath();
    const module = kernel32().LoadLibraryW(path);
    if (module === null) throw loadError(kernel32().GetLastError(), path);
    return new SharedMem(module, path);
  }

  /**
   * Writes a text and its terminator into the shared memory.
   *
   * @param text at most {@link MAX_CHARACTERS} UTF-16 code units, lone surrogates included, without U+0000
   * @throws {TypeError} if it is no string or has U+0000 in it; the memory is as it was before
   * @throws {RangeError} if it is too long; the memory is as it was before
   * @throws {Error} `ERR_USE_AFTER_CLOSE` if this reference was unloaded
   */
  set(text: string): void {
    checkText(text, MAX_CHARACTERS);
    this.#checkLoaded();
    this.#set(text);
  }

  /**
   * Reads the text in the shared memory.
   *
   * @param cchSize the number of UTF-16 code units that the result may take up together with a terminator: at most
   *   `cchSize - 1` are returned. All of them if absent
   * @throws {RangeError} if `cchSize` is no integer from 1 up
   * @throws {Error} `ERR_USE_AFTER_CLOSE` if this reference was unloaded
   */
  get(cchSize: number = WHOLE_MEMORY): string {
    if (!Number.isInteger(cchSize) || cchSize < 1) {
      throw new RangeError(`cchSize must be an integer from 1 up: it is ${describe(cchSize)}`);
    }
    this.#checkLoaded();
    this.#get(this.#buffer, Math.min(cchSize, WHOLE_MEMORY));
    return this.#buffer.toString('utf16le', 0, kernel32().lstrlenW(this.#buffer) * 2);
  }

  /** Gives this reference up. With the last one of the last process the shared memory ends. Again does nothing. */
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
 * @throws {Win32Error} if the DLL is missing, is for another processor, or cannot map its memory
 * @example
 * ```ts
 * using sharedMem = loadSharedMem();
 * sharedMem.set('This is a test string');
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/api/libloaderapi/nf-libloaderapi-loadlibraryw | LoadLibraryW}
 */
export function loadSharedMem(): SharedMem {
  return SharedMem.load();
}

/** The functions that were declared, by address: koffi keeps what is declared to it for ever. */
const declared = new Map<Pointer, unknown>();

function declareOnce<F>(address: Pointer, result: string, parameters: string[]): F {
  if (!declared.has(address)) declared.set(address, koffi.decode(address, koffi.proto(result, parameters)));
  return declared.get(address) as F;
}

/** This thread's reference for those who do not care how long. */
let shared: SharedMem | undefined;

/**
 * Writes a text into the shared memory. The first call loads the DLL, which then stays until the process ends or
 * {@link unloadSharedMem} is called.
 *
 * @param text see {@link SharedMem.set}, for the errors too
 * @throws {Win32Error} as {@link loadSharedMem}
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
 * @throws {Win32Error} as {@link loadSharedMem}
 */
export function getSharedMem(cchSize?: number): string {
  shared ??= loadSharedMem();
  return shared.get(cchSize);
}

/**
 * Gives up the reference that {@link setSharedMem} and {@link getSharedMem} hold, if there is one; their next call
 * loads the DLL again. Every worker thread has a reference of its own.
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
  if (errno === ERROR_BAD_EXE_FORMAT) return failed(`this process needs one for ${target}`);
  return failed(existsSync(path) ? 'the file itself exists' : 'there is no such file');
}

/** Why the DLL's entry point failed, which the loader does not say: does what it did, and tells where that fails. */
function attachError(): unknown {
  const { CloseHandle, CreateFileMappingW, MapViewOfFile, UnmapViewOfFile } = kernel32();
  try {
    const name = 'dllmemfilemap';
    const mapping = check(
      CreateFileMappingW(INVALID_HANDLE_VALUE, null, PAGE_READWRITE, 0, SHMEMSIZE, name),
      'CreateFileMappingW',
      name,
    );
    try {
      UnmapViewOfFile(check(MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0), 'MapViewOfFile', name));
    } finally {
      CloseHandle(mapping);
    }
  } catch (error) {
    return error;
  }
  return new Error('trying the same again succeeded');
}
