// SetSharedMem and GetSharedMem, against a model of the memory, which others write to as well.

#include <dllmemfilemap.h>

#include <algorithm>
#include <vector>

#include "fuzz.h"

using namespace test;

namespace {

constexpr DWORD kCapacity = SHMEMSIZE / sizeof(WCHAR);
constexpr WCHAR kUntouchedUnit = 0xABCD;

// The memory as any other program sees it.
WCHAR* Memory() {
  static const View* const view =
      new View(Map(Open(TEXT("dllmemfilemap")), FILE_MAP_WRITE, /*offset=*/0, SHMEMSIZE));
  return static_cast<WCHAR*>(view->get());
}

void Set(Text* model, const Text& text) {
  SetSharedMem(fuzz::Guarded(text).get());
  const size_t length = std::min<size_t>(text.size(), kCapacity - 1);
  std::copy_n(text.begin(), length, model->begin());
  (*model)[length] = 0;
}

void Get(const Text& model, DWORD size) {
  // All that a caller with a larger buffer may rely on being written to is the memory's size.
  const fuzz::Guarded buffer(Text(std::min(size, kCapacity + 1), kUntouchedUnit),
                             /*terminated=*/false);
  GetSharedMem(buffer.get(), size);
  if (size == 0) return;
  const size_t length = std::min<size_t>({model.find(WCHAR{0}), kCapacity, size - 1});
  EXPECT(Text(buffer.get(), length) == model.substr(0, length));
  EXPECT_EQ(buffer.get()[length], 0);
  for (size_t i = length + 1; i < std::min(size, kCapacity + 1); ++i) {
    EXPECT_EQ(buffer.get()[i], kUntouchedUnit);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  WCHAR first[] = {'x', 0};
  SetSharedMem(first);  // what this keeps open is open before the first run, and so is the memory
  WCHAR* const memory = Memory();
  const fuzz::Run run(/*views=*/4);
  FuzzedDataProvider data(bytes, size);
  std::fill_n(memory, kCapacity, WCHAR{0});
  Text model(kCapacity, 0);
  while (data.remaining_bytes() > 0) {
    switch (data.ConsumeIntegralInRange(0, 5)) {
      case 0:
        Set(&model, fuzz::ConsumeText(&data, kCapacity + 100));
        break;
      case 1:
        Set(&model, Text(data.ConsumeIntegralInRange<size_t>(0, 2 * kCapacity), TEXT('x')));
        break;
      case 2:
        Get(model, static_cast<DWORD>(fuzz::ConsumeNumber(&data)));
        break;
      case 3:
        Get(model, data.ConsumeIntegralInRange<DWORD>(0, kCapacity + 2));
        break;
      case 4: {
        // Others may leave the memory without a terminator, and one unit at a time.
        const size_t begin = data.ConsumeIntegralInRange<size_t>(0, kCapacity - 1);
        const size_t count = data.ConsumeIntegralInRange<size_t>(0, kCapacity - begin);
        const auto unit = data.ConsumeIntegral<uint16_t>();
        std::fill_n(memory + begin, count, unit);
        std::fill_n(model.begin() + begin, count, unit);
        break;
      }
      default:
        SetSharedMem(nullptr);
        GetSharedMem(nullptr, data.ConsumeIntegral<DWORD>());
    }
    EXPECT(std::equal(model.begin(), model.end(), memory));
  }
  return 0;
}
