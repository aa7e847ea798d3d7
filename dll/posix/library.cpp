#include "library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "errors.h"
#include "utf.h"

namespace kernel32 {
namespace {

// The LoadLibraryW that this thread is in, and whether an entry point has refused there.
struct Loading {
  bool refused = false;
};
thread_local Loading* current_loading = nullptr;

// How often LoadLibraryW has returned each module. Never destroyed, as threads may still be calling
// while the process ends.
struct ModuleTable {
  std::mutex mutex;
  std::map<HMODULE, unsigned> counts;
};

ModuleTable& Modules() {
  static ModuleTable* const table = new ModuleTable;
  return *table;
}

// Whether the file is no library for this kind of processor: what this library's own file begins
// with tells. Compared are the magic number, class and byte order, and ELF's machine.
bool IsForeignImage(const char* path) {
  const auto read_start = [](const char* file, unsigned char(&start)[20]) {
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    const bool complete = fd >= 0 && read(fd, start, sizeof start) == ssize_t{sizeof start};
    if (fd >= 0) close(fd);
    return complete;
  };
  Dl_info own;
  unsigned char own_start[20], start[20];
  return dladdr(reinterpret_cast<const void*>(&LoadLibraryW), &own) != 0 &&
         read_start(own.dli_fname, own_start) &&
         (!read_start(path, start) || memcmp(start, own_start, 6) != 0 ||
          memcmp(start + 18, own_start + 18, 2) != 0);
}

// Whether the program itself names the library, so that its exports are in the program's own scope.
bool IsLinkedIntoProgram(const char* symbol, const void* address) {
  void* const program = dlopen(nullptr, RTLD_LAZY);
  if (!program) return false;
  const bool linked = dlsym(program, symbol) == address;
  dlclose(program);
  return linked;
}

}  // namespace
}  // namespace kernel32

using namespace kernel32;

BOOL AttachLibrary(DllEntryPoint entry, const char* symbol, const void* address) {
  Dl_info library = {};
  dladdr(address, &library);
  const auto module = static_cast<HINSTANCE>(library.dli_fbase);
  if (entry(module, DLL_PROCESS_ATTACH, nullptr)) return TRUE;
  const DWORD error = GetLastError();
  entry(module, DLL_PROCESS_DETACH, nullptr);
  if (current_loading) {
    current_loading->refused = true;
    return FALSE;
  }
  fprintf(stderr, "%s: its entry point failed with Win32 error %u, so it is not attached\n",
          library.dli_fname, error);
  if (IsLinkedIntoProgram(symbol, address)) _exit(127);
  return FALSE;
}

HMODULE WINAPI LoadLibraryW(LPCWSTR lpLibFileName) {
  if (!lpLibFileName || !*lpLibFileName) return Fail<HMODULE>(ERROR_INVALID_PARAMETER);
  const std::string path = ToUtf8(lpLibFileName);
  Loading loading;
  Loading* const outer = current_loading;
  current_loading = &loading;
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  current_loading = outer;
  if (!library) {
    const bool foreign = access(path.c_str(), F_OK) == 0 && IsForeignImage(path.c_str());
    return Fail<HMODULE>(foreign ? ERROR_BAD_EXE_FORMAT : ERROR_MOD_NOT_FOUND);
  }
  if (loading.refused) {
    dlclose(library);
    return Fail<HMODULE>(ERROR_DLL_INIT_FAILED);
  }
  const auto module = static_cast<HMODULE>(library);
  std::lock_guard<std::mutex> lock(Modules().mutex);
  ++Modules().counts[module];
  return module;
}

BOOL WINAPI FreeLibrary(HMODULE hLibModule) {
  if (!hLibModule) return Fail<BOOL>(ERROR_INVALID_HANDLE);
  {
    std::lock_guard<std::mutex> lock(Modules().mutex);
    const auto found = Modules().counts.find(hLibModule);
    if (found == Modules().counts.end()) return Fail<BOOL>(ERROR_MOD_NOT_FOUND);
    if (--found->second == 0) Modules().counts.erase(found);
  }
  return dlclose(hLibModule) == 0 ? TRUE : Fail<BOOL>(ERROR_GEN_FAILURE);
}

FARPROC WINAPI GetProcAddress(HMODULE hModule, LPCSTR lpProcName) {
  // Below 64 KiB it is an ordinal, which these systems' libraries do not have.
  if (reinterpret_cast<uintptr_t>(lpProcName) < 0x10000) return Fail<FARPROC>(ERROR_PROC_NOT_FOUND);
  {
    std::lock_guard<std::mutex> lock(Modules().mutex);
    if (Modules().counts.count(hModule) == 0) return Fail<FARPROC>(ERROR_MOD_NOT_FOUND);
  }
  void* const address = dlsym(hModule, lpProcName);
  if (!address) return Fail<FARPROC>(ERROR_PROC_NOT_FOUND);
  return reinterpret_cast<FARPROC>(address);
}
