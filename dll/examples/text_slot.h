// A place among those whom writers of the shared text wake. Its steps are in shared_text_layout.h.
#ifndef DLLMEMFILEMAP_EXAMPLES_TEXT_SLOT_H
#define DLLMEMFILEMAP_EXAMPLES_TEXT_SLOT_H

#include "dllmemfilemap.h"
#include "shared_text_layout.h"

class TextSlot {
 public:
  TextSlot() {
    using namespace shared_text;
    section_ = OpenFileMappingW(FILE_MAP_WRITE, /*bInheritHandle=*/FALSE, kStateName);
    if (section_) state_ = static_cast<State*>(MapViewOfFile(section_, FILE_MAP_WRITE, 0, 0, 0));
    for (number_ = 0; state_ && number_ < kSlots; ++number_) {
      claim_ = CreateEventW(nullptr, /*bManualReset=*/TRUE, /*bInitialState=*/FALSE,
                            NumberedName(kWatcherName, number_));
      if (claim_ && GetLastError() == ERROR_SUCCESS) break;
      if (claim_) CloseHandle(claim_);  // another watcher's
      claim_ = nullptr;
    }
    if (!claim_) return;
    changed_ = CreateEventW(nullptr, /*bManualReset=*/FALSE, /*bInitialState=*/FALSE,
                            NumberedName(kChangedName, number_));
    state_->watching[number_] += state_->watching[number_] % 2 == 0 ? 1 : 2;
  }

  ~TextSlot() {
    if (claim_) ++state_->watching[number_];
    for (const HANDLE handle : {changed_, claim_, section_}) {
      if (handle) CloseHandle(handle);
    }
    if (state_) UnmapViewOfFile(state_);
  }

  TextSlot(const TextSlot&) = delete;
  TextSlot& operator=(const TextSlot&) = delete;

  // Whether writers wake it. There may be no free slot, or no state.
  bool is_taken() const { return changed_ != nullptr; }

  // Returns whether it was woken before the time had passed.
  bool Wait(DWORD milliseconds) const {
    return WaitForSingleObject(changed_, milliseconds) == WAIT_OBJECT_0;
  }

 private:
  HANDLE section_ = nullptr;
  shared_text::State* state_ = nullptr;
  unsigned number_ = 0;
  HANDLE claim_ = nullptr, changed_ = nullptr;
};

#endif
