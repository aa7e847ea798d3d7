// Reading and writing parts of files.
#ifndef DLLMEMFILEMAP_POSIX_FILE_IO_H
#define DLLMEMFILEMAP_POSIX_FILE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

namespace kernel32 {

// Reads `size` bytes at that offset, however many calls that takes. Returns how many there were
// before the file's end, or -1 and sets errno.
ssize_t ReadAt(int fd, void* bytes, size_t size, off_t offset);

// Writes all of them. Returns 0 or an errno.
int WriteAt(int fd, const void* bytes, size_t size, off_t offset);

// Whether this process may not make a file so large. The kernel would answer with SIGXFSZ, which
// ends the process.
bool IsAboveSizeLimit(uint64_t size);

}  // namespace kernel32

#endif
