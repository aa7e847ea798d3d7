#include "handles.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "errors.h"
#include "fork.h"

namespace kernel32 {
namespace {

// A handle is a slot's number and the slot's generation, in the 32 bits to which Windows keeps its
// handles too. The two lowest bits are 0, and ignored. The generation tells a handle that was
// closed from the slot's next one. The numbers up to 2 are left to null and the standard handles
// (console.cpp).
constexpr unsigned kTagBits = 2;
constexpr unsigned kSlotBits = 20;
constexpr size_t kFirstNumber = 3;
constexpr size_t kMaxNumber = (size_t{1} << kSlotBits) - 1;
constexpr size_t kMaxSlots = kMaxNumber - kFirstNumber + 1;
constexpr unsigned kGenerations = 1u << (31 - kSlotBits - kTagBits);

struct Slot {
  std::shared_ptr<KernelObject> object;
  unsigned generation = 0;
};

class HandleTable {
 public:
  HANDLE Add(std::shared_ptr<KernelObject> object) {
    std::lock_guard<TableMutex> lock(mutex_);
    size_t index;
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else if (slots_.size() < kMaxSlots) {
      index = slots_.size();
      if (index == slots_.capacity()) {
        const size_t capacity = 2 * index + 8;
        free_.reserve(capacity);  // so that Remove never allocates
        slots_.reserve(capacity);
      }
      slots_.emplace_back();
    } else {
      return Fail<HANDLE>(ERROR_TOO_MANY_OPEN_FILES);
    }
    ForgetDescriptor(object->descriptor());
    slots_[index].object = std::move(object);
    const uintptr_t number =
        (uintptr_t{slots_[index].generation} << kSlotBits) | (index + kFirstNumber);
    return reinterpret_cast<HANDLE>(number << kTagBits);
  }

  std::shared_ptr<KernelObject> Find(HANDLE handle) {
    std::lock_guard<TableMutex> lock(mutex_);
    const Slot* slot = SlotOf(handle);
    return slot ? slot->object : nullptr;
  }

  // The caller destroys what comes back, outside the lock.
  std::shared_ptr<KernelObject> Remove(HANDLE handle) {
    std::lock_guard<TableMutex> lock(mutex_);
    Slot* slot = SlotOf(handle);
    if (!slot) return nullptr;
    free_.push_back(slot - slots_.data());
    return Empty(slot);
  }

  // Likewise, for the first object in the slots from *index on, and moves *index to the slot after
  // it. Null if there is none.
  std::shared_ptr<KernelObject> RemoveNext(size_t* index) {
    std::lock_guard<TableMutex> lock(mutex_);
    while (*index < slots_.size()) {
      Slot* const slot = &slots_[(*index)++];
      if (slot->object) return Empty(slot);
    }
    return nullptr;
  }

