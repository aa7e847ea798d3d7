#include "library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <utility>

#include "errors.h"
#include "fork.h"
#include "platform.h"
#include "utf.h"

namespace kernel32 {
namespace {

thread_local bool is_loading = false;  // whether this thread is in LoadLibraryW
// Whether a library could not be attached for want of memory, even to note that.
thread_local bool lacks_memory = false;

// Set before a library that was loaded later is unloaded by exit, which calls first what was
// registered last.
std::atomic<bool> process_is_ending{false};

// A library that LoadLibraryW has returned. The dynamic linker has loaded it once for all of these.
struct Module {
  unsigned loads = 0;    // which FreeLibrary has not had back
  unsigned lookups = 0;  // that other threads are in the middle of
  std::string path;      // as dlopen got it
};

struct ModuleTable {
  TableMutex mutex;
  std::map<HMODULE, Module> loaded;
  // Those that FreeLibrary has had back from everyone, and that were loaded nevertheless: the
  // program is linked against them, or something else has opened them.
  std::map<HMODULE, Module> kept;
  // An export's address and name of each library whose entry point refused when it was loaded. One
  // that is loaded already is not asked again.
  std::map<const void*, std::string> refusing;
  // An export's address of each library that the program was linked against, which is unloaded only
  // when the process ends.
  std::set<const void*> permanent;
};

NeverDestroyed<ModuleTable> modules;

// A forked child has none of the threads that were looking something up. What they would have
// unloaded stays.
void ForgetLookups() {
  for (auto each = modules->loaded.begin(); each != modules->loaded.end();) {
    each->second.lookups = 0;
    each = each->second.loads == 0 ? modules->loaded.erase(each) : std::next(each);
  }
}

__attribute__((constructor)) void BeReadyForForks() {
  pthread_atfork(nullptr, nullptr, &ForgetLookups);
}

struct LibraryCloser {
  void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, LibraryCloser>;

// Reads what a file begins with. Returns 0, an errno, or ENOEXEC if the file is shorter.
int ReadStart(const char* path, unsigned char (&start)[20]) {
  const int fd = Retry([path] { return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); });
  if (fd < 0) return errno;
  size_t done = 0;
  ssize_t count;
  do {
    count = Retry([&] { return read(fd, start + done, sizeof start - done); });
    if (count > 0) done += static_cast<size_t>(count);
  } while (count > 0 && done < sizeof start);
  const int error = count < 0 ? errno : done < sizeof start ? ENOEXEC : 0;
  close(fd);
  return error;
}

// Why a library could not be loaded, which the system says in words only. That a file is no library
// for this kind of processor tells what this library's own file begins with: compared are the magic
// number, class and byte order, and ELF's machine.
DWORD ErrorOfLoading(const char* path) {
  if (!strchr(path, '/')) return ERROR_MOD_NOT_FOUND;  // searched for, and not in this directory
  Dl_info own;
  unsigned char own_start[20], start[20];
  int error = ReadStart(path, start);
  if (error == 0 && dladdr(reinterpret_cast<const void*>(&LoadLibraryW), &own) != 0) {
    error = ReadStart(own.dli_fname, own_start);
    const bool foreign =
        memcmp(start, own_start, 6) != 0 || memcmp(start + 18, own_start + 18, 2) != 0;
    if (error == 0 && foreign) error = ENOEXEC;
  }
  const bool missing = error == 0 || error == ENOENT || error == ENOTDIR;  // it, or what it needs
  return missing ? ERROR_MOD_NOT_FOUND : ErrorFromErrno(error);
}

// Keeps the library loaded that another than LoadLibraryW has loaded from that path. Null if it is
// loaded no more.
Library HoldIfLoaded(HMODULE module, const char* path) {
  Library library(dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD));
  return library.get() == module ? std::move(library) : nullptr;
}

// Likewise, for a library that FreeLibrary has had back from everyone. Sets the last error.
Library HoldIfKept(HMODULE module) {
  std::string path;
  {
    std::lock_guard<TableMutex> lock(modules->mutex);
    const auto found = modules->kept.find(module);
    if (found != modules->kept.end()) path = found->second.path;
  }
  Library library = path.empty() ? nullptr : HoldIfLoaded(module, path.c_str());
  if (!library) SetLastError(ERROR_MOD_NOT_FOUND);
  return library;
}

// Takes one off what keeps a library loaded, and unloads it with the last. On failure returns FALSE
// and sets the last error.
BOOL LetGo(HMODULE library, unsigned Module::*count) {
  std::map<HMODULE, Module>::node_type last;
  {
    std::lock_guard<TableMutex> lock(modules->mutex);
    const auto found = modules->loaded.find(library);
    if (found == modules->loaded.end() || found->second.*count == 0) {
      return Fail<BOOL>(ERROR_MOD_NOT_FOUND);
    }
    --(found->second.*count);
    if (found->second.loads + found->second.lookups != 0) return TRUE;
    last = modules->loaded.extract(found);
  }
  if (dlclose(library) != 0) return Fail<BOOL>(ERROR_GEN_FAILURE);
  if (HoldIfLoaded(library, last.mapped().path.c_str())) {
    std::lock_guard<TableMutex> lock(modules->mutex);
    modules->kept.insert(std::move(last));
  }
  return TRUE;
}

// Keeps a library that LoadLibraryW has returned loaded until LetGo, as another thread may free it
// meanwhile.
bool BeginLookup(HMODULE module) {
  std::lock_guard<TableMutex> lock(modules->mutex);
  const auto found = modules->loaded.find(module);
  if (found == modules->loaded.end() || found->second.loads == 0) return false;
  ++found->second.lookups;
  return true;
}

bool IsPermanent(const void* address) {
  std::lock_guard<TableMutex> lock(modules->mutex);
  return modules->permanent.count(address) != 0;
}

}  // namespace
}  // namespace kernel32

