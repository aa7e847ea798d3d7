#include "watchers.h"

#include "kept_last_error.h"

namespace shared_text {
namespace {

// Of the slots. They are never closed while the DLL is loaded, so no thread finds a handle that
// another has closed.
std::atomic<HANDLE> events[kSlots];

// What a slot had when its event could not be opened: only another watcher makes it worth trying
// again.
std::atomic<uint8_t> missing[kSlots];

HANDLE EventOf(unsigned slot, uint8_t watching) {
  HANDLE event = events[slot];
  if (event || missing[slot] == watching) return event;
  const HANDLE opened =
      OpenEventW(EVENT_MODIFY_STATE, /*bInheritHandle=*/FALSE, NumberedName(kChangedName, slot));
  if (!opened) {
    missing[slot] = watching;
    return nullptr;
  }
  if (events[slot].compare_exchange_strong(event, opened)) return opened;
  CloseHandle(opened);  // another thread was faster
  return event;
}

}  // namespace

void WakeWatchers(const State& state) {
  const KeptLastError kept;
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    const uint8_t watching = state.watching[slot];
    if ((watching & kIsWatching) == 0) continue;
    if (const HANDLE event = EventOf(slot, watching)) SetEvent(event);
  }
}

void ForgetWatchers() {
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    if (const HANDLE event = events[slot].exchange(nullptr)) CloseHandle(event);
    missing[slot] = 0;
  }
}

}  // namespace shared_text
