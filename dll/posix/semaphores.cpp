#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "permits.h"
#include "shared_waitable.h"

namespace kernel32 {
namespace {

constexpr Rights kRights = {/*read=*/0x0001, SEMAPHORE_MODIFY_STATE, SEMAPHORE_ALL_ACCESS};

class Semaphore : public SharedWaitable {
 public:
  using SharedWaitable::SharedWaitable;

  bool Release(uint32_t count, uint64_t* previous) {
    return permits().Add(count, parameter(), previous);
  }

  DWORD GetReady() override { return TakeSlot(); }
  Taken Take(Wait* wait) override { return permits().Take(wait); }
  bool Enter(Wait* wait) override { return permits().Enter(wait); }
  // Nothing that was released is lost, even if that is more than the maximum for a while.
  void Leave(Wait* wait) override { permits().Leave(wait, kSignalMask); }

 private:
  Permits permits() { return Permits(&state(), file()); }
};

HANDLE OpenSemaphoreHandle(std::optional<OpenedState> opened, DWORD last_error) {
  if (!opened) return nullptr;
  return OpenHandleSaying(last_error, std::make_shared<Semaphore>(std::move(*opened)));
}

}  // namespace
}  // namespace kernel32

using namespace kernel32;

HANDLE WINAPI CreateSemaphoreW(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes, LONG lInitialCount,
                               LONG lMaximumCount, LPCWSTR lpName) try {
  if (lInitialCount < 0 || lMaximumCount < 1 || lInitialCount > lMaximumCount) {
    return Fail<HANDLE>(ERROR_INVALID_PARAMETER);
  }
  const auto set_first_state = [lInitialCount](SharedState* state, const NamedFile*) -> DWORD {
    state->memory().value = static_cast<uint64_t>(lInitialCount);
    return ERROR_SUCCESS;
  };
  bool created = false;
  std::optional<OpenedState> opened =
      CreateState(ObjectKind::kSemaphore, kRights, lpSemaphoreAttributes, lpName,
                  static_cast<uint32_t>(lMaximumCount), set_first_state, &created);
  return OpenSemaphoreHandle(std::move(opened), created ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS);
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

HANDLE WINAPI OpenSemaphoreW(DWORD dwDesiredAccess, BOOL, LPCWSTR lpName) try {
  const DWORD last_error = GetLastError();  // success leaves it alone
  return OpenSemaphoreHandle(OpenState(ObjectKind::kSemaphore, kRights, dwDesiredAccess, lpName),
                             last_error);
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

BOOL WINAPI ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount) {
  const auto semaphore = FindToChange<Semaphore>(hSemaphore, SEMAPHORE_MODIFY_STATE);
  if (!semaphore) return FALSE;
  if (lReleaseCount <= 0) return Fail<BOOL>(ERROR_INVALID_PARAMETER);
  uint64_t previous;
  if (!semaphore->Release(static_cast<uint32_t>(lReleaseCount), &previous)) {
    return Fail<BOOL>(ERROR_TOO_MANY_POSTS);
  }
  if (lpPreviousCount) *lpPreviousCount = static_cast<LONG>(previous);
  return TRUE;
}
