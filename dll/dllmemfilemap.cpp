// The DLL: its entry point maps the shared memory, its two exports copy a string in and out.

#include "dllmemfilemap.h"

#include <string.h>

namespace {

constexpr DWORD kCapacity = SHMEMSIZE / sizeof(WCHAR);

HANDLE mapping = nullptr;
WCHAR* memory = nullptr;  // this process's view; null while not attached

bool Attach() {
  mapping =
      CreateFileMappingW(INVALID_HANDLE_VALUE, /*lpFileMappingAttributes=*/nullptr, PAGE_READWRITE,
                         /*dwMaximumSizeHigh=*/0, SHMEMSIZE, TEXT("dllmemfilemap"));
  if (!mapping) return false;
  // The first process's memory already reads as zeros. Clearing it here could lose what another has
  // written by now.
  memory = static_cast<WCHAR*>(MapViewOfFile(mapping, FILE_MAP_WRITE, /*dwFileOffsetHigh=*/0,
                                             /*dwFileOffsetLow=*/0, /*dwNumberOfBytesToMap=*/0));
  return memory != nullptr;
}

// After a failed Attach too: Windows detaches a DLL that refused to attach.
void Detach() {
  const DWORD error = GetLastError();
  if (memory) UnmapViewOfFile(memory);
  if (mapping) CloseHandle(mapping);
  memory = nullptr;
  mapping = nullptr;
  SetLastError(error);
}

// Whether there is a terminator among the characters. Compilers turn this into a few vector
// instructions.
template <DWORD count>
bool HasTerminator(const WCHAR* text) {
  WCHAR found = 0;
  for (DWORD i = 0; i < count; ++i) found |= static_cast<WCHAR>(text[i] == 0);
  return found != 0;
}

// The number of characters before the terminator, at most `capacity`. Skips whole blocks, of which
// the memory has a whole number.
DWORD LengthInMemory(DWORD capacity) {
  static_assert(kCapacity % 64 == 0, "");
  const WCHAR* const text = memory;
  DWORD length = 0;
  while (length < capacity && !HasTerminator<64>(text + length)) length += 64;
  while (length < capacity && !HasTerminator<8>(text + length)) length += 8;
  while (length < capacity && text[length] != 0) ++length;
  return length < capacity ? length : capacity;
}

}  // namespace

extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD fdwReason, LPVOID lpvReserved) {
  switch (fdwReason) {
    case DLL_PROCESS_ATTACH:
      return Attach();
    case DLL_PROCESS_DETACH:
      // If the process ends, the system frees both, and other threads may still be calling.
      if (!lpvReserved) Detach();
      break;
  }
  return TRUE;
}

VOID __cdecl SetSharedMem(LPWSTR lpszBuf) {
  if (!memory || !lpszBuf) return;
  const DWORD full_length = static_cast<DWORD>(lstrlenW(lpszBuf));
  const DWORD length = full_length < kCapacity ? full_length : kCapacity - 1;
  memcpy(memory, lpszBuf, length * sizeof(WCHAR));
  memory[length] = 0;
}

VOID __cdecl GetSharedMem(LPWSTR lpszBuf, DWORD cchSize) {
  if (!lpszBuf || cchSize == 0) return;
  DWORD length = 0;
  if (memory) {
    length = LengthInMemory(cchSize <= kCapacity ? cchSize - 1 : kCapacity);
    memcpy(lpszBuf, memory, length * sizeof(WCHAR));
  }
  lpszBuf[length] = 0;
}
