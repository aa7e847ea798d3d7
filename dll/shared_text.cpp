#include "shared_text.h"

#include "copy_text.h"
#include "kept_last_error.h"
#include "lost_writers.h"
#include "shared_text_layout.h"
#include "watchers.h"

namespace shared_text {
namespace {

// How long a word has to stay as it is, in milliseconds: until a writer takes over, and until a
// reader does.
constexpr ULONGLONG kWritersPatience = 20;
constexpr ULONGLONG kReadersPatience = 50;

// Only somebody who writes nonsense to the state makes a call try so often. It then does without.
constexpr unsigned kMostAttempts = 1'000'000;
constexpr unsigned kSleep = 100;  // counts as so many, as it takes some time
constexpr unsigned kTakeOver = 10'000;

constexpr unsigned kNotYet = ~0u;
constexpr unsigned kNamesTried = 16;

HANDLE text_section = nullptr;
HANDLE state_section = nullptr;
WCHAR* text = nullptr;   // this process's view; null while not attached
State* state = nullptr;  // likewise; null if it could not be had

// This process as a writer, from its first writing on.
std::atomic<unsigned> own_number{kNotYet};
std::atomic<HANDLE> own_event;  // has the number in its name

// When a reader saw an unfinished word for the first time.
std::atomic<uint64_t> unfinished_word;
std::atomic<ULONGLONG> unfinished_since;

// A word that is owned once more, with the same current copy and the same flags.
uint64_t Owned(uint64_t word, unsigned owner, unsigned target, Phase phase) {
  return (CountOf(word) + 1) << kCountBit | uint64_t{owner} << kOwnerBit |
         uint64_t{target} << kTargetBit | (word & (kCopyMask << kCurrentBit | kLost | kAstray)) |
         phase;
}

uint64_t Copied(uint64_t word) {
  return (word & ~(kCopyMask << kCurrentBit | kPhase)) | uint64_t{TargetOf(word)} << kCurrentBit |
         kCopied;
}

uint64_t Idle(uint64_t word) { return word & ~kPhase; }

bool Change(uint64_t from, uint64_t to) {
  const bool changed = state->word.compare_exchange_strong(from, to);
  // What is written from here on is not seen before the word is.
  std::atomic_thread_fence(std::memory_order_release);
  return changed;
}

void Announce() {
  // Eight slots at a time.
  const auto* const groups = reinterpret_cast<const std::atomic<uint64_t>*>(state->watching);
  uint64_t watching = 0;
  for (unsigned i = 0; i < kSlots / 8; ++i) watching |= groups[i];
  if ((watching & 0x0101010101010101) != 0) WakeWatchers(*state);
}

// Copies the current copy to the text's section, for a word that is copied and this process's own.
// Returns whether it was to the end.
bool Finish(uint64_t word, DWORD length) {
  memcpy(text, state->copies[CurrentOf(word)], (length + 1) * sizeof(WCHAR));
  const bool finished = Change(word, Idle(word));
  if (!finished) ForgetLost(state, word);
  Announce();
  return finished;
}

// For one that another has written.
void FinishCurrent(uint64_t word) {
  const WCHAR* const copy = state->copies[CurrentOf(word)];
  DWORD length = 0;
  while (length < kCapacity - 1 && copy[length] != 0) ++length;
  Finish(word, length);
}

unsigned OwnNumber();

// Takes over from the owner of a word that is not idle.
void TakeOver(uint64_t word, bool is_dead) {
  const unsigned own = OwnNumber();
  const bool is_copied = PhaseOf(word) == kCopied;
  std::atomic<uint64_t>* const lost = is_dead ? nullptr : RememberLost(state, word);
  uint64_t next = is_copied ? Owned(word, own, CurrentOf(word), kCopied)
                            : Owned(word, own, TargetOf(word), kIdle);
  if (!is_dead) next |= kLost | (is_copied ? kAstray : 0);
  if (!Change(word, next)) {
    // Only this one. Another process may have remembered the same, and have taken over.
    uint64_t same = word;
    if (lost) lost->compare_exchange_strong(same, 0);
  } else if (is_copied) {
    FinishCurrent(next);
  }
}

void TakeOver(uint64_t word) {
  const KeptLastError kept;
  TakeOver(word, IsDead(OwnerOf(word), own_number));
}

// Has the text's section be what the current copy is again, if it may be something else.
void Clean() {
  const uint64_t word = state->word;
  if (PhaseOf(word) == kCopied) TakeOver(word);
  if (PhaseOf(word) != kIdle || (word & kAstray) == 0) return;
  const uint64_t cleaned = WithoutTheDead(state, word, own_number);
  if ((cleaned & kAstray) != 0) return;
  const uint64_t mine = Owned(cleaned, OwnNumber(), CurrentOf(cleaned), kCopied);
  if (Change(word, mine)) FinishCurrent(mine);
}

// Takes a number for this process, of which its predecessor may have left something.
unsigned TakeNumber() {
  const KeptLastError kept;
  for (unsigned i = 0; i < kNamesTried; ++i) {
    const unsigned number = (GetCurrentProcessId() + i) % kOwnerMask + 1;
    const HANDLE event = CreateEventW(/*lpEventAttributes=*/nullptr, /*bManualReset=*/TRUE,
                                      /*bInitialState=*/FALSE, NumberedName(kWriterName, number));
    if (!event) return 0;
    unsigned none = kNotYet;
    if (GetLastError() == ERROR_ALREADY_EXISTS ||
        !own_number.compare_exchange_strong(none, number)) {
      CloseHandle(event);
      if (none != kNotYet) return none;  // another thread was faster
      continue;
    }
    own_event = event;
    for (std::atomic<uint64_t>& entry : state->lost) {
      uint64_t lost = entry;
      if (OwnerOf(lost) == number) entry.compare_exchange_strong(lost, 0);
    }
    const uint64_t word = state->word;
    if (PhaseOf(word) != kIdle && OwnerOf(word) == number) TakeOver(word, /*is_dead=*/true);
    return number;
  }
  return 0;
}

unsigned OwnNumber() {
  unsigned number = own_number.load(std::memory_order_relaxed);
  if (number != kNotYet) return number;
  number = TakeNumber();
  unsigned none = kNotYet;
  own_number.compare_exchange_strong(none, number);
  return own_number;
}

// Waits for the owner of a word that is not idle.
class Patience {
 public:
  Patience() = default;
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  ~Patience() {
    if (!never_) return;
    const KeptLastError kept;
    CloseHandle(never_);
  }

