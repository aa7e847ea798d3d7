#include "shared_state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

#include "errors.h"
#include "file_locks.h"
#include "fork.h"
#include "handles.h"
#include "lost_pages.h"

namespace kernel32 {

// All states of this process.
class SharedStates {
 public:
  // The state of that file with a reference more, or null.
  SharedState* Find(dev_t device, ino_t inode) {
    for (SharedState* state : states_) {
      if (state->guard_ && state->device_ == device && state->inode_ == inode) {
        ++state->references_;
        return state;
      }
    }
    return nullptr;
  }

  void Add(SharedState* state) { states_.push_back(state); }
  void Remove(SharedState* state) {
    states_.erase(std::find(states_.begin(), states_.end(), state));
  }

  // What the thread owns is free, for whoever waits for it. Returns what is to be destroyed then.
  SharedState* AbandonNext(const void* thread) {
    for (SharedState* state : states_) {
      if (state->owner_ != thread) continue;
      state->Abandon();
      if (state->references_ != 0) continue;
      Remove(state);
      return state;
    }
    return nullptr;
  }

  // For a forked child, which owns nothing. Its descriptors for slots are closed already.
  void ForgetParent() {
    for (SharedState* state : states_) {
      state->slot_fd_ = -1;
      state->token_ = 0;
      state->owner_ = nullptr;
      state->count_ = 0;
    }
  }

  TableMutex mutex;

