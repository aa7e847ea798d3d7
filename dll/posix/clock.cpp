// The clock that nobody sets.

#include <windows.h>

#include "patience.h"

ULONGLONG WINAPI GetTickCount64(VOID) {
  return static_cast<ULONGLONG>(kernel32::Now()) / 1'000'000;
}