  // Returns as soon as the word is another, or has been looked at for some time. Returns how many
  // attempts that counts as.
  unsigned Wait(uint64_t word) {
    for (int i = 0; i < 1000; ++i) {
      if (state->word.load(std::memory_order_relaxed) != word) return 1;
    }
    const ULONGLONG now = GetTickCount64();
    if (word != seen_) {
      seen_ = word;
      since_ = now;
    }
    if (now - since_ >= kWritersPatience) {
      TakeOver(word);
      return kTakeOver;
    }
    const KeptLastError kept;
    if (!never_) {
      never_ = CreateEventW(/*lpEventAttributes=*/nullptr, /*bManualReset=*/TRUE,
                            /*bInitialState=*/FALSE, /*lpName=*/nullptr);
    }
    WaitForSingleObject(never_, /*dwMilliseconds=*/1);
    return kSleep;
  }

 private:
  HANDLE never_ = nullptr;  // an event that nobody sets
  uint64_t seen_ = 0;       // is idle
  ULONGLONG since_ = 0;
};

void SetPlainly(const WCHAR* from) { text[CopyString(text, from, kCapacity - 1)] = 0; }

void SetWhole(const WCHAR* from) {
  const unsigned own = OwnNumber();
  Patience patience;
  for (unsigned attempts = 0; attempts < kMostAttempts; ++attempts) {
    const uint64_t seen = state->word.load(std::memory_order_relaxed);
    if (PhaseOf(seen) != kIdle) {
      attempts += patience.Wait(seen);
      continue;
    }
    const uint64_t word =
        (seen & (kLost | kAstray)) == 0 ? seen : WithoutTheDead(state, seen, own_number);
    // As a rule, two take turns.
    const unsigned target = (word & kLost) == 0 ? CurrentOf(word) ^ 1 : FreeCopy(*state, word);
    // What one that is dead by now has written astray is in the text until this one is.
    const uint64_t mine = Owned(word, own, target, kWriting) | (seen & kAstray);
    const uint64_t copied = (word & kAstray) == 0 ? Copied(mine) & ~kAstray : Copied(mine);
    if (!Change(seen, mine)) continue;
    WCHAR* const copy = state->copies[target];
    const DWORD length = CopyString(copy, from, kCapacity - 1);
    copy[length] = 0;
    if (!Change(mine, copied)) {
      ForgetLost(state, mine);
      continue;
    }
    if (!Finish(copied, length)) Clean();
    return;
  }
  SetPlainly(from);
}

// Whether what was read where the first word says is a whole text if the word then is the second.
bool IsWhole(uint64_t before, bool from_copy, uint64_t after) {
  if (before == after) return true;
  const uint64_t passed = CountOf(after) - CountOf(before);
  // The current copy is not the next target, but that of an owner may become so, as the next owner
  // has another for current.
  if (from_copy) return passed <= (PhaseOf(before) == kWriting ? 0 : 1);
  return PhaseOf(before) == kIdle && PhaseOf(after) == kWriting && passed == 1;
}

// After a reader has found a word whose owner has not finished: if it does not, for long, this
// process does. Otherwise, what programs without a state write would not be seen.
void FinishInTime(uint64_t word) {
  const ULONGLONG now = GetTickCount64();
  if (unfinished_word.exchange(word) != word) {
    unfinished_since = now;
  } else if (now - unfinished_since >= kReadersPatience) {
    unfinished_since = now;
    Clean();
  }
}

// As a rule, nobody is writing.
bool GetAtOnce(WCHAR* to, DWORD capacity) {
  const uint64_t word = state->word.load(std::memory_order_acquire);
  if ((word & (kPhase | kAstray)) != 0) return false;
  CopyText(to, text, capacity);
  std::atomic_thread_fence(std::memory_order_acquire);
  return state->word.load(std::memory_order_relaxed) == word;
}

void GetWhole(WCHAR* to, DWORD capacity) {
  for (unsigned attempts = 0; attempts < kMostAttempts; ++attempts) {
    const uint64_t word = state->word.load(std::memory_order_acquire);
    const bool from_copy = PhaseOf(word) == kCopied || (word & kAstray) != 0;
    CopyText(to, from_copy ? state->copies[CurrentOf(word)] : text, capacity);
    std::atomic_thread_fence(std::memory_order_acquire);
    const uint64_t after = state->word.load(std::memory_order_relaxed);
    if (!IsWhole(word, from_copy, after)) continue;
    if (from_copy) FinishInTime(word);
    return;
  }
}

// Maps a section of that size at least, which the system makes if there is none.
LPVOID MapSection(LPCWSTR name, DWORD size, HANDLE* section, bool* created) {
  *section = CreateFileMappingW(INVALID_HANDLE_VALUE, /*lpFileMappingAttributes=*/nullptr,
                                PAGE_READWRITE, /*dwMaximumSizeHigh=*/0, size, name);
  if (!*section) return nullptr;
  *created = GetLastError() != ERROR_ALREADY_EXISTS;
  return MapViewOfFile(*section, FILE_MAP_WRITE, /*dwFileOffsetHigh=*/0, /*dwFileOffsetLow=*/0,
                       /*dwNumberOfBytesToMap=*/size);
}

void CloseSection(LPCVOID view, HANDLE* section) {
  if (view) UnmapViewOfFile(view);
  if (*section) CloseHandle(*section);
  *section = nullptr;
}

void DetachState() {
  CloseSection(state, &state_section);
  state = nullptr;
}

bool AttachState(bool* created) {
  state = static_cast<State*>(MapSection(kStateName, sizeof(State), &state_section, created));
  uint32_t layout = 0;
  if (state && (state->layout.compare_exchange_strong(layout, kLayout) || layout == kLayout)) {
    return true;
  }
  DetachState();
  return false;
}

bool AttachText(bool* created) {
  // The first process's memory already reads as zeros. Clearing it here could lose what another has
  // written by now.
  text = static_cast<WCHAR*>(MapSection(TEXT("dllmemfilemap"), SHMEMSIZE, &text_section, created));
  return text != nullptr;
}

}  // namespace

bool Attach() {
  // In this order. Systems close what a dead process had in the order in which it was opened, so
  // whoever finds a state that is about to go finds its text, too.
  bool state_created = false, text_created = false;
  const bool has_state = AttachState(&state_created);
  if (!AttachText(&text_created)) {
    if (!has_state) return false;
    // There may be room for the text alone.
    CloseSection(nullptr, &text_section);
    DetachState();
    return AttachText(&text_created);
  }
  // If that order was another, the state may speak of a text that is gone.
  if (has_state && !state_created && text_created) {
    const uint64_t word = state->word;
    if (PhaseOf(word) == kCopied || (word & kAstray) != 0) Set(TEXT(""));
  }
  return true;
}

void Detach() {
  const KeptLastError kept;
  ForgetWatchers();
  if (const HANDLE event = own_event.exchange(nullptr)) CloseHandle(event);
  own_number = kNotYet;
  DetachState();
  CloseSection(text, &text_section);
  text = nullptr;
}

void Set(const WCHAR* from) {
  if (!text || !from) return;
  if (state) {
    SetWhole(from);
  } else {
    SetPlainly(from);
  }
}

void Get(WCHAR* to, DWORD size) {
  if (!to || size == 0) return;
  const DWORD capacity = size <= kCapacity ? size - 1 : kCapacity;
  if (state) {
    if (!GetAtOnce(to, capacity)) GetWhole(to, capacity);
  } else if (text) {
    CopyText(to, text, capacity);
  } else {
    to[0] = 0;
  }
}

}  // namespace shared_text
