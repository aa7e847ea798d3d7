#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <map>
#include <mutex>
#include <utility>

#include "errors.h"
#include "fork.h"
#include "handles.h"
#include "lost_pages.h"
#include "named_file.h"
#include "platform.h"
#include "security.h"

namespace kernel32 {
namespace {

constexpr uint64_t kAllocationGranularity = 64 * 1024;

class FileMapping : public KernelObject {
 public:
  FileMapping(std::unique_ptr<NamedFile> file, DWORD access)
      : file_(std::move(file)), access_(access) {}

  const NamedFile& file() const { return *file_; }
  int descriptor() const override { return file_->fd(); }

  // Whether a view of that access may be mapped through this handle.
  bool Allows(DWORD access) const { return (access & ~access_) == 0; }

 private:
  const std::unique_ptr<NamedFile> file_;
  const DWORD access_;  // in FILE_MAP_ bits
};

constexpr DWORD kEveryAccess = FILE_MAP_READ | FILE_MAP_WRITE | FILE_MAP_EXECUTE;
constexpr DWORD SECTION_MAP_EXECUTE = 0x0008;  // the bit of FILE_MAP_ALL_ACCESS for execution

// What a handle that was opened with these rights may be used for, in FILE_MAP_ bits.
DWORD AccessOfRights(DWORD rights) {
  if (rights == FILE_MAP_COPY) return FILE_MAP_READ;
  if ((rights & (GENERIC_ALL | MAXIMUM_ALLOWED)) != 0) return kEveryAccess;
  DWORD access = rights & kEveryAccess;
  if ((rights & GENERIC_READ) != 0) access |= FILE_MAP_READ;
  if ((rights & GENERIC_WRITE) != 0) access |= FILE_MAP_WRITE;
  if ((rights & (GENERIC_EXECUTE | SECTION_MAP_EXECUTE)) != 0) access |= FILE_MAP_EXECUTE;
  return access;
}

// What a view of an object of that protection may be mapped for, in FILE_MAP_ bits; 0 for what is
// no protection.
DWORD AccessOfProtection(DWORD protection) {
  switch (protection) {
    case PAGE_READONLY:
    case PAGE_WRITECOPY:
      return FILE_MAP_READ;
    case PAGE_READWRITE:
      return FILE_MAP_READ | FILE_MAP_WRITE;
    case PAGE_EXECUTE_READ:
    case PAGE_EXECUTE_WRITECOPY:
      return FILE_MAP_READ | FILE_MAP_EXECUTE;
    case PAGE_EXECUTE_READWRITE:
      return FILE_MAP_READ | FILE_MAP_WRITE | FILE_MAP_EXECUTE;
    default:
      return 0;
  }
}

// How a view that is asked for with that access is mapped.
struct ViewKind {
  DWORD needed;      // of the handle and the object, in FILE_MAP_ bits
  DWORD protection;  // as VirtualQuery tells it
  int prot;
  int flags;
};

ViewKind KindOfView(DWORD access) {
  const bool executable = (access & FILE_MAP_EXECUTE) != 0;
  const DWORD execute = executable ? FILE_MAP_EXECUTE : 0;
  const int prot = PROT_READ | (executable ? PROT_EXEC : 0);
  // Copy-on-write has to be asked for without reading and writing.
  if ((access & ~FILE_MAP_EXECUTE) == FILE_MAP_COPY) {
    return {FILE_MAP_READ | execute, executable ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY,
            prot | PROT_WRITE, MAP_PRIVATE};
  }
  if ((access & FILE_MAP_WRITE) != 0) {
    return {FILE_MAP_WRITE | execute, executable ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE,
            prot | PROT_WRITE, MAP_SHARED};
  }
  if ((access & FILE_MAP_READ) != 0) {
    return {FILE_MAP_READ | execute, executable ? PAGE_EXECUTE_READ : PAGE_READONLY, prot,
            MAP_SHARED};
  }
  return {FILE_MAP_READ, PAGE_NOACCESS, PROT_NONE, MAP_SHARED};
}

struct View {
  uint64_t length;  // in whole pages
  DWORD protection;
  int prot;  // as for mmap
  GuardedView* guard;
};

// Maps at that address and nowhere else (EEXIST), or anywhere if it is null. As mmap.
void* MapAt(void* address, uint64_t length, const ViewKind& kind, int fd, off_t start) {
  void* const mapped = mmap(address, length, kind.prot, kind.flags, fd, start);
  if (!address || mapped == address || mapped == MAP_FAILED) return mapped;
  munmap(mapped, length);
  errno = EEXIST;
  return MAP_FAILED;
}

// The views of this process, by their addresses.
class ViewTable {
 public:
  // Maps under the lock, as Unmap unmaps. Returns null, with the last error set, if that fails.
  template <typename Map>
  void* Add(uint64_t length, const ViewKind& kind, Map map) {
    // Memory first: what is mapped cannot get lost.
    std::map<uintptr_t, View> one = {{0, {length, kind.protection, kind.prot, nullptr}}};
    std::lock_guard<TableMutex> lock(GuardMutex());
    void* const address = map();
    if (address == MAP_FAILED) {
      return Fail<void*>(errno == EEXIST ? ERROR_INVALID_ADDRESS : ErrorFromErrno(errno));
    }
    auto node = one.extract(one.begin());
    node.key() = reinterpret_cast<uintptr_t>(address);
    node.mapped().guard = GuardView(address, length, kind.prot);
    if (!node.mapped().guard) {
      munmap(address, length);
      return Fail<void*>(ERROR_NOT_ENOUGH_MEMORY);
    }
    views_.insert(std::move(node));
    return address;
  }

