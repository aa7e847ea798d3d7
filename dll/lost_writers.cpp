#include "lost_writers.h"

#include "kept_last_error.h"

namespace shared_text {

bool IsDead(unsigned owner, unsigned own_number) {
  if (owner == 0 || owner == own_number) return false;
  const HANDLE event =
      OpenEventW(SYNCHRONIZE, /*bInheritHandle=*/FALSE, NumberedName(kWriterName, owner));
  if (event) CloseHandle(event);
  return !event && GetLastError() == ERROR_FILE_NOT_FOUND;
}

std::atomic<uint64_t>* RememberLost(State* state, uint64_t word) {
  for (std::atomic<uint64_t>& lost : state->lost) {
    uint64_t none = 0;
    if (lost.compare_exchange_strong(none, word)) return &lost;
  }
  std::atomic<uint64_t>& taken = state->lost[CountOf(word) % kLostWords];
  taken = word;
  return &taken;
}

void ForgetLost(State* state, uint64_t word) {
  for (std::atomic<uint64_t>& lost : state->lost) {
    uint64_t same = word;
    lost.compare_exchange_strong(same, 0);
  }
}

uint64_t WithoutTheDead(State* state, uint64_t word, unsigned own_number) {
  const KeptLastError kept;
  word &= ~(kLost | kAstray);
  for (std::atomic<uint64_t>& entry : state->lost) {
    uint64_t lost = entry;
    if (lost == 0) continue;
    if (IsDead(OwnerOf(lost), own_number)) {
      entry.compare_exchange_strong(lost, 0);
      continue;
    }
    word |= kLost | (PhaseOf(lost) == kCopied ? kAstray : 0);
  }
  return word;
}

unsigned FreeCopy(const State& state, uint64_t word) {
  unsigned taken = 0;
  for (const std::atomic<uint64_t>& entry : state.lost) {
    const uint64_t lost = entry;
    if (PhaseOf(lost) == kWriting) taken |= 1u << TargetOf(lost);
  }
  for (unsigned i = 1; i < kCopies; ++i) {
    const unsigned copy = CurrentOf(word) ^ i;
    if ((taken >> copy & 1) == 0) return copy;
  }
  return CurrentOf(word) ^ 1;
}

}  // namespace shared_text