  // Opens under the mutex, for which a fork waits: a child that was forked between the opening and
  // the entry into without_handle_ would keep the descriptor.
  int OpenDescriptor(const char* path, int flags, mode_t mode) {
    std::lock_guard<TableMutex> lock(mutex_);
    // Memory first, and enough of it for all to be without a handle at once.
    if (without_handle_.capacity() <= descriptors_) without_handle_.reserve(2 * descriptors_ + 8);
    int fd = Retry([&] { return open(path, flags, mode); });
    if (fd >= 0 && fd <= STDERR_FILENO) {
      const int standard = fd;
      fd = fcntl(standard, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
      close(standard);
      if (fd < 0) {
        if ((flags & O_CREAT) != 0) unlink(path);
        errno = EMFILE;
      }
    }
    if (fd < 0) return -1;
    ++descriptors_;
    without_handle_.push_back(fd);
    return fd;
  }

  void CloseDescriptor(int fd) {
    std::lock_guard<TableMutex> lock(mutex_);
    ForgetDescriptor(fd);
    --descriptors_;
    const int error = errno;
    close(fd);
    errno = error;
  }

  void KeepInForks(int fd) {
    std::lock_guard<TableMutex> lock(mutex_);
    ForgetDescriptor(fd);
  }

  // For a forked child, which has none of its parent's other threads.
  void ForgetOtherThreads() {
    for (const int fd : without_handle_) close(fd);
    descriptors_ -= without_handle_.size();
    without_handle_.clear();
    for (Slot& slot : slots_) {
      // What has no descriptor may have several handles, and threads of this child.
      if (slot.object.use_count() > 1 && slot.object->descriptor() >= 0) CountAnew(&slot.object);
    }
  }

 private:
  // Destroys the object with itself, and leaves the object's memory as it is.
  struct Ender {
    explicit Ender(KernelObject* object) : object(object) {}
    ~Ender() { object->~KernelObject(); }
    KernelObject* const object;
  };

  // In a forked child the references of its parent's other threads stay counted, and would keep the
  // object from ever being destroyed. From here on it is an Ender's references that count, of which
  // the slot has the first; the object's own stay as they are, so that its memory is lost. Without
  // memory for that the object lives as long as the process.
  static void CountAnew(std::shared_ptr<KernelObject>* reference) {
    KernelObject* const object = reference->get();
    std::shared_ptr<Ender> ender;
    try {
      ender = std::make_shared<Ender>(object);
    } catch (const std::bad_alloc&) {
    }
    // Leads to the object, and counts among the references to `ender`.
    *reference = std::shared_ptr<KernelObject>(ender, object);
  }

  Slot* SlotOf(HANDLE handle) {
    const uintptr_t value = reinterpret_cast<uintptr_t>(handle);
    const uintptr_t number = value >> kTagBits;
    const size_t index = (number & kMaxNumber) - kFirstNumber;  // huge for the numbers below it
    if (index >= slots_.size()) return nullptr;
    Slot* slot = &slots_[index];
    return slot->object && slot->generation == number >> kSlotBits ? slot : nullptr;
  }

  std::shared_ptr<KernelObject> Empty(Slot* slot) {
    const int fd = slot->object->descriptor();
    if (fd >= 0) without_handle_.push_back(fd);
    slot->generation = (slot->generation + 1) % kGenerations;
    return std::move(slot->object);
  }

  // From now on a forked child does not close the descriptor, if it would have.
  void ForgetDescriptor(int fd) {
    const auto found = std::find(without_handle_.begin(), without_handle_.end(), fd);
    if (found == without_handle_.end()) return;
    *found = without_handle_.back();
    without_handle_.pop_back();
  }

  TableMutex mutex_;
  std::vector<Slot> slots_;
  std::vector<size_t> free_;
  size_t descriptors_ = 0;           // that OpenDescriptor has opened
  std::vector<int> without_handle_;  // those of them that close in a forked child
};

NeverDestroyed<HandleTable> handles;

__attribute__((constructor)) void BeReadyForForks() {
  pthread_atfork(nullptr, nullptr, [] { handles->ForgetOtherThreads(); });
}

}  // namespace

HANDLE OpenHandle(std::shared_ptr<KernelObject> object) { return handles->Add(std::move(object)); }

std::shared_ptr<KernelObject> FindObject(HANDLE handle) { return handles->Find(handle); }

int OpenDescriptor(const char* path, int flags, mode_t mode) {
  return handles->OpenDescriptor(path, flags, mode);
}

void CloseAllHandles() {
  for (size_t index = 0; handles->RemoveNext(&index);) {
  }
}

void KeepInForks(int fd) { handles->KeepInForks(fd); }

void CloseDescriptor(int fd) { handles->CloseDescriptor(fd); }

}  // namespace kernel32

BOOL WINAPI CloseHandle(HANDLE hObject) {
  // The pseudo handles of the current process, thread and token, which there is nothing to close
  // of.
  const intptr_t value = reinterpret_cast<intptr_t>(hObject);
  if (value >= -6 && value <= -1) return TRUE;
  if (!kernel32::handles->Remove(hObject)) return kernel32::Fail<BOOL>(ERROR_INVALID_HANDLE);
  return TRUE;
}
