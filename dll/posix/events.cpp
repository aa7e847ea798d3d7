#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "permits.h"
#include "shared_waitable.h"

namespace kernel32 {
namespace {

constexpr Rights kRights = {/*read=*/0x0001, EVENT_MODIFY_STATE, EVENT_ALL_ACCESS};

// The value of a manual-reset event: whether it is set, and in the other bits how often it has
// become so. Whoever was asleep meanwhile is released, although the event may be reset by now.
constexpr uint64_t kSet = 1;
constexpr uint64_t kGeneration = 2;

class Event : public SharedWaitable {
 public:
  using SharedWaitable::SharedWaitable;
  virtual void Set() = 0;
  virtual void Reset() = 0;
};

class ManualResetEvent : public Event {
 public:
  using Event::Event;

  void Set() override {
    uint64_t value = memory().value;
    while ((value & kSet) == 0) {
      if (memory().value.compare_exchange_weak(value, (value + kGeneration) | kSet)) break;
    }
    memory().doorbell.Ring();
  }

  void Reset() override { memory().value &= ~kSet; }

  Taken Take(Wait* wait) override {
    const uint64_t value = memory().value;
    const bool was_set = wait->has_entered && value / kGeneration != wait->generation_at_entry;
    return (value & kSet) != 0 || was_set ? Taken::kYes : Taken::kNo;
  }

  bool Enter(Wait* wait) override {
    if (!wait->has_entered) wait->generation_at_entry = memory().value / kGeneration;
    wait->has_entered = true;
    return true;
  }
};

class AutoResetEvent : public Event {
 public:
  using Event::Event;

  void Set() override {
    uint64_t previous;
    permits().Add(1, kMost, &previous);
  }
  void Reset() override { permits().Clear(); }

  DWORD GetReady() override { return TakeSlot(); }
  Taken Take(Wait* wait) override { return permits().Take(wait); }
  bool Enter(Wait* wait) override { return permits().Enter(wait); }
  void Leave(Wait* wait) override { permits().Leave(wait, kMost); }

 private:
  static constexpr uint64_t kMost = 1;
  Permits permits() { return Permits(&state(), file()); }
};

HANDLE OpenEventHandle(std::optional<OpenedState> opened, DWORD last_error) {
  if (!opened) return nullptr;
  std::shared_ptr<Event> event;
  if (opened->parameter != 0) {
    event = std::make_shared<ManualResetEvent>(std::move(*opened));
  } else {
    event = std::make_shared<AutoResetEvent>(std::move(*opened));
  }
  return OpenHandleSaying(last_error, std::move(event));
}

}  // namespace
}  // namespace kernel32

using namespace kernel32;

HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
                           BOOL bInitialState, LPCWSTR lpName) try {
  const auto set_first_state = [bInitialState](SharedState* state, const NamedFile*) -> DWORD {
    // For either kind of event.
    state->memory().value = bInitialState ? 1 : 0;
    return ERROR_SUCCESS;
  };
  bool created = false;
  std::optional<OpenedState> opened =
      CreateState(ObjectKind::kEvent, kRights, lpEventAttributes, lpName, bManualReset ? 1 : 0,
                  set_first_state, &created);
  return OpenEventHandle(std::move(opened), created ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS);
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

HANDLE WINAPI OpenEventW(DWORD dwDesiredAccess, BOOL, LPCWSTR lpName) try {
  const DWORD last_error = GetLastError();  // success leaves it alone
  return OpenEventHandle(OpenState(ObjectKind::kEvent, kRights, dwDesiredAccess, lpName),
                         last_error);
} catch (const std::bad_alloc&) {
  return Fail<HANDLE>(ERROR_NOT_ENOUGH_MEMORY);
}

BOOL WINAPI SetEvent(HANDLE hEvent) {
  const std::shared_ptr<Event> event = FindToChange<Event>(hEvent, EVENT_MODIFY_STATE);
  if (!event) return FALSE;
  event->Set();
  return TRUE;
}

BOOL WINAPI ResetEvent(HANDLE hEvent) {
  const std::shared_ptr<Event> event = FindToChange<Event>(hEvent, EVENT_MODIFY_STATE);
  if (!event) return FALSE;
  event->Reset();
  return TRUE;
}
