#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

namespace test {

// libFuzzer keeps the input of a run that aborts.
void Fail(const char* file, int line, const std::string& expression, const std::string& expected,
          const std::string& actual) {
  fprintf(stderr, "%s:%d: %s\n  expected %s\n  actual   %s\n", file, line, expression.c_str(),
          expected.c_str(), actual.c_str());
  abort();
}

}  // namespace test

namespace fuzz {
namespace {

// The lowest number that the system would give to a descriptor.
int LowestFreeDescriptor() {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(fd);
  return fd;
}

}  // namespace

test::Text ConsumeText(FuzzedDataProvider* data, size_t most) {
  test::Text text;
  if (data->ConsumeBool()) {
    for (const char byte : data->ConsumeRandomLengthString(most)) {
      if (byte != 0) text += static_cast<WCHAR>(static_cast<unsigned char>(byte));
    }
    return text;
  }
  const std::string bytes = data->ConsumeRandomLengthString(2 * most);
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const auto unit = static_cast<WCHAR>(static_cast<unsigned char>(bytes[i]) |
                                         static_cast<unsigned char>(bytes[i + 1]) << 8);
    if (unit != 0) text += unit;
  }
  return text;
}

uint64_t ConsumeNumber(FuzzedDataProvider* data) {
  switch (data->ConsumeIntegralInRange(0, 3)) {
    case 0:
      return data->ConsumeIntegral<uint8_t>();
    case 1:
      return data->ConsumeIntegral<uint32_t>();
    case 2:
      return (uint64_t{1} << data->ConsumeIntegralInRange(0, 63)) +
             static_cast<uint64_t>(int64_t{data->ConsumeIntegral<int8_t>()});
    default:
      return data->ConsumeIntegral<uint64_t>();
  }
}

Guarded::Guarded(const test::Text& text, bool terminated) {
  const size_t page = test::PageSize();
  const size_t length = (text.size() + (terminated ? 1 : 0)) * sizeof(WCHAR);
  const size_t room = (length + page - 1) / page * page;
  size_ = room + page;
  memory_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory_ == MAP_FAILED) abort();
  BYTE* const guard = static_cast<BYTE*>(memory_) + room;
  if (mprotect(guard, page, PROT_NONE) != 0) abort();
  text_ = reinterpret_cast<WCHAR*>(guard - length);
  text.copy(text_, text.size());
}

Guarded::~Guarded() { munmap(memory_, size_); }

Run::Run(size_t views) : views_(views), lowest_free_descriptor_(LowestFreeDescriptor()) {}

Run::~Run() {
  EXPECT_EQ(LowestFreeDescriptor(), lowest_free_descriptor_);
  // What stays mapped stays for good, so it is enough to look now and then.
  static unsigned runs = 0;
  if (++runs % 256 != 0) return;
  size_t mapped = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/dev/shm/dllmemfilemap.") != line.npos) ++mapped;
  }
  EXPECT_EQ(mapped, views_);
}

}  // namespace fuzz

// Called once, before the first run.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // Stdin is empty from now on.
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  close(null);
  test::PageSize();
  return 0;
}
