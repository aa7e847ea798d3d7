// What the file of a named object says about itself, in its first page. The object's memory begins
// with the second.
#ifndef DLLMEMFILEMAP_POSIX_FILE_HEADER_H
#define DLLMEMFILEMAP_POSIX_FILE_HEADER_H

#include <stdint.h>

#include <string_view>

#include "windows.h"

namespace kernel32 {

uint64_t InWholePages(uint64_t size);

enum class ObjectKind : uint32_t { kFileMapping = 1, kEvent, kMutex, kSemaphore };

struct FileProperties {
  ObjectKind kind;
  uint32_t mode;             // the file's permissions
  alignas(8) uint64_t size;  // of the memory, in bytes, as the creator asked for it
  uint32_t parameter;  // a mapping's protection, a semaphore's maximum, whether an event is reset
                       // by hand
};
static_assert(sizeof(FileProperties) == 24, "the same in a process of 32 bits");

// Gives a new file its memory, all of it, its header and its permissions. Returns 0 or an errno.
int PrepareFile(int fd, std::u16string_view name, const FileProperties& properties);

// Reads the header. Returns 0, an errno, or EACCES if the file is not whole, is not the object of
// that name, or has other permissions than its creator gave it.
int ReadHeader(int fd, std::u16string_view name, FileProperties* properties);

}  // namespace kernel32

#endif
