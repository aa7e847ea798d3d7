// Wine 8 lacks this library, from which rolldown, vitest's bundler, imports its random numbers.

#include <windows.h>

// The name under which advapi32 exports RtlGenRandom.
extern "C" BOOLEAN WINAPI SystemFunction036(PVOID data, ULONG size);

extern "C" __declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
  return SystemFunction036(data, static_cast<ULONG>(size));
}
