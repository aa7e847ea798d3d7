#include <errno.h>
#include <sys/mman.h>

#include <map>
#include <mutex>
#include <utility>

#include "errors.h"
#include "handles.h"
#include "named_file.h"
#include "security.h"

namespace kernel32 {
namespace {

constexpr uint64_t kAllocationGranularity = 64 * 1024;

class FileMapping : public KernelObject {
 public:
  FileMapping(std::unique_ptr<NamedFile> file, DWORD access)
      : file_(std::move(file)), access_(access) {}

  const NamedFile& file() const { return *file_; }

  // Whether a view of that access may be mapped through this handle.
  bool Allows(DWORD access) const { return (access & ~access_) == 0; }

 private:
  const std::unique_ptr<NamedFile> file_;
  const DWORD access_;  // FILE_MAP_READ and FILE_MAP_WRITE
};

// What a view of an object of that protection may do; 0 for what is no protection.
DWORD AccessOfProtection(DWORD protection) {
  switch (protection) {
    case PAGE_READONLY:
    case PAGE_WRITECOPY:
      return FILE_MAP_READ;
    case PAGE_READWRITE:
      return FILE_MAP_READ | FILE_MAP_WRITE;
    default:
      return 0;
  }
}

struct View {
  uint64_t length;  // in whole pages
  DWORD protection;
};

// The views of this process, by their addresses. Never destroyed, as threads may still be calling
// while the process ends.
class ViewTable {
 public:
  void Add(void* address, const View& view) {
    std::lock_guard<std::mutex> lock(mutex_);
    views_[reinterpret_cast<uintptr_t>(address)] = view;
  }

  // The view that the address is in: its base, or 0 if there is none.
  uintptr_t Find(LPCVOID address, View* view) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = Holding(address);
    if (found == views_.end()) return 0;
    *view = found->second;
    return found->first;
  }

  // Unmaps under the lock, so that no other thread's new view at the same address is forgotten.
  bool Unmap(LPCVOID address) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = Holding(address);
    if (found == views_.end()) return false;
    munmap(reinterpret_cast<void*>(found->first), found->second.length);
    views_.erase(found);
    return true;
  }

 private:
  std::map<uintptr_t, View>::iterator Holding(LPCVOID address) {
    const uintptr_t value = reinterpret_cast<uintptr_t>(address);
    auto next = views_.upper_bound(value);
    if (next == views_.begin()) return views_.end();
    --next;
    return value - next->first < next->second.length ? next : views_.end();
  }

  std::mutex mutex_;
  std::map<uintptr_t, View> views_;
};

ViewTable& Views() {
  static ViewTable* const table = new ViewTable;
  return *table;
}

HANDLE OpenMapping(std::unique_ptr<NamedFile> file, DWORD access, DWORD last_error) {
  if (!file) return nullptr;
  const HANDLE handle = OpenHandle(std::make_shared<FileMapping>(std::move(file), access));
  if (handle) SetLastError(last_error);
  return handle;
}

}  // namespace
}  // namespace kernel32

using namespace kernel32;

HANDLE WINAPI CreateFileMappingW(HANDLE hFile, LPSECURITY_ATTRIBUTES lpFileMappingAttributes,
                                 DWORD flProtect, DWORD dwMaximumSizeHigh, DWORD dwMaximumSizeLow,
                                 LPCWSTR lpName) {
  const uint64_t size = (uint64_t{dwMaximumSizeHigh} << 32) | dwMaximumSizeLow;
  const DWORD protection = flProtect & ~SEC_COMMIT;
  const DWORD access = AccessOfProtection(protection);
  if (size == 0 || access == 0) return Fail<HANDLE>(ERROR_INVALID_PARAMETER);
  if (hFile != INVALID_HANDLE_VALUE && hFile) return Fail<HANDLE>(ERROR_INVALID_HANDLE);
  uint32_t mode;
  if (!ModeFromAttributes(lpFileMappingAttributes, &mode)) return nullptr;
  const NamedFile::Properties properties = {size, protection, mode};
  if (!lpName || !*lpName) {
    return OpenMapping(NamedFile::CreateAnonymous(properties), access, ERROR_SUCCESS);
  }
  const std::optional<ObjectName> name = ParseName(lpName);
  if (!name) return nullptr;
  bool created = false;
  auto file = NamedFile::Create(*name, properties, (access & FILE_MAP_WRITE) != 0, &created);
  return OpenMapping(std::move(file), access, created ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS);
}