  // The view that the address is in: its base, or 0 if there is none.
  uintptr_t Find(LPCVOID address, View* view) {
    std::lock_guard<TableMutex> lock(GuardMutex());
    const auto found = Holding(address);
    if (found == views_.end()) return 0;
    *view = found->second;
    return found->first;
  }

  // Unmaps under the lock, so that no other thread's new view at the same address is forgotten. On
  // failure returns FALSE and sets the last error.
  BOOL Unmap(LPCVOID address) {
    std::lock_guard<TableMutex> lock(GuardMutex());
    const auto found = Holding(address);
    if (found == views_.end()) return Fail<BOOL>(ERROR_INVALID_ADDRESS);
    View& view = found->second;
    void* const base = reinterpret_cast<void*>(found->first);
    UnguardView(view.guard);
    if (munmap(base, view.length) != 0) {
      const int error = errno;
      view.guard = GuardView(base, view.length, view.prot);  // has the memory that was freed above
      return Fail<BOOL>(ErrorFromErrno(error));
    }
    views_.erase(found);
    return TRUE;
  }

  // Gives a whole view zeroed memory of the process's own. On failure returns null and sets the
  // last error.
  void* Replace(void* address, uint64_t length) {
    std::lock_guard<TableMutex> lock(GuardMutex());
    const auto found = views_.find(reinterpret_cast<uintptr_t>(address));
    if (found == views_.end() || found->second.length != InWholePages(length)) {
      return Fail<void*>(ERROR_INVALID_ADDRESS);
    }
    const int error = ReplaceByZeros(address, found->second.length);
    if (error != 0) return Fail<void*>(ErrorFromErrno(error));
    found->second.protection = PAGE_READWRITE;
    found->second.prot = PROT_READ | PROT_WRITE;
    return address;
  }

 private:
  std::map<uintptr_t, View>::iterator Holding(LPCVOID address) {
    const uintptr_t value = reinterpret_cast<uintptr_t>(address);
    auto next = views_.upper_bound(value);
    if (next == views_.begin()) return views_.end();
    --next;
    return value - next->first < next->second.length ? next : views_.end();
  }

