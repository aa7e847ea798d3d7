#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platform.h"

namespace kernel32 {

std::string NamespaceDirectory(Namespace) { return "/dev/shm"; }

int Commit(int fd, off_t size) {
  // Above this limit the kernel would answer with SIGXFSZ, which ends the process.
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && static_cast<rlim_t>(size) > limit.rlim_cur) {
    return ENOSPC;
  }
  while (fallocate(fd, /*mode=*/0, /*offset=*/0, size) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

std::string ProgramPath() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, length) : std::string();
}

}  // namespace kernel32