HANDLE WINAPI OpenFileMappingW(DWORD dwDesiredAccess, BOOL, LPCWSTR lpName) {
  if (!lpName) return Fail<HANDLE>(ERROR_INVALID_PARAMETER);
  if (!*lpName) return Fail<HANDLE>(ERROR_INVALID_HANDLE);
  const std::optional<ObjectName> name = ParseName(lpName);
  if (!name) return nullptr;
  // FILE_MAP_COPY reads, and so does an access of 0.
  DWORD access = dwDesiredAccess & (FILE_MAP_READ | FILE_MAP_WRITE);
  if (access == 0) access = FILE_MAP_READ;
  const DWORD last_error = GetLastError();  // success leaves it alone
  return OpenMapping(NamedFile::Open(*name, (access & FILE_MAP_WRITE) != 0), access, last_error);
}

LPVOID WINAPI MapViewOfFile(HANDLE hFileMappingObject, DWORD dwDesiredAccess,
                            DWORD dwFileOffsetHigh, DWORD dwFileOffsetLow,
                            SIZE_T dwNumberOfBytesToMap) {
  const uint64_t offset = (uint64_t{dwFileOffsetHigh} << 32) | dwFileOffsetLow;
  if (offset % kAllocationGranularity != 0) return Fail<LPVOID>(ERROR_MAPPED_ALIGNMENT);
  const auto mapping = FindObjectOf<FileMapping>(hFileMappingObject);
  if (!mapping) return nullptr;

  // Copy-on-write has to be asked for alone.
  const bool copy = dwDesiredAccess == FILE_MAP_COPY;
  const bool write = (dwDesiredAccess & FILE_MAP_WRITE) != 0;
  const DWORD allowed = AccessOfProtection(mapping->file().properties().protection);
  const DWORD needed = write ? FILE_MAP_WRITE : FILE_MAP_READ;
  if (!mapping->Allows(needed) || (needed & ~allowed) != 0)
    return Fail<LPVOID>(ERROR_ACCESS_DENIED);

  const uint64_t size = mapping->file().memory_size();
  if (offset >= size) return Fail<LPVOID>(ERROR_INVALID_PARAMETER);
  if (dwNumberOfBytesToMap > size - offset) return Fail<LPVOID>(ERROR_ACCESS_DENIED);
  const uint64_t length = dwNumberOfBytesToMap == 0 ? size - offset : dwNumberOfBytesToMap;

  void* const address = mmap(nullptr, length, write || copy ? PROT_READ | PROT_WRITE : PROT_READ,
                             copy ? MAP_PRIVATE : MAP_SHARED, mapping->file().fd(),
                             mapping->file().memory_offset() + static_cast<off_t>(offset));
  if (address == MAP_FAILED) return Fail<LPVOID>(ErrorFromErrno(errno));
  Views().Add(address, {InWholePages(length), write  ? PAGE_READWRITE
                                              : copy ? PAGE_WRITECOPY
                                                     : PAGE_READONLY});
  return address;
}

BOOL WINAPI UnmapViewOfFile(LPCVOID lpBaseAddress) {
  return Views().Unmap(lpBaseAddress) ? TRUE : Fail<BOOL>(ERROR_INVALID_ADDRESS);
}

SIZE_T WINAPI VirtualQuery(LPCVOID lpAddress, PMEMORY_BASIC_INFORMATION lpBuffer, SIZE_T dwLength) {
  if (dwLength < sizeof *lpBuffer) return Fail<SIZE_T>(ERROR_BAD_LENGTH);
  if (!lpBuffer) return Fail<SIZE_T>(ERROR_NOACCESS);
  View view;
  const uintptr_t base = Views().Find(lpAddress, &view);
  if (base == 0) return Fail<SIZE_T>(ERROR_INVALID_PARAMETER);
  const uintptr_t page = reinterpret_cast<uintptr_t>(lpAddress) / PageSize() * PageSize();
  *lpBuffer = {};
  lpBuffer->BaseAddress = reinterpret_cast<LPVOID>(page);
  lpBuffer->AllocationBase = reinterpret_cast<LPVOID>(base);
  lpBuffer->AllocationProtect = view.protection;
  lpBuffer->RegionSize = base + view.length - page;
  lpBuffer->State = MEM_COMMIT;
  lpBuffer->Protect = view.protection;
  lpBuffer->Type = MEM_MAPPED;
  return sizeof *lpBuffer;
}
