// The DLL: its entry point maps the shared memory, its two exports copy a string in and out.

#include "dllmemfilemap.h"

#include <stdint.h>
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

// Whether there is a terminator among the characters. The array stands for a vector register: this
// way compilers need two instructions for eight characters, and gather the result only at the end.
template <DWORD count>
bool HasTerminator(const WCHAR* text) {
  constexpr DWORD kLanes = 8;
  WCHAR found[kLanes] = {};
  for (DWORD i = 0; i < count; i += kLanes) {
    for (DWORD lane = 0; lane < kLanes; ++lane) {
      found[lane] |= static_cast<WCHAR>(text[i + lane] == 0 ? 0xFFFF : 0);
    }
  }
  uint64_t halves[2];
  static_assert(sizeof halves == sizeof found, "");
  memcpy(halves, found, sizeof found);
  return (halves[0] | halves[1]) != 0;
}

// Copies the memory's characters, at most `capacity`, up to the terminator in blocks of `count`.
// Searching and copying at once, it reads the memory into the processor only once.
template <DWORD count>
DWORD CopyBlocks(WCHAR* to, DWORD length, DWORD capacity) {
  while (capacity - length >= count && !HasTerminator<count>(memory + length)) {
    memcpy(to + length, memory + length, count * sizeof(WCHAR));
    length += count;
  }
  return length;
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
    const DWORD capacity = cchSize <= kCapacity ? cchSize - 1 : kCapacity;
    length = CopyBlocks<64>(lpszBuf, length, capacity);
    length = CopyBlocks<8>(lpszBuf, length, capacity);
    for (; length < capacity && memory[length] != 0; ++length) lpszBuf[length] = memory[length];
  }
  lpszBuf[length] = 0;
}
