// The process's one table of handles, for every kind of kernel object. A new kind (a mutex, an
// event) derives from KernelObject and is opened with OpenHandle; CloseHandle and
// WaitForSingleObject then work on it.
#ifndef DLLMEMFILEMAP_POSIX_HANDLES_H
#define DLLMEMFILEMAP_POSIX_HANDLES_H

#include <sys/types.h>

#include <memory>

#include "windows.h"

namespace kernel32 {

class KernelObject {
 public:
  KernelObject() = default;
  KernelObject(const KernelObject&) = delete;
  KernelObject& operator=(const KernelObject&) = delete;
  virtual ~KernelObject() = default;

  // Of the file that it keeps open, or -1.
  virtual int descriptor() const { return -1; }

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

// As open, for the file of an object. A forked child has what handles lead to; what its parent's
// other threads had open on the way to a handle, or from one, is closed there: nobody else would do
// it, and its locks would say that somebody is alive. It is none of the three standard descriptors,
// which a program that was started without them may write to. On failure returns -1 and sets errno,
// or throws std::bad_alloc before anything is opened.
int OpenDescriptor(const char* path, int flags, mode_t mode = 0);

// Leaves errno as it is.
void CloseDescriptor(int fd);

}  // namespace kernel32

#endif
