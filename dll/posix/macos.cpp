#include <crt_externs.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mach-o/dyld.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform.h"

namespace kernel32 {

std::string NamespaceDirectory(Namespace scope) {
  if (scope == Namespace::kGlobal) return "/private/tmp";
  char path[PATH_MAX];
  const size_t size = confstr(_CS_DARWIN_USER_TEMP_DIR, path, sizeof path);
  if (size == 0 || size > sizeof path) return "/private/tmp";
  std::string directory(path);
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

int Commit(int fd, off_t size) {
  // Above this limit the kernel would answer with SIGXFSZ, which ends the process.
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && static_cast<rlim_t>(size) > limit.rlim_cur) {
    return ENOSPC;
  }
  fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, /*fst_offset=*/0, /*fst_length=*/size, 0};
  if (fcntl(fd, F_PREALLOCATE, &store) != 0) return errno;
  return ftruncate(fd, size) == 0 ? 0 : errno;
}

// A library has no environ of its own to link against.
char** Environment() { return *_NSGetEnviron(); }

std::string ProgramPath() {
  char path[PATH_MAX];
  uint32_t size = sizeof path;
  return _NSGetExecutablePath(path, &size) == 0 ? path : "";
}

}  // namespace kernel32
