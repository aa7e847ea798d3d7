import type { LibraryHandle } from 'koffi';
import { type Bool, func, open } from './kernel32.js';
import { kernel32Path } from './native-library.js';

/** A `HANDLE` as a number, which costs each call less than a `bigint` does. C's null pointer is 0. */
export type Handle = number;

export const WAIT_OBJECT_0 = 0;
export const WAIT_ABANDONED_0 = 0x80;
export const WAIT_TIMEOUT = 258;
export const WAIT_FAILED = 0xffffffff;
export const MAXIMUM_WAIT_OBJECTS = 64;
export const SYNCHRONIZE = 0x100000;
export const EVENT_MODIFY_STATE = 0x0002;
export const SEMAPHORE_MODIFY_STATE = 0x0002;

let functions: ReturnType<typeof declare> | undefined;

/** The Win32 functions for events, mutexes and semaphores, loaded at the first call. */
export function synchronization() {
  functions ??= declare();
  return functions;
}

/** Those that a thread needs which waits for another, and which is sooner ready without the rest. */
export function waiting() {
  return declareWaiting(open(kernel32Path()));
}

function declareWaiting(library: LibraryHandle) {
  return {
    GetLastError: func<() => number>(library, 'uint32_t __stdcall GetLastError()'),

    WaitForSingleObject: func<(hHandle: Handle, dwMilliseconds: number) => number>(
      library,
      'uint32_t __stdcall WaitForSingleObject(intptr_t hHandle, uint32_t dwMilliseconds)',
    ),

    WaitForMultipleObjects: func<
      (nCount: number, lpHandles: BigInt64Array, bWaitAll: Bool, dwMilliseconds: number) => number
    >(
      library,
      'uint32_t __stdcall WaitForMultipleObjects(uint32_t nCount, void *lpHandles, int bWaitAll, uint32_t dwMilliseconds)',
    ),

    ReleaseMutex: func<(hMutex: Handle) => Bool>(library, 'int __stdcall ReleaseMutex(intptr_t hMutex)'),

    SetEvent: func<(hEvent: Handle) => Bool>(library, 'int __stdcall SetEvent(intptr_t hEvent)'),
  };
}

function declare() {
  const library = open(kernel32Path());
  return {
    ...declareWaiting(library),

    CloseHandle: func<(hObject: Handle) => Bool>(library, 'int __stdcall CloseHandle(intptr_t hObject)'),

    CreateMutexW: func<(lpMutexAttributes: Uint8Array | null, bInitialOwner: Bool, lpName: string | null) => Handle>(
      library,
      'intptr_t __stdcall CreateMutexW(void *lpMutexAttributes, int bInitialOwner, const char16_t *lpName)',
    ),

    OpenMutexW: func<(dwDesiredAccess: number, bInheritHandle: Bool, lpName: string) => Handle>(
      library,
      'intptr_t __stdcall OpenMutexW(uint32_t dwDesiredAccess, int bInheritHandle, const char16_t *lpName)',
    ),

    CreateEventW: func<
      (lpEventAttributes: Uint8Array | null, bManualReset: Bool, bInitialState: Bool, lpName: string | null) => Handle
    >(
      library,
      'intptr_t __stdcall CreateEventW(void *lpEventAttributes, int bManualReset, int bInitialState, ' +
        'const char16_t *lpName)',
    ),

    OpenEventW: func<(dwDesiredAccess: number, bInheritHandle: Bool, lpName: string) => Handle>(
      library,
      'intptr_t __stdcall OpenEventW(uint32_t dwDesiredAccess, int bInheritHandle, const char16_t *lpName)',
    ),

    ResetEvent: func<(hEvent: Handle) => Bool>(library, 'int __stdcall ResetEvent(intptr_t hEvent)'),

    CreateSemaphoreW: func<
      (
        lpSemaphoreAttributes: Uint8Array | null,
        lInitialCount: number,
        lMaximumCount: number,
        lpName: string | null,
      ) => Handle
    >(
      library,
      'intptr_t __stdcall CreateSemaphoreW(void *lpSemaphoreAttributes, int32_t lInitialCount, ' +
        'int32_t lMaximumCount, const char16_t *lpName)',
    ),

    OpenSemaphoreW: func<(dwDesiredAccess: number, bInheritHandle: Bool, lpName: string) => Handle>(
      library,
      'intptr_t __stdcall OpenSemaphoreW(uint32_t dwDesiredAccess, int bInheritHandle, const char16_t *lpName)',
    ),

    ReleaseSemaphore: func<(hSemaphore: Handle, lReleaseCount: number, lpPreviousCount: Int32Array) => Bool>(
      library,
      'int __stdcall ReleaseSemaphore(intptr_t hSemaphore, int32_t lReleaseCount, void *lpPreviousCount)',
    ),
  };
}
