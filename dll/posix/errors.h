// The last error, and the one place where errno becomes a Win32 error code.
#ifndef DLLMEMFILEMAP_POSIX_ERRORS_H
#define DLLMEMFILEMAP_POSIX_ERRORS_H

#include "windows.h"

namespace kernel32 {

// The Win32 code for an errno of a call on files, memory or processes.
DWORD ErrorFromErrno(int error);

// Sets the last error and returns the value with which a Win32 function of type T says that it
// failed.
template <typename T>
T Fail(DWORD error, T failure = T()) {
  SetLastError(error);
  return failure;
}

}  // namespace kernel32

#endif