using namespace kernel32;

BOOL HasLibraryRefused(void* library) {
  // Looks it up without the lock, as dlsym waits for the dynamic linker's own, which AttachLibrary
  // is called under.
  std::map<const void*, std::string> refusing;
  {
    std::lock_guard<TableMutex> lock(modules->mutex);
    refusing = modules->refusing;
  }
  for (const auto& [address, symbol] : refusing) {
    if (dlsym(library, symbol.c_str()) == address) return TRUE;
  }
  return FALSE;
}

BOOL AttachLibrary(DllEntryPoint entry, const char* symbol, const void* address) {
  Dl_info library = {};
  dladdr(address, &library);
  const auto module = static_cast<HINSTANCE>(library.dli_fbase);
  static std::atomic<bool> is_noted{false};
  if (!is_noted.exchange(true)) atexit([] { process_is_ending = true; });
  {
    std::lock_guard<TableMutex> lock(modules->mutex);
    modules->refusing.erase(address);
  }
  const bool linked = IsLinkedIntoProgram(symbol, address);
  DWORD error = ERROR_NOT_ENOUGH_MEMORY;
  std::string message;
  try {
    // What is to be noted takes memory, which there may not be when the entry point has returned.
    std::map<const void*, std::string> refusing = {{address, symbol}};
    std::set<const void*> permanent;
    if (linked) permanent.insert(address);
    if (entry(module, DLL_PROCESS_ATTACH, nullptr)) {
      std::lock_guard<TableMutex> lock(modules->mutex);
      modules->permanent.merge(permanent);
      return TRUE;
    }
    error = GetLastError();
    try {
      message = MessageForError(error);
    } catch (const std::bad_alloc&) {
    }
    entry(module, DLL_PROCESS_DETACH, nullptr);
    std::lock_guard<TableMutex> lock(modules->mutex);
    modules->refusing.merge(refusing);
  } catch (const std::bad_alloc&) {
    lacks_memory = true;
  }
  if (is_loading) return FALSE;
  fprintf(stderr, "%s: its entry point failed with Win32 error %u, so it is not attached. %s\n",
          library.dli_fname, error, message.c_str());
  if (linked) _exit(127);
  return FALSE;
}

