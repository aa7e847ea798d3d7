// The last error, and the one place where errno becomes a Win32 error code.
#ifndef DLLMEMFILEMAP_POSIX_ERRORS_H
#define DLLMEMFILEMAP_POSIX_ERRORS_H

#include <errno.h>
#include <sys/types.h>

#include <new>
#include <string>

#include "windows.h"

namespace kernel32 {

// The Win32 code for an errno of a call on files, memory or processes.
DWORD ErrorFromErrno(int error);

// A file because of which a call failed.
struct Obstacle {
  char path[256];  // cut off if it is longer; empty if no file is to blame
  int error;       // why nothing else is known of it, or 0
  mode_t mode;     // with its kind
  uid_t owner;
  off_t size;
  const char* trouble;  // what follows "PATH is a FIFO of user 0 (root)", or empty
};

// What the last error of this thread is about, as far as the call that set it has said so. It is
// forgotten when the last error becomes another one, and when another call fails.
const Obstacle& LastObstacle();

// Sets the last error because of what is at that path. `trouble` is a literal.
void SetLastErrorAt(const std::string& path, DWORD error, const char* trouble);

// Sets the last error because of no file.
void SetLastErrorAlone(DWORD error);

// The text for an error code: one sentence, and if that is the last error, one about its obstacle.
// Empty for a code that dll/posix does not set.
std::string MessageForError(DWORD error);

// Sets the last error and returns the value with which a Win32 function of type T says that it
// failed.
template <typename T>
T Fail(DWORD error, T failure = T()) {
  SetLastErrorAlone(error);
  return failure;
}

// The same, because of what is at that path.
template <typename T>
T FailAt(const std::string& path, DWORD error, const char* trouble, T failure = T()) {
  SetLastErrorAt(path, error, trouble);
  return failure;
}

// Makes a system call again as long as a signal interrupts it: Windows has nothing like that, so
// there is no last error for it. `call` returns what the system call does, -1 on failure.
template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace kernel32

#endif
