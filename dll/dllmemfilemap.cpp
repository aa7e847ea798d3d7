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

// Copies characters, at most `capacity`, up to the terminator in blocks of `count`. Searching and
// copying at once, it reads them into the processor only once.
template <DWORD count>
DWORD CopyBlocks(WCHAR* to, const WCHAR* from, DWORD length, DWORD capacity) {
  while (capacity - length >= count && !HasTerminator<count>(from + length)) {
    memcpy(to + length, from + length, count * sizeof(WCHAR));
    length += count;
  }
  return length;
}

// Copies characters one by one up to the terminator, `end` at the latest.
DWORD CopyCharacters(WCHAR* to, const WCHAR* from, DWORD length, DWORD end) {
  for (; length < end && from[length] != 0; ++length) to[length] = from[length];
  return length;
}

// Copies the string, at most `capacity` characters of it, and returns how many, without the
// terminator. Looks at blocks that are aligned, so that none reaches into a page that the string
// does not. They reach behind the terminator, though, which the address sanitizer would report.
DWORD CopyString(WCHAR* to, const WCHAR* from, DWORD capacity) {
  constexpr DWORD kSmall = 8, kLarge = 64;
  const uintptr_t address = reinterpret_cast<uintptr_t>(from);
  if (address % sizeof(WCHAR) != 0) return CopyCharacters(to, from, 0, capacity);
  const DWORD unaligned = static_cast<DWORD>(0 - address / sizeof(WCHAR)) % kLarge;
  const DWORD start = unaligned < capacity ? unaligned : capacity;              // of large blocks
  const DWORD first = unaligned % kSmall < start ? unaligned % kSmall : start;  // of small ones
  DWORD length = CopyCharacters(to, from, 0, first);
  if (length < first) return length;
  length = CopyBlocks<kSmall>(to, from, length, start);
  if (length == start) length = CopyBlocks<kLarge>(to, from, length, capacity);
  length = CopyBlocks<kSmall>(to, from, length, capacity);
  return CopyCharacters(to, from, length, capacity);
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
  memory[CopyString(memory, lpszBuf, kCapacity - 1)] = 0;
}

VOID __cdecl GetSharedMem(LPWSTR lpszBuf, DWORD cchSize) {
  if (!lpszBuf || cchSize == 0) return;
  DWORD length = 0;
  if (memory) {
    const DWORD capacity = cchSize <= kCapacity ? cchSize - 1 : kCapacity;
    length = CopyBlocks<64>(lpszBuf, memory, length, capacity);
    length = CopyBlocks<8>(lpszBuf, memory, length, capacity);
    length = CopyCharacters(lpszBuf, memory, length, capacity);
  }
  lpszBuf[length] = 0;
}