 private:
  std::vector<SharedState*> states_;
};

namespace {

NeverDestroyed<SharedStates> states;

// Tells threads apart. No address of one does: macOS may give a new thread the variables of another
// before that one's EndThread.
std::atomic<uintptr_t> threads{0};
thread_local const void* const this_thread = reinterpret_cast<const void*>(++threads);
thread_local bool is_watched = false;
pthread_key_t thread_end;
bool has_thread_end = false;

void AbandonAllOf(const void* thread) {
  while (true) {
    SharedState* unused;
    {
      const std::lock_guard<TableMutex> lock(states->mutex);
      unused = states->AbandonNext(thread);
    }
    if (!unused) return;
    delete unused;
  }
}

void EndThread(void* thread) {
  is_watched = false;  // a later destructor may own again
  AbandonAllOf(thread);
}

__attribute__((constructor)) void BeReadyForEnds() {
  has_thread_end = pthread_key_create(&thread_end, &EndThread) == 0;
  pthread_atfork(nullptr, nullptr, [] { states->ForgetParent(); });
}

// Other threads may go on until the process ends, and own what they own.
__attribute__((destructor)) void AbandonAtExit() { AbandonAllOf(this_thread); }

// Of the byte that is the slot's lock.
constexpr off_t kFirstSlotByte = 1000;
off_t SlotByte(uint32_t token) { return kFirstSlotByte + token; }

}  // namespace

SharedState::SharedState(StateMemory* memory, GuardedView* guard, bool is_mutex)
    : memory_(memory), guard_(guard), is_mutex_(is_mutex) {}

SharedState::~SharedState() {
  if (slot_fd_ >= 0) CloseDescriptor(slot_fd_);
  const std::lock_guard<TableMutex> lock(GuardMutex());
  if (guard_) UnguardView(guard_);
  munmap(memory_, sizeof *memory_);
}

std::unique_ptr<SharedState> SharedState::Map(const NamedFile& file) {
  constexpr int kAccess = PROT_READ | PROT_WRITE;
  const std::lock_guard<TableMutex> lock(GuardMutex());
  void* const memory = mmap(/*addr=*/nullptr, sizeof(StateMemory), kAccess, MAP_SHARED, file.fd(),
                            file.memory_offset());
  if (memory == MAP_FAILED) return Fail<std::unique_ptr<SharedState>>(ErrorFromErrno(errno));
  GuardedView* const guard = GuardView(memory, sizeof(StateMemory), kAccess);
  std::unique_ptr<SharedState> state;
  if (guard) {
    const bool is_mutex = file.properties().kind == ObjectKind::kMutex;
    state.reset(new (std::nothrow) SharedState(static_cast<StateMemory*>(memory), guard, is_mutex));
  }
  if (!state) {
    if (guard) UnguardView(guard);
    munmap(memory, sizeof(StateMemory));
    return Fail<std::unique_ptr<SharedState>>(ERROR_NOT_ENOUGH_MEMORY);
  }
  return state;
}

SharedState::Reference SharedState::Of(const NamedFile& file) {
  struct stat status;
  if (fstat(file.fd(), &status) != 0) return Fail<Reference>(ErrorFromErrno(errno));
  {
    const std::lock_guard<TableMutex> lock(states->mutex);
    SharedState* const known = states->Find(status.st_dev, status.st_ino);
    if (known) return Reference(known);
  }
  std::unique_ptr<SharedState> made = Map(file);
  if (!made) return nullptr;
  made->device_ = status.st_dev;
  made->inode_ = status.st_ino;
  const std::lock_guard<TableMutex> lock(states->mutex);
  SharedState* const known = states->Find(status.st_dev, status.st_ino);
  if (known) return Reference(known);  // another thread was faster
  states->Add(made.get());
  return Reference(made.release());
}

SharedState::Reference SharedState::Anonymous() {
  void* const memory = mmap(/*addr=*/nullptr, sizeof(StateMemory), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0);
  if (memory == MAP_FAILED) return Fail<Reference>(ErrorFromErrno(errno));
  std::unique_ptr<SharedState> made(new (std::nothrow) SharedState(
      static_cast<StateMemory*>(memory), /*guard=*/nullptr, /*is_mutex=*/true));
  if (!made) {
    munmap(memory, sizeof(StateMemory));
    return Fail<Reference>(ERROR_NOT_ENOUGH_MEMORY);
  }
  const std::lock_guard<TableMutex> lock(states->mutex);
  states->Add(made.get());
  return Reference(made.release());
}

void SharedState::Release(SharedState* state) {
  {
    const std::lock_guard<TableMutex> lock(states->mutex);
    if (--state->references_ != 0 || state->owner_) return;
    states->Remove(state);
  }
  delete state;
}

DWORD SharedState::WatchThisThread() {
  if (is_watched) return ERROR_SUCCESS;
  if (!has_thread_end || pthread_setspecific(thread_end, this_thread) != 0) {
    return ERROR_NOT_ENOUGH_MEMORY;
  }
  is_watched = true;
  return ERROR_SUCCESS;
}

bool SharedState::IsOwnedByThisThread() const {
  return owner_.load(std::memory_order_relaxed) == this_thread;
}

void SharedState::Own(uint32_t count) {
  count_ = count;
  owner_.store(count == 0 ? nullptr : this_thread, std::memory_order_relaxed);
}

void SharedState::Abandon() {
  owner_ = nullptr;
  count_ = 0;
  uint64_t owned = token();
  if (memory_->value.compare_exchange_strong(owned, kAbandonedFree)) memory_->doorbell.Ring();
}

DWORD SharedState::TakeSlot(const NamedFile* file) try {
  if (token() != 0) return ERROR_SUCCESS;
  if (!file) {
    token_ = static_cast<uint32_t>(getpid());
    return ERROR_SUCCESS;
  }
  Descriptor fd(file->OpenAgain());
  if (fd.get() < 0) return ErrorFromErrno(errno);
  const std::lock_guard<TableMutex> lock(states->mutex);
  if (token() != 0) return ERROR_SUCCESS;
  for (uint32_t token = 1; token <= kSlots; ++token) {
    const int error = LockByte(fd.get(), SlotByte(token), F_WRLCK);
    if (error == EAGAIN) continue;
    if (error != 0) return ErrorFromErrno(error);
    ClearSlot(token);
    slot_fd_ = fd.Release();
    token_ = token;
    return ERROR_SUCCESS;
  }
  return ERROR_TOO_MANY_OPEN_FILES;
} catch (const std::bad_alloc&) {
  return ERROR_NOT_ENOUGH_MEMORY;
}

void SharedState::ClearSlot(uint32_t token) {
  if (is_mutex_) {
    uint64_t owned = token;
    if (memory_->value.compare_exchange_strong(owned, kAbandonedFree)) memory_->doorbell.Ring();
    return;
  }
  const uint32_t count = memory_->sleepers[token - 1].exchange(0);
  uint64_t value = memory_->value;
  uint64_t next;
  do {
    const uint64_t sleepers = value >> kSignalBits;
    const uint64_t left = sleepers - std::min<uint64_t>(sleepers, count);
    next = (left << kSignalBits) | (value & kSignalMask);
  } while (!memory_->value.compare_exchange_weak(value, next));
}

void SharedState::CountSleepers(int change) {
  if (slot_fd_ >= 0) memory_->sleepers[token() - 1] += static_cast<uint16_t>(change);
}

void SharedState::ForgetDeadSleepers() {
  const std::lock_guard<TableMutex> lock(states->mutex);
  if (slot_fd_ < 0) return;
  for (uint32_t token = 1; token <= kSlots; ++token) {
    if (token == this->token() || memory_->sleepers[token - 1] == 0) continue;
    if (LockByte(slot_fd_, SlotByte(token), F_WRLCK) != 0) continue;
    ClearSlot(token);
    LockByte(slot_fd_, SlotByte(token), F_UNLCK);
  }
}

bool SharedState::ReplaceIfDead(uint64_t owner) {
  const auto token = static_cast<uint32_t>(owner);
  if (owner == kFree || owner == kAbandonedFree || token == this->token()) return false;
  // The lock is also what keeps this process's threads from each other: they share the description.
  // It is held for longer than a look needs only if the owner seems to be dead.
  if (slot_fd_ < 0 || GetOthersLock(slot_fd_, SlotByte(token)).type != F_UNLCK) return false;
  const std::lock_guard<TableMutex> lock(states->mutex);
  if (LockByte(slot_fd_, SlotByte(token), F_WRLCK) != 0) return false;
  const bool replaced = memory_->value.compare_exchange_strong(owner, this->token());
  LockByte(slot_fd_, SlotByte(token), F_UNLCK);
  return replaced;
}

}  // namespace kernel32
