#include "file_io.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "errors.h"

namespace kernel32 {

ssize_t ReadAt(int fd, void* bytes, size_t size, off_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t count = Retry([&] {
      return pread(fd, static_cast<char*>(bytes) + done, size - done,
                   offset + static_cast<off_t>(done));
    });
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

int WriteAt(int fd, const void* bytes, size_t size, off_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t count = Retry([&] {
      return pwrite(fd, static_cast<const char*>(bytes) + done, size - done,
                    offset + static_cast<off_t>(done));
    });
    if (count < 0) return errno;
    if (count == 0) return ENODATA;
    done += static_cast<size_t>(count);
  }
  return 0;
}

bool IsAboveSizeLimit(uint64_t size) {
  rlimit limit;
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur;
}

}  // namespace kernel32
