// SetSharedMem and GetSharedMem, while another program writes anything to the state of the text.

#include <dllmemfilemap.h>

#include <algorithm>

#include "../../dll/shared_text_layout.h"
#include "fuzz.h"

using namespace test;
using namespace shared_text;

namespace {

constexpr WCHAR kUntouchedUnit = 0xABCD;

// As any other program sees it.
State* TheState() {
  static const View* const view =
      new View(Map(Open(kStateName), FILE_MAP_WRITE, /*offset=*/0, sizeof(State)));
  return static_cast<State*>(view->get());
}

Text Get(DWORD size) {
  const fuzz::Guarded buffer(Text(std::min(size, kCapacity + 1), kUntouchedUnit),
                             /*terminated=*/false);
  GetSharedMem(buffer.get(), size);
  const Text text(buffer.get(), buffer.get() + std::min(size, kCapacity + 1));
  const size_t length = text.find(WCHAR{0});
  EXPECT(length != Text::npos);
  return text.substr(0, length);
}

// Any word, but more often one that a writer could have left.
uint64_t ConsumeWord(FuzzedDataProvider* data) {
  if (data->ConsumeBool()) return data->ConsumeIntegral<uint64_t>();
  return TheState()->word ^ data->ConsumeIntegral<uint32_t>();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  WCHAR first[] = {'x', 0};
  SetSharedMem(first);  // what this keeps open is open before the first run
  State* const state = TheState();
  const fuzz::Run run(/*views=*/4);
  FuzzedDataProvider data(bytes, size);
  // A writer that does not end is taken for dead after 20 ms.
  for (int i = 0; i < 20 && data.remaining_bytes() > 0; ++i) {
    switch (data.ConsumeIntegralInRange(0, 5)) {
      case 0:
        state->word = ConsumeWord(&data);
        break;
      case 1:
        state->lost[data.ConsumeIntegralInRange(0u, kLostWords - 1)] = ConsumeWord(&data);
        break;
      case 2:
        state->watching[data.ConsumeIntegralInRange(0u, kSlots - 1)] =
            data.ConsumeIntegral<uint8_t>();
        break;
      case 3:
        std::fill_n(state->copies[data.ConsumeIntegralInRange(0u, kCopies - 1)], kCapacity,
                    data.ConsumeIntegral<uint16_t>());
        break;
      case 4:
        Get(data.ConsumeIntegralInRange<DWORD>(1, kCapacity + 2));
        break;
      default: {
        // Nobody changes the state meanwhile.
        const Text text = fuzz::ConsumeText(&data, kCapacity - 1);
        SetSharedMem(fuzz::Guarded(text).get());
        EXPECT(Get(kCapacity) == text);
      }
    }
  }
  return 0;
}
