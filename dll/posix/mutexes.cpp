// A mutex's value names the slot of the process that owns it; which of its threads that is, and how
// often, only that process knows.

#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "shared_waitable.h"

namespace kernel32 {
namespace {

constexpr Rights kRights = {/*read=*/0x0001, /*write=*/0, MUTEX_ALL_ACCESS};

class Mutex : public SharedWaitable {
 public:
  using SharedWaitable::SharedWaitable;

  // For the thread that has made the mutex its own in the first state.
  void BeginOwned() { state().Own(1); }

  bool Release() {
    if (!state().IsOwnedByThisThread()) return false;
    state().Own(state().count() - 1);
    if (state().count() != 0) return true;
    // Another value was written by means that have nothing to do with this project.
    uint64_t owner = state().token();
    memory().value.compare_exchange_strong(owner, kFree);
    memory().doorbell.Ring();
    return true;
  }

  DWORD GetReady() override { return GetReadyToOwn(&state(), file()); }

  static DWORD GetReadyToOwn(SharedState* state, const NamedFile* file) {
    if (const DWORD error = SharedState::WatchThisThread()) return error;
    return state->TakeSlot(file);
  }

  Taken Take(Wait*) override {
    if (state().IsOwnedByThisThread()) {
      state().Own(state().count() + 1);
      return Taken::kYes;
    }
    uint64_t value = memory().value;
    while (value == kFree || value == kAbandonedFree) {
      if (!memory().value.compare_exchange_weak(value, state().token())) continue;
      state().Own(1);
      return value == kFree ? Taken::kYes : Taken::kAbandoned;
    }
    return Taken::kNo;
  }

  bool HasOwner() const override { return true; }

  bool TakeFromDead() override {
    if (!state().ReplaceIfDead(memory().value)) return false;
    state().Own(1);
    return true;
  }
};

}  // namespace
}  // namespace kernel32

using namespace kernel32;

HANDLE WINAPI CreateMutexW(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
                           LPCWSTR lpName) try {
  const auto set_first_state = [bInitialOwner](SharedState* state, const NamedFile* file) -> DWORD {
    if (!bInitialOwner) return ERROR_SUCCESS;
    if (const DWORD error = Mutex::GetReadyToOwn(state, file)) return error;
    state->memory().value = state->token();
    return ERROR_SUCCESS;
  };
  bool created = false;
  std::optional<OpenedState> opened =
      CreateState(ObjectKind::kMutex, kRights, lpMutexAttributes, lpName, /*parameter=*/0,
                  set_first_state, &created);
  if (!opened) return nullptr;
  const auto mutex = std::make_shared<Mutex>(std::move(*opened));
  const HANDLE handle = OpenHandleSaying(created ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS, mutex);
  if (handle && created && bInitialOwner) mutex->BeginOwned();
  return handle;
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

HANDLE WINAPI OpenMutexW(DWORD dwDesiredAccess, BOOL, LPCWSTR lpName) try {
  const DWORD last_error = GetLastError();  // success leaves it alone
  std::optional<OpenedState> opened =
      OpenState(ObjectKind::kMutex, kRights, dwDesiredAccess, lpName);
  if (!opened) return nullptr;
  return OpenHandleSaying(last_error, std::make_shared<Mutex>(std::move(*opened)));
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

BOOL WINAPI ReleaseMutex(HANDLE hMutex) {
  const std::shared_ptr<Mutex> mutex = FindObjectOf<Mutex>(hMutex);
  if (!mutex) return FALSE;
  return mutex->Release() ? TRUE : Fail<BOOL>(ERROR_NOT_OWNER);
}
