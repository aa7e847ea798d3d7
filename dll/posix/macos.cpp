#include <crt_externs.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mach-o/dyld.h>
#include <mach-o/loader.h>
#include <mach/mach.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "patience.h"
#include "platform.h"

namespace kernel32 {

std::string NamespaceDirectory(Namespace scope) {
  // Of /private/tmp, the system removes what is some days old.
  constexpr char kForAllUsers[] = "/private/var/tmp";
  if (scope == Namespace::kGlobal) return kForAllUsers;
  char path[PATH_MAX];
  const size_t size = confstr(_CS_DARWIN_USER_TEMP_DIR, path, sizeof path);
  if (size == 0 || size > sizeof path) return kForAllUsers;
  std::string directory(path);
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

// That of arm64, which a program for x64 on the same machine does not have.
uint64_t PageSize() { return 16384; }

int Commit(int fd, off_t size) {
  fstore_t store = {F_ALLOCATEALL, F_PEOFPOSMODE, /*fst_offset=*/0, /*fst_length=*/size, 0};
  if (fcntl(fd, F_PREALLOCATE, &store) != 0) return errno;
  return ftruncate(fd, size) == 0 ? 0 : errno;
}

int ReplaceByZeros(void* address, size_t length) {
  void* const zeros = mmap(address, length, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANON | MAP_FIXED, /*fd=*/-1, /*offset=*/0);
  return zeros == MAP_FAILED ? errno : 0;
}

namespace {

// The functions of os/os_sync_wait_on_address.h, which the system has from macOS 14.4 on, and not
// every compiler a header for.
struct AddressWaiting {
  int (*wait)(void* word, uint64_t seen, size_t size, uint32_t flags, uint32_t clock,
              uint64_t timeout);
  int (*wake_all)(void* word, size_t size, uint32_t flags);
};

constexpr uint32_t kShared = 1;             // OS_SYNC_WAIT_ON_ADDRESS_SHARED, and of waking
constexpr uint32_t kMachAbsoluteTime = 32;  // OS_CLOCK_MACH_ABSOLUTE_TIME

// Both are null before macOS 14.4.
AddressWaiting FindAddressWaiting() {
  AddressWaiting found = {};
  found.wait = reinterpret_cast<decltype(found.wait)>(
      dlsym(RTLD_DEFAULT, "os_sync_wait_on_address_with_timeout"));
  found.wake_all = reinterpret_cast<decltype(found.wake_all)>(
      dlsym(RTLD_DEFAULT, "os_sync_wake_by_address_all"));
  return found.wait && found.wake_all ? found : AddressWaiting{};
}

// Found while the library is loaded: a forked child must not wait for the linker's lock.
const AddressWaiting address_waiting = FindAddressWaiting();

// Whether `is_it` is true of a name in the load commands of that kind: that of the library itself,
// or those that it needs.
template <typename Predicate>
bool AnyDylibName(const mach_header_64* image, uint32_t kind, Predicate is_it) {
  const auto* place = reinterpret_cast<const char*>(image + 1);
  for (uint32_t i = 0; i < image->ncmds; ++i) {
    const auto* const command = reinterpret_cast<const dylib_command*>(place);
    if (command->cmd == kind && is_it(place + command->dylib.name.offset)) return true;
    place += command->cmdsize;
  }
  return false;
}

void Pause(int64_t nanoseconds) {
  const timespec pause = {0, static_cast<long>(nanoseconds)};
  nanosleep(&pause, nullptr);
}

}  // namespace

// There is no call that sleeps on several words, and before macOS 14.4 none that sleeps on one that
// processes share: it then looks at intervals.
void SleepOnWords(const SeenWord* words, unsigned count, int64_t end) {
  constexpr int64_t kGlance = 2'000'000;
  const int64_t longest = end - Now();
  if (longest <= 0) return;
  if (!address_waiting.wait) {
    for (unsigned i = 0; i < count; ++i) {
      if (*words[i].word != words[i].seen) return;
    }
    Pause(std::min(longest, kGlance));
    return;
  }
  const int64_t most = count == 1 ? longest : std::min(longest, kGlance);
  const int result = address_waiting.wait(words[0].word, words[0].seen, sizeof(uint32_t), kShared,
                                          kMachAbsoluteTime, static_cast<uint64_t>(most));
  if (result >= 0 || errno == EINTR || errno == ETIMEDOUT) return;
  // EFAULT: the file has become shorter, and the next look at the word puts memory there. Whatever
  // else it is, the caller must not ask again without a pause.
  Pause(1'000'000);
}

void WakeSleepers(std::atomic<uint32_t>* word) {
  if (address_waiting.wake_all) address_waiting.wake_all(word, sizeof(uint32_t), kShared);
}

// The signal's code tells nothing: a touch that the view's protection forbids has the same.
bool MayBeMissingPage(const siginfo_t& /*fault*/, const void* context, int prot) {
  const mcontext_t state = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__arm64__)
  const bool is_write = (state->__es.__esr & 0x40) != 0;
#else
  const bool is_write = (state->__es.__err & 2) != 0;
#endif
  return prot != PROT_NONE && (!is_write || (prot & PROT_WRITE) != 0);
}

// Has the kernel read there.
bool IsMissing(const void* address) {
  char byte;
  vm_size_t read = 0;
  return vm_read_overwrite(mach_task_self(), reinterpret_cast<vm_address_t>(address), 1,
                           reinterpret_cast<vm_address_t>(&byte), &read) != KERN_SUCCESS;
}

// dlsym would also find what is loaded for all to see, or what such a library needs.
bool IsLinkedIntoProgram(const char* /*symbol*/, const void* address) {
  Dl_info library = {};
  if (dladdr(address, &library) == 0) return false;
  const char* own = nullptr;
  AnyDylibName(static_cast<const mach_header_64*>(library.dli_fbase), LC_ID_DYLIB,
               [&](const char* name) {
                 own = name;
                 return true;
               });
  const auto is_own = [own](const char* name) { return strcmp(name, own) == 0; };
  return own && AnyDylibName(_NSGetMachExecuteHeader(), LC_LOAD_DYLIB, is_own);
}

// A library has no environ of its own to link against.
char** Environment() { return *_NSGetEnviron(); }

std::string ProgramPath() {
  char path[PATH_MAX];
  uint32_t size = sizeof path;
  return _NSGetExecutablePath(path, &size) == 0 ? path : "";
}

}  // namespace kernel32