  std::map<uintptr_t, View> views_;  // under the GuardMutex
};

NeverDestroyed<ViewTable> views;

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
                                 LPCWSTR lpName) try {
  const uint64_t size = (uint64_t{dwMaximumSizeHigh} << 32) | dwMaximumSizeLow;
  const DWORD protection = flProtect & ~SEC_COMMIT;
  const DWORD access = AccessOfProtection(protection);
  if (size == 0 || access == 0) return Fail<HANDLE>(ERROR_INVALID_PARAMETER);
  if (hFile != INVALID_HANDLE_VALUE && hFile) return Fail<HANDLE>(ERROR_INVALID_HANDLE);
  uint32_t mode;
  if (!ModeFromAttributes(lpFileMappingAttributes, &mode)) return nullptr;
  const NamedFile::Properties properties = {ObjectKind::kFileMapping, mode, size, protection};
  if (!lpName || !*lpName) {
    return OpenMapping(NamedFile::CreateAnonymous(properties), access, ERROR_SUCCESS);
  }
  const std::optional<ObjectName> name = ParseName(lpName);
  if (!name) return nullptr;
  bool created = false;
  auto file = NamedFile::Create(*name, properties, (access & FILE_MAP_WRITE) != 0,
                                /*initialize=*/nullptr, &created);
  return OpenMapping(std::move(file), access, created ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS);
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

HANDLE WINAPI OpenFileMappingW(DWORD dwDesiredAccess, BOOL, LPCWSTR lpName) try {
  if (!lpName) return Fail<HANDLE>(ERROR_INVALID_PARAMETER);
  if (!*lpName) return Fail<HANDLE>(ERROR_INVALID_HANDLE);
  const std::optional<ObjectName> name = ParseName(lpName);
  if (!name) return nullptr;
  DWORD access = AccessOfRights(dwDesiredAccess);
  const DWORD last_error = GetLastError();  // success leaves it alone
  auto file = NamedFile::Open(*name, ObjectKind::kFileMapping, (access & FILE_MAP_WRITE) != 0);
  if (!file && (dwDesiredAccess & MAXIMUM_ALLOWED) != 0 && GetLastError() == ERROR_ACCESS_DENIED) {
    access &= ~FILE_MAP_WRITE;
    file = NamedFile::Open(*name, ObjectKind::kFileMapping, /*writable=*/false);
  }
  return OpenMapping(std::move(file), access, last_error);
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

LPVOID WINAPI MapViewOfFile(HANDLE hFileMappingObject, DWORD dwDesiredAccess,
                            DWORD dwFileOffsetHigh, DWORD dwFileOffsetLow,
                            SIZE_T dwNumberOfBytesToMap) {
  return MapViewOfFileEx(hFileMappingObject, dwDesiredAccess, dwFileOffsetHigh, dwFileOffsetLow,
                         dwNumberOfBytesToMap, /*lpBaseAddress=*/nullptr);
}

LPVOID WINAPI MapViewOfFileEx(HANDLE hFileMappingObject, DWORD dwDesiredAccess,
                              DWORD dwFileOffsetHigh, DWORD dwFileOffsetLow,
                              SIZE_T dwNumberOfBytesToMap, LPVOID lpBaseAddress) try {
  const uint64_t offset = (uint64_t{dwFileOffsetHigh} << 32) | dwFileOffsetLow;
  if (offset % kAllocationGranularity != 0 ||
      reinterpret_cast<uintptr_t>(lpBaseAddress) % PageSize() != 0) {
    return Fail<LPVOID>(ERROR_MAPPED_ALIGNMENT);
  }
  const auto mapping = FindObjectOf<FileMapping>(hFileMappingObject);
  if (!mapping) return nullptr;

  const ViewKind kind = KindOfView(dwDesiredAccess);
  const DWORD allowed = AccessOfProtection(mapping->file().properties().parameter);
  if (!mapping->Allows(kind.needed) || (kind.needed & ~allowed) != 0) {
    return Fail<LPVOID>(ERROR_ACCESS_DENIED);
  }

  const uint64_t size = mapping->file().memory_size();
  if (offset >= size) return Fail<LPVOID>(ERROR_INVALID_PARAMETER);
  if (dwNumberOfBytesToMap > size - offset) return Fail<LPVOID>(ERROR_ACCESS_DENIED);
  const uint64_t length =
      InWholePages(dwNumberOfBytesToMap == 0 ? size - offset : dwNumberOfBytesToMap);

  const off_t start = mapping->file().memory_offset() + static_cast<off_t>(offset);
  return views->Add(length, kind, [&] {
    return MapAt(lpBaseAddress, length, kind, mapping->file().fd(), start);
  });
} catch (const std::bad_alloc&) {
  return Fail<LPVOID>(ERROR_NOT_ENOUGH_MEMORY);
}

BOOL WINAPI UnmapViewOfFile(LPCVOID lpBaseAddress) { return views->Unmap(lpBaseAddress); }

LPVOID WINAPI VirtualAlloc(LPVOID lpAddress, SIZE_T dwSize, DWORD flAllocationType,
                           DWORD flProtect) {
  if (dwSize == 0) return Fail<LPVOID>(ERROR_INVALID_PARAMETER);
  if (!lpAddress || flAllocationType != (MEM_RESERVE | MEM_COMMIT) || flProtect != PAGE_READWRITE) {
    return Fail<LPVOID>(ERROR_NOT_SUPPORTED);
  }
  return views->Replace(lpAddress, dwSize);
}

SIZE_T WINAPI VirtualQuery(LPCVOID lpAddress, PMEMORY_BASIC_INFORMATION lpBuffer, SIZE_T dwLength) {
  if (dwLength < sizeof *lpBuffer) return Fail<SIZE_T>(ERROR_BAD_LENGTH);
  if (!lpBuffer) return Fail<SIZE_T>(ERROR_NOACCESS);
  View view;
  const uintptr_t base = views->Find(lpAddress, &view);
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

VOID WINAPI RtlMoveMemory(VOID* Destination, const VOID* Source, SIZE_T Length) {
  memmove(Destination, Source, Length);
}
