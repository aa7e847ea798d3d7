// Copying null-terminated strings, as fast as memory allows, out of memory that others may write
// to.
#ifndef DLLMEMFILEMAP_COPY_TEXT_H
#define DLLMEMFILEMAP_COPY_TEXT_H

#include <stdint.h>
#include <string.h>

#include "dllmemfilemap.h"

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
inline DWORD CopyCharacters(WCHAR* to, const WCHAR* from, DWORD length, DWORD end) {
  for (; length < end && from[length] != 0; ++length) to[length] = from[length];
  return length;
}

// Copies the string, at most `capacity` characters of it, and returns how many, without the
// terminator. Looks at blocks that are aligned, so that none reaches into a page that the string
// does not. They reach past the terminator, though, which the address sanitizer would report.
inline DWORD CopyString(WCHAR* to, const WCHAR* from, DWORD capacity) {
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

// Copies the string at an aligned address with `capacity` characters, and terminates it in `to`.
inline void CopyText(WCHAR* to, const WCHAR* from, DWORD capacity) {
  DWORD length = CopyBlocks<64>(to, from, 0, capacity);
  length = CopyBlocks<8>(to, from, length, capacity);
  to[CopyCharacters(to, from, length, capacity)] = 0;
}

#endif
