// The process's one table of handles, for every kind of kernel object. A new kind (a mutex, an
// event) derives from KernelObject and is opened with OpenHandle; CloseHandle and
// WaitForSingleObject then work on it.
#ifndef DLLMEMFILEMAP_POSIX_HANDLES_H
#define DLLMEMFILEMAP_POSIX_HANDLES_H

#include <memory>

#include "windows.h"

namespace kernel32 {

class KernelObject {
 public:
  KernelObject() = default;
  KernelObject(const KernelObject&) = delete;
  KernelObject& operator=(const KernelObject&) = delete;
  virtual ~KernelObject() = default;

  // As WaitForSingleObject: waits at most `milliseconds` until the object is signalled. An object
  // that cannot be waited for keeps this, which fails.
  virtual DWORD Wait(DWORD milliseconds);
};

// Puts the object into the table and returns its handle, or null with the last error set. The
// handle owns the object: CloseHandle destroys it, once no other thread is inside a call on it.
HANDLE OpenHandle(std::shared_ptr<KernelObject> object);

// The object behind a handle, or null if there is none.
std::shared_ptr<KernelObject> FindObject(HANDLE handle);

// The object behind a handle if it is of kind T; otherwise null, and the last error is
// ERROR_INVALID_HANDLE.
template <typename T>
std::shared_ptr<T> FindObjectOf(HANDLE handle) {
  std::shared_ptr<T> object = std::dynamic_pointer_cast<T>(FindObject(handle));
  if (!object) SetLastError(ERROR_INVALID_HANDLE);
  return object;
}

}  // namespace kernel32

#endif
