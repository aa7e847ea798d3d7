#include "file_header.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
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

// Reads or writes (pread, pwrite) the first `size` bytes, however many calls that takes. Returns 0,
// an errno, or ENODATA if the file is shorter.
template <typename Byte, typename Transfer>
int TransferAll(Transfer transfer, int fd, Byte* bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t count =
        Retry([&] { return transfer(fd, bytes + done, size - done, static_cast<off_t>(done)); });
    if (count == 0) return ENODATA;
    if (count < 0) return errno;
    done += static_cast<size_t>(count);
  }
  return 0;
}

}  // namespace

uint64_t InWholePages(uint64_t size) { return (size + PageSize() - 1) / PageSize() * PageSize(); }

int PrepareFile(int fd, std::u16string_view name, const FileProperties& properties) {
  // As on Windows, a size that no machine has is not even tried.
  constexpr uint64_t kTooLarge = uint64_t{1} << 44;
  if (properties.size >= kTooLarge) return EFBIG;
  if (const int error = Commit(fd, PageSize() + InWholePages(properties.size))) return error;
  Header header = {};
  memcpy(header.magic, kMagic, sizeof kMagic);
  header.properties = properties;
  header.name_length = name.size();
  name.copy(header.name, MAX_PATH);
  const auto* const bytes = reinterpret_cast<const char*>(&header);
  if (const int error = TransferAll(&pwrite, fd, bytes, sizeof header)) return error;
  if (Retry([&] { return fchmod(fd, properties.mode); }) != 0) return errno;
  return 0;
}

int ReadHeader(int fd, std::u16string_view name, FileProperties* properties) {
  Header header;
  const int error = TransferAll(&pread, fd, reinterpret_cast<char*>(&header), sizeof header);
  if (error != 0) return error == ENODATA ? EACCES : error;
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
