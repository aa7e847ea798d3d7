// What the workers keep in every named mapping, so that a broken promise shows in the memory
// itself. worker.mjs keeps the same. In words of 32 bits:
//
//   0        the owner: whoever was told that it created the object puts there once the number of
//            its process, times 4096, plus a count of such objects
//   1        the owner again, as soon as it has filled the rest
//   2 to 65  slots: each is written by one thread alone, which counts its visits in it
//   66 on    a pattern that the owner's number gives
//
// Nobody writes before there is an owner, so whoever created the object must find zeros alone.
#ifndef DLLMEMFILEMAP_TEST_STRESS_MEMORY_H
#define DLLMEMFILEMAP_TEST_STRESS_MEMORY_H

#include <stdint.h>
#include <windows.h>

#include <atomic>
#include <string>

namespace stress {

// A promise that was not kept, and what was seen.
struct Broken {
  std::string what;
};

class Memory {
 public:
  using Word = std::atomic<uint32_t>;

  static constexpr size_t kSlots = 64;

  static uint32_t OwnerNumber(uint32_t worker, uint32_t count) {
    return worker << 12 | (count & 0xFFF);
  }
  static uint32_t WorkerOf(uint32_t owner) { return owner >> 12; }

  explicit Memory(LPVOID view) : words_(static_cast<Word*>(view)) {
    MEMORY_BASIC_INFORMATION information = {};
    VirtualQuery(view, &information, sizeof information);
    count_ = information.RegionSize / sizeof(Word);
  }

  uint32_t owner() const { return words_[0]; }
  bool is_filled() const { return words_[1] != 0; }
  Word& slot(size_t i) const { return words_[kFirstSlot + i]; }

  // For whoever created the object.
  void Claim(uint32_t number) const {
    RequireZeros("The memory of a new object");
    uint32_t nobody = 0;
    if (!words_[0].compare_exchange_strong(nobody, number)) {
      throw Broken{"A second creator of one memory: the first is " + std::to_string(nobody)};
    }
    for (size_t i = kFirstFilled; i < count_; ++i) {
      words_[i].store(Pattern(number, i), std::memory_order_relaxed);
    }
    words_[1] = number;
  }

  // For whoever found the object: it has to look as its owner has left it so far. Returns the
  // owner, or 0 if there is none yet, and perhaps never will be, as it was killed.
  uint32_t Check() const {
    const uint32_t filled = words_[1], number = owner();
    if (number == 0) {
      const size_t i = FirstOtherThanZero();
      if (i == count_ || owner() == 0) {
        if (i != count_) RequireZeros("Memory without an owner");
        return 0;
      }
      return Check();  // which has come meanwhile
    }
    if (filled != 0 && filled != number) Fail("The owner", 1, number);
    for (size_t i = kFirstFilled; i < count_; ++i) {
      const uint32_t expected = Pattern(number, i), found = words_[i];
      if (found != expected && (found != 0 || filled != 0)) Fail("The contents", i, expected);
    }
    return number;
  }

 private:
  static constexpr size_t kFirstSlot = 2, kFirstFilled = kFirstSlot + kSlots;

  static uint32_t Pattern(uint32_t number, size_t i) {
    return number ^ (static_cast<uint32_t>(i) * 0x9E3779B1u);
  }

  size_t FirstOtherThanZero() const {
    size_t i = 0;
    while (i < count_ && words_[i] == 0) ++i;
    return i;
  }

  void RequireZeros(const char* what) const {
    const size_t i = FirstOtherThanZero();
    if (i != count_) Fail(what, i, 0);
  }

  [[noreturn]] void Fail(const char* what, size_t i, uint32_t expected) const {
    throw Broken{std::string(what) + " should have " + std::to_string(expected) + " in word " +
                 std::to_string(i) + " and has " + std::to_string(words_[i])};
  }

  Word* words_;
  size_t count_;
};

}  // namespace stress

#endif
