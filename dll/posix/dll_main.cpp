// Linked into the DLL: has its DllMain called when the library is loaded and unloaded.

#include "dllmemfilemap.h"
#include "library.h"

extern "C" BOOL WINAPI DllMain(HINSTANCE hinstDLL, DWORD fdwReason, LPVOID lpvReserved);

namespace {

BOOL attached = FALSE;

__attribute__((constructor)) void Attach() {
  attached = AttachLibrary(DllMain, "SetSharedMem", reinterpret_cast<const void*>(&SetSharedMem));
}

// The first to be registered where a destructor is (macOS), so that it comes after what Attach has
// registered to know that the process ends.
__attribute__((destructor(101))) void Detach() {
  if (attached) DetachLibrary(DllMain, reinterpret_cast<const void*>(&SetSharedMem));
}

}  // namespace
