// What the fuzzers share: how bytes become arguments, and what a broken promise does.
#ifndef DLLMEMFILEMAP_TEST_FUZZ_FUZZ_H
#define DLLMEMFILEMAP_TEST_FUZZ_FUZZ_H

#include <fuzzer/FuzzedDataProvider.h>

#include "../dll/kernel32/fixtures.h"
#include "../dll/kernel32/test.h"

namespace fuzz {

// A text of at most that many characters, none of them U+0000. Small ones are ASCII byte by byte,
// so that a dictionary helps; others are of any units.
test::Text ConsumeText(FuzzedDataProvider* data, size_t most);

// Any number, but more often a small one, or one beside a power of two.
uint64_t ConsumeNumber(FuzzedDataProvider* data);

// A copy that ends where memory begins that may not be touched: reading or writing past it ends
// the process, for code that the address sanitizer does not look into as well.
class Guarded {
 public:
  // Of a text with its terminator, or with another end.
  explicit Guarded(const test::Text& text, bool terminated = true);
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  WCHAR* get() const { return text_; }

 private:
  void* memory_;
  size_t size_;
  WCHAR* text_;
};

// One run: nothing that it opened is left at its end, and nothing mapped but so many views of the
// DLL that the fuzzer is linked against.
class Run {
 public:
  explicit Run(size_t views = 0);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

 private:
  const size_t views_;
  const int lowest_free_descriptor_;
};

}  // namespace fuzz

#endif
