// Linked into the DLL: has its DllMain called when the library is loaded and unloaded.

#include "dllmemfilemap.h"
#include "library.h"

extern "C" BOOL WINAPI DllMain(HINSTANCE hinstDLL, DWORD fdwReason, LPVOID lpvReserved);

namespace {

BOOL attached = FALSE;

__attribute__((constructor)) void Attach() {
  attached = AttachLibrary(DllMain, "SetSharedMem", reinterpret_cast<const void*>(&SetSharedMem));
}

__attribute__((destructor)) void Detach() {
  if (attached) DetachLibrary(DllMain, reinterpret_cast<const void*>(&SetSharedMem));
}

}  // namespace
