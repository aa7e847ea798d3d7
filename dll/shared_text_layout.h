// How processes keep the text whole and announce it: a section of its own beside the text's, named
// "dllmemfilemap.state". The text's section holds nothing but the text, for programs that know of
// no other. 32-bit and 64-bit processes share both.
//
//   offset
//        0  layout      4 bytes: kLayout, or 0 before the first process has come
//        8  word        8 bytes: who is writing, how far that is, and what holds the text
//       64  watching    64 bytes, a slot each: odd while somebody watches through that slot
//      128  lost        8 words of writers that were taken for dead and may not be
//     4096  copies      8 of 4096 bytes: a text, whole before it is written to the text's section
//    36864
//
// The word, from its lowest bit on:
//
//   | phase 2 | lost 1 | astray 1 | current 3 | target 3 | owner 12 | count 42 |
//
//   phase    kIdle, kWriting (the owner writes the copy `target`), kCopied (it is whole, and the
//            owner writes the text)
//   lost     whether there may be words in `lost`
//   astray   whether one of those may still write to the text
//   current  the copy that was written last
//   owner    the number of the process that is writing or was last: it has the event
//            "dllmemfilemap.writer.N", whose name lives as long as the process. 0 if it got none
//   count    how often the word was owned
//
// To watch, in any program:
// 1. Load the DLL, or hold the text's section in another way.
// 2. Create the event "dllmemfilemap.watcher.N" for an N from 0 to 63, until one is new (the last
//    error is 0). It lives as long as the watcher: keep its handle.
// 3. Create the auto-reset event "dllmemfilemap.changed.N".
// 4. Add 1 to byte 64 + N of the state's section, or 2 if it is odd: its last watcher was killed.
// 5. Read the text, wait for the event, read the text, and so on. Do not wait for ever: programs
//    that write without this DLL announce nothing.
// 6. Add 1 to that byte, and close the handles. If the process ends before, in whatever way, the
//    next watcher finds the slot free.
#ifndef DLLMEMFILEMAP_SHARED_TEXT_LAYOUT_H
#define DLLMEMFILEMAP_SHARED_TEXT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "dllmemfilemap.h"

namespace shared_text {

constexpr WCHAR kStateName[] = TEXT("dllmemfilemap.state");
constexpr WCHAR kWriterName[] = TEXT("dllmemfilemap.writer.");    // and a number
constexpr WCHAR kWatcherName[] = TEXT("dllmemfilemap.watcher.");  // and a slot
constexpr WCHAR kChangedName[] = TEXT("dllmemfilemap.changed.");  // and a slot

constexpr uint32_t kLayout = 1;
constexpr DWORD kCapacity = SHMEMSIZE / sizeof(WCHAR);
constexpr unsigned kCopies = 8;
constexpr unsigned kLostWords = 8;
constexpr unsigned kSlots = 64;
constexpr uint8_t kIsWatching = 1;  // a bit

struct State {
  std::atomic<uint32_t> layout;
  uint32_t unused_1;
  std::atomic<uint64_t> word;
  uint8_t unused_2[48];
  std::atomic<uint8_t> watching[kSlots];
  std::atomic<uint64_t> lost[kLostWords];
  uint8_t unused_3[3904];
  WCHAR copies[kCopies][kCapacity];
};

static_assert(offsetof(State, layout) == 0, "");
static_assert(offsetof(State, word) == 8, "");
static_assert(offsetof(State, watching) == 64, "");
static_assert(offsetof(State, lost) == 128, "");
static_assert(offsetof(State, copies) == 4096, "");
static_assert(sizeof(State) == 36864, "");
static_assert(std::atomic<uint64_t>::is_always_lock_free, "other processes know of no lock");

enum Phase : uint64_t { kIdle = 0, kWriting = 1, kCopied = 2 };

constexpr uint64_t kPhase = 3;
constexpr uint64_t kLost = 4;
constexpr uint64_t kAstray = 8;
constexpr unsigned kCurrentBit = 4;
constexpr unsigned kTargetBit = 7;
constexpr unsigned kOwnerBit = 10;
constexpr unsigned kCountBit = 22;
constexpr uint64_t kCopyMask = kCopies - 1;
constexpr uint64_t kOwnerMask = 4095;

// Whatever the word is, these are in range.
constexpr uint64_t PhaseOf(uint64_t word) { return word & kPhase; }
constexpr unsigned CurrentOf(uint64_t word) { return word >> kCurrentBit & kCopyMask; }
constexpr unsigned TargetOf(uint64_t word) { return word >> kTargetBit & kCopyMask; }
constexpr unsigned OwnerOf(uint64_t word) { return word >> kOwnerBit & kOwnerMask; }
constexpr uint64_t CountOf(uint64_t word) { return word >> kCountBit; }

// One of the names with a number.
class NumberedName {
 public:
  template <size_t size>
  NumberedName(const WCHAR (&name)[size], unsigned number) {
    static_assert(size + 10 <= sizeof text_ / sizeof *text_, "");
    WCHAR digits[10];
    unsigned count = 0;
    do {
      digits[count++] = static_cast<WCHAR>('0' + number % 10);
    } while ((number /= 10) != 0);
    WCHAR* end = text_;
    for (const WCHAR* from = name; *from; ++from) *end++ = *from;
    while (count > 0) *end++ = digits[--count];
    *end = 0;
  }
  operator LPCWSTR() const { return text_; }

 private:
  WCHAR text_[40];
};

}  // namespace shared_text

#endif
