#include "file_header.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "file_io.h"
#include "platform.h"

namespace kernel32 {
namespace {

// Names the layout of the file, and becomes another one with it.
constexpr char kMagic[16] = "dllmemfilemap2\n";

struct Header {
  char magic[sizeof kMagic];
  FileProperties properties;
  uint32_t name_length;
  char16_t name[MAX_PATH];
};
static_assert(sizeof(Header) <= 4096, "has to fit into the smallest page");

}  // namespace

uint64_t InWholePages(uint64_t size) { return (size + PageSize() - 1) / PageSize() * PageSize(); }

int PrepareFile(int fd, std::u16string_view name, const FileProperties& properties) {
  // As on Windows, a size that no machine has is not even tried.
  constexpr uint64_t kTooLarge = uint64_t{1} << 44;
  if (properties.size >= kTooLarge) return EFBIG;
  const uint64_t file_size = PageSize() + InWholePages(properties.size);
  if (IsAboveSizeLimit(file_size)) return ENOSPC;
  if (const int error = Commit(fd, file_size)) return error;
  Header header = {};
  memcpy(header.magic, kMagic, sizeof kMagic);
  header.properties = properties;
  header.name_length = name.size();
  name.copy(header.name, MAX_PATH);
  if (const int error = WriteAt(fd, &header, sizeof header, /*offset=*/0)) return error;
  if (Retry([&] { return fchmod(fd, properties.mode); }) != 0) return errno;
  return 0;
}

int ReadHeader(int fd, std::u16string_view name, FileProperties* properties) {
  Header header;
  const ssize_t count = ReadAt(fd, &header, sizeof header, /*offset=*/0);
  if (count < 0) return errno;
  if (count < static_cast<ssize_t>(sizeof header)) return EACCES;
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if (memcmp(header.magic, kMagic, sizeof kMagic) != 0) return EACCES;
  if (header.name_length != name.size()) return EACCES;
  if (name.compare(0, name.size(), header.name, header.name_length) != 0) return EACCES;
  *properties = header.properties;
  if ((status.st_mode & 07777) != properties->mode) return EACCES;
  const auto size = static_cast<uint64_t>(status.st_size);
  // The first condition keeps the sum from wrapping around.
  if (properties->size > size) return EACCES;
  if (PageSize() + InWholePages(properties->size) != size) return EACCES;
  return 0;
}

}  // namespace kernel32
