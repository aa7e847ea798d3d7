#include "handles.h"

#include <mutex>
#include <utility>
#include <vector>

#include "errors.h"
#include "fork.h"

namespace kernel32 {
namespace {

// A handle is a slot's number, counted from 1, and the slot's generation, in the 32 bits to which
// Windows keeps its handles too; the two lowest bits are 0. The generation tells a handle that was
// closed from the slot's next one.
constexpr unsigned kTagBits = 2;
constexpr unsigned kSlotBits = 20;
constexpr size_t kMaxSlots = (size_t{1} << kSlotBits) - 1;
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
    slots_[index].object = std::move(object);
    const uintptr_t number = (uintptr_t{slots_[index].generation} << kSlotBits) | (index + 1);
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

  // Likewise, for the first object in the slots from *index on, and moves *index behind it. Null if
  // there is none.
  std::shared_ptr<KernelObject> RemoveNext(size_t* index) {
    std::lock_guard<TableMutex> lock(mutex_);
    while (*index < slots_.size()) {
      Slot* const slot = &slots_[(*index)++];
      if (slot->object) return Empty(slot);
    }
    return nullptr;
  }

 private:
  Slot* SlotOf(HANDLE handle) {
    const uintptr_t value = reinterpret_cast<uintptr_t>(handle);
    const uintptr_t number = value >> kTagBits;
    const size_t index =
        (number & kMaxSlots) - 1;  // slot number 0 becomes an index that no slot has
    if (value % (1u << kTagBits) != 0 || index >= slots_.size()) return nullptr;
    Slot* slot = &slots_[index];
    return slot->object && slot->generation == number >> kSlotBits ? slot : nullptr;
  }

  static std::shared_ptr<KernelObject> Empty(Slot* slot) {
    slot->generation = (slot->generation + 1) % kGenerations;
    return std::move(slot->object);
  }

  TableMutex mutex_;
  std::vector<Slot> slots_;
  std::vector<size_t> free_;
};

NeverDestroyed<HandleTable> handles;

// Windows closes a process's handles when it ends, so that names end with it.
__attribute__((destructor)) void CloseAllHandles() {
  for (size_t index = 0; handles->RemoveNext(&index);) {
  }
}

}  // namespace

DWORD KernelObject::Wait(DWORD) { return Fail<DWORD>(ERROR_ACCESS_DENIED, WAIT_FAILED); }

HANDLE OpenHandle(std::shared_ptr<KernelObject> object) { return handles->Add(std::move(object)); }

std::shared_ptr<KernelObject> FindObject(HANDLE handle) { return handles->Find(handle); }

}  // namespace kernel32

BOOL WINAPI CloseHandle(HANDLE hObject) {
  // The pseudo handles of the current process, thread and token, which there is nothing to close
  // of.
  const intptr_t value = reinterpret_cast<intptr_t>(hObject);
  if (value >= -6 && value <= -1) return TRUE;
  if (!kernel32::handles->Remove(hObject)) return kernel32::Fail<BOOL>(ERROR_INVALID_HANDLE);
  return TRUE;
}

DWORD WINAPI WaitForSingleObject(HANDLE hHandle, DWORD dwMilliseconds) {
  const std::shared_ptr<kernel32::KernelObject> object = kernel32::FindObject(hHandle);
  if (!object) return kernel32::Fail<DWORD>(ERROR_INVALID_HANDLE, WAIT_FAILED);
  return object->Wait(dwMilliseconds);
}
