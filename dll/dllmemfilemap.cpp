// The DLL: its entry point maps the shared memory, its two exports copy a string in and out.

#include "dllmemfilemap.h"

#include "shared_text.h"

extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD fdwReason, LPVOID lpvReserved) {
  switch (fdwReason) {
    case DLL_PROCESS_ATTACH:
      return shared_text::Attach();
    case DLL_PROCESS_DETACH:
      // If the process ends, the system frees all, and other threads may still be calling.
      if (!lpvReserved) shared_text::Detach();
      break;
  }
  return TRUE;
}

VOID __cdecl SetSharedMem(LPWSTR lpszBuf) { shared_text::Set(lpszBuf); }

VOID __cdecl GetSharedMem(LPWSTR lpszBuf, DWORD cchSize) { shared_text::Get(lpszBuf, cchSize); }
