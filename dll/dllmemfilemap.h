/* The C interface of the DLL: one string that every process which loads the DLL shares.
 *
 * The memory is the named file mapping "dllmemfilemap" of SHMEMSIZE bytes. It reads as zeros when
 * the first process attaches, and lives as long as any process has the DLL loaded.
 * https://learn.microsoft.com/windows/win32/dlls/using-shared-memory-in-a-dynamic-link-library
 */
#ifndef DLLMEMFILEMAP_H
#define DLLMEMFILEMAP_H

/* Where the system has no Windows API, the types come from the one that this project brings. */
#if __has_include(<windows.h>)
#include <windows.h>
#else
#include "posix/windows.h"
#endif

/* Size of the shared memory, in bytes: 2047 characters and the terminator. */
#define SHMEMSIZE 4096

#ifdef __cplusplus
extern "C" {
#endif

/* Copies the null-terminated string into the shared memory, and terminates it. Of a longer one, the
 * first 2047 characters are kept. Does nothing if lpszBuf is null. Readers that use this library
 * get the text before or this one, and never a part of each. Waits for another writer of them for
 * some 20 ms at most, and wakes who watches: shared_text_layout.h. */
VOID __cdecl SetSharedMem(LPWSTR lpszBuf);

/* Copies the string in the shared memory into the caller's buffer of cchSize characters, at most
 * cchSize - 1 of them, and terminates it. Never reads past the shared memory, whatever another
 * process wrote there. Does nothing if lpszBuf is null or cchSize is 0. */
VOID __cdecl GetSharedMem(LPWSTR lpszBuf, DWORD cchSize);

#ifdef __cplusplus
}
#endif

#endif
