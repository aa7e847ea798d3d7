// The process's one table of handles, for every kind of kernel object. A new kind derives from
// KernelObject, or from Waitable if a thread can wait for it, and is opened with OpenHandle;
// CloseHandle and WaitForSingleObject then work on it.
#ifndef DLLMEMFILEMAP_POSIX_HANDLES_H
#define DLLMEMFILEMAP_POSIX_HANDLES_H

#include <sys/types.h>

#include <memory>
#include <utility>

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

  // Null if nothing can wait for it.
  virtual class Waitable* AsWaitable() { return nullptr; }
};

// Puts the object into the table and returns its handle, or null with the last error set. The
// handle owns the object: CloseHandle destroys it, once no other thread is inside a call on it.
HANDLE OpenHandle(std::shared_ptr<KernelObject> object);

// The object of a handle, or null if there is none.
std::shared_ptr<KernelObject> FindObject(HANDLE handle);

// The object of a handle if it is of kind T; otherwise null, and the last error is
// ERROR_INVALID_HANDLE.
template <typename T>
std::shared_ptr<T> FindObjectOf(HANDLE handle) {
  std::shared_ptr<T> object = std::dynamic_pointer_cast<T>(FindObject(handle));
  if (!object) SetLastError(ERROR_INVALID_HANDLE);
  return object;
}

// Closes each handle that there is, as the process ends.
void CloseAllHandles();

// As open, for a file that is shared with other processes. In a forked child the descriptors that
// handles lead to and those of KeepInForks stay open, and all others are closed: no thread of the
// child would do it, and their locks would say that somebody is alive. The descriptor is none of
// the three standard ones, to which a program that was started without them may write. On failure
// returns -1 and sets errno, or throws std::bad_alloc before anything is opened.
int OpenDescriptor(const char* path, int flags, mode_t mode = 0);

// From now on the descriptor stays open in forked children.
void KeepInForks(int fd);

// Leaves errno as it is.
void CloseDescriptor(int fd);

// Closes its descriptor, if it has one.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) CloseDescriptor(fd_);
  }
  int get() const { return fd_; }
  // The caller closes it.
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace kernel32

#endif
