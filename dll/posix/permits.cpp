#include "permits.h"

#include <algorithm>

namespace kernel32 {
namespace {

constexpr uint64_t kMaxSleepers = (uint64_t{1} << (64 - kSignalBits)) - 1;

struct Counts {
  explicit Counts(uint64_t value) : signals(value & kSignalMask), sleepers(value >> kSignalBits) {}

  uint64_t value() const { return sleepers << kSignalBits | signals; }
  // The signals that belong to no sleeper.
  uint64_t free() const { return signals - std::min(signals, sleepers); }
  // Another process may have written anything.
  void RemoveSleeper() { sleepers -= std::min<uint64_t>(sleepers, 1); }

  uint64_t signals;
  uint64_t sleepers;
};

// Whether the value has become `next`; if not, *value is what it is now.
bool Replace(StateMemory* memory, uint64_t* value, const Counts& next) {
  return memory->value.compare_exchange_weak(*value, next.value());
}

}  // namespace

uint64_t Permits::ValueForTheLiving() {
  const uint64_t value = state_.memory().value;
  const Counts counts(value);
  if (counts.signals == 0 || counts.sleepers == 0) return value;
  if (state_.TakeSlot(file_) == ERROR_SUCCESS) state_.ForgetDeadSleepers();
  return state_.memory().value;
}

bool Permits::Add(uint64_t count, uint64_t maximum, uint64_t* previous) {
  uint64_t value = ValueForTheLiving();
  while (true) {
    Counts next(value);
    *previous = next.free();
    if (*previous + count > maximum) return false;
    next.signals = std::min(next.signals + count, kSignalMask);
    if (Replace(&state_.memory(), &value, next)) break;
  }
  state_.memory().doorbell.Ring();
  return true;
}

void Permits::Clear() {
  uint64_t value = ValueForTheLiving();
  while (true) {
    Counts next(value);
    next.signals = std::min(next.signals, next.sleepers);
    if (Replace(&state_.memory(), &value, next)) return;
  }
}

Taken Permits::Take(Wait* wait) {
  uint64_t value = state_.memory().value;
  if (!wait->is_counted && Counts(value).free() == 0) value = ValueForTheLiving();
  while (true) {
    Counts next(value);
    if ((wait->is_counted ? next.signals : next.free()) == 0) return Taken::kNo;
    --next.signals;
    if (wait->is_counted) next.RemoveSleeper();
    if (Replace(&state_.memory(), &value, next)) break;
  }
  if (wait->is_counted) state_.CountSleepers(-1);
  wait->is_counted = false;
  return Taken::kYes;
}

bool Permits::Enter(Wait* wait) {
  if (wait->is_counted) return true;
  // In this order: a process that is killed in between is subtracted once too often, rather than
  // never.
  state_.CountSleepers(1);
  uint64_t value = state_.memory().value;
  while (true) {
    Counts next(value);
    // The signals that there are belong to the sleepers that are counted by now.
    if (next.signals != 0 || next.sleepers == kMaxSleepers) break;
    ++next.sleepers;
    wait->is_counted = Replace(&state_.memory(), &value, next);
    if (wait->is_counted) return true;
  }
  state_.CountSleepers(-1);
  return false;
}

void Permits::Leave(Wait* wait, uint64_t maximum) {
  if (!wait->is_counted) return;
  uint64_t value = state_.memory().value;
  while (true) {
    Counts next(value);
    next.RemoveSleeper();
    next.signals -= next.free() - std::min(next.free(), maximum);
    if (Replace(&state_.memory(), &value, next)) break;
  }
  state_.CountSleepers(-1);
  wait->is_counted = false;
}

}  // namespace kernel32