VOID DetachLibrary(DllEntryPoint entry, const void* address) {
  Dl_info library = {};
  dladdr(address, &library);
  const bool ending = process_is_ending || IsPermanent(address);
  entry(static_cast<HINSTANCE>(library.dli_fbase), DLL_PROCESS_DETACH,
        ending ? &process_is_ending : nullptr);
}

HMODULE WINAPI LoadLibraryW(LPCWSTR lpLibFileName) try {
  if (!lpLibFileName || !*lpLibFileName) return Fail<HMODULE>(ERROR_INVALID_PARAMETER);
  std::string path = ToUtf8(lpLibFileName);
  const bool outer = std::exchange(is_loading, true);
  const bool outer_lacks_memory = std::exchange(lacks_memory, false);
  Library library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
  is_loading = outer;
  const bool lacked_memory = std::exchange(lacks_memory, outer_lacks_memory);
  if (!library) return Fail<HMODULE>(ErrorOfLoading(path.c_str()));
  if (lacked_memory) return Fail<HMODULE>(ERROR_NOT_ENOUGH_MEMORY);
  // Where a process has two copies of this library, both copies of the DLL use the first.
  const auto has_refused =
      reinterpret_cast<decltype(&HasLibraryRefused)>(dlsym(library.get(), "HasLibraryRefused"));
  if (has_refused && has_refused(library.get())) return Fail<HMODULE>(ERROR_DLL_INIT_FAILED);
  const auto result = static_cast<HMODULE>(library.get());
  {
    std::lock_guard<TableMutex> lock(modules->mutex);
    Module& module = modules->loaded[result];
    if (module.path.empty()) module.path = std::move(path);
    if (module.loads + module.lookups == 0) library.release();
    ++module.loads;
  }
  return result;
} catch (const std::bad_alloc&) {
  return Fail<HMODULE>(ERROR_NOT_ENOUGH_MEMORY);
}

BOOL WINAPI FreeLibrary(HMODULE hLibModule) try {
  if (!hLibModule) return Fail<BOOL>(ERROR_INVALID_HANDLE);
  const DWORD last_error = GetLastError();
  if (LetGo(hLibModule, &Module::loads)) return TRUE;
  if (!HoldIfKept(hLibModule)) return FALSE;
  SetLastError(last_error);
  return TRUE;
} catch (const std::bad_alloc&) {
  return Fail<BOOL>(ERROR_NOT_ENOUGH_MEMORY);
}

FARPROC WINAPI GetProcAddress(HMODULE hModule, LPCSTR lpProcName) try {
  // Below 64 KiB it is an ordinal, which these systems' libraries do not have.
  if (reinterpret_cast<uintptr_t>(lpProcName) < 0x10000) return Fail<FARPROC>(ERROR_PROC_NOT_FOUND);
  const DWORD last_error = GetLastError();
  Library held;
  if (!hModule) {
    held.reset(dlopen(/*filename=*/nullptr, RTLD_LAZY));  // the program
  } else if (!BeginLookup(hModule)) {
    held = HoldIfKept(hModule);
    if (!held) return nullptr;
    SetLastError(last_error);
  }
  void* const address = dlsym(held ? held.get() : hModule, lpProcName);
  if (!held) LetGo(hModule, &Module::lookups);
  if (!address) return Fail<FARPROC>(ERROR_PROC_NOT_FOUND);
  return reinterpret_cast<FARPROC>(address);
} catch (const std::bad_alloc&) {
  return Fail<FARPROC>(ERROR_NOT_ENOUGH_MEMORY);
}
