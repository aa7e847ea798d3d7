// The part of the loader's role that concerns a DLL's entry point.
#ifndef DLLMEMFILEMAP_POSIX_LIBRARY_H
#define DLLMEMFILEMAP_POSIX_LIBRARY_H

#include "windows.h"

extern "C" {

typedef BOOL(WINAPI* DllEntryPoint)(HINSTANCE hinstDLL, DWORD fdwReason, LPVOID lpvReserved);

// Calls the entry point of a library that is being loaded with DLL_PROCESS_ATTACH. If it returns
// FALSE, calls it with DLL_PROCESS_DETACH, as Windows does, and returns FALSE after the failure has
// been reported to whoever loads: LoadLibraryW fails; a program that was linked against the library
// ends with exit code 127, the dynamic linker's own, as it must not run on; under a plain dlopen
// nobody can be told, so the text goes to stderr. `symbol` and `address` are any export of the
// library.
BOOL AttachLibrary(DllEntryPoint entry, const char* symbol, const void* address);

// Whether a library, as dlopen returned it, is loaded although AttachLibrary, of this library, has
// returned FALSE for it.
BOOL HasLibraryRefused(void* library);

// Calls the entry point of a library that was attached with DLL_PROCESS_DETACH. As on Windows,
// lpvReserved is null if the library is being unloaded, and not null if the process ends.
VOID DetachLibrary(DllEntryPoint entry, const void* address);
}

#endif
