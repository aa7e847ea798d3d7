// Text: its length and its conversions, against iconv's, and the splitting of a command line.

#include <errno.h>
#include <iconv.h>

#include "fuzz.h"

using namespace test;

namespace {

// What iconv makes of it, with a replacement for each unit that it refuses.
std::string Convert(iconv_t converter, std::string text, size_t unit, const std::string& refused) {
  std::string converted, room(4 * text.size() + 16, '\0');
  char* in = text.data();
  size_t in_left = text.size();
  while (in_left > 0) {
    char* out = room.data();
    size_t out_left = room.size();
    const bool whole = iconv(converter, &in, &in_left, &out, &out_left) != static_cast<size_t>(-1);
    converted.append(room.data(), out);
    if (whole) break;
    iconv(converter, nullptr, nullptr, nullptr, nullptr);
    converted += refused;
    in += unit;
    in_left -= unit;
  }
  return converted;
}

std::string BytesOf(const Text& text) {
  return std::string(reinterpret_cast<const char*>(text.data()), text.size() * sizeof(WCHAR));
}

// Checks that a conversion says how much room it takes, keeps to it, and gives the text expected.
template <typename Char, typename Call>
void ExpectConverts(const std::basic_string<Char>& expected, Call call) {
  const int length = static_cast<int>(expected.size());
  EXPECT_KEEPS_LAST_ERROR(call(nullptr, 0));
  EXPECT_EQ(call(nullptr, 0), length);
  std::basic_string<Char> exact(expected.size(), 0);
  EXPECT_EQ(call(exact.data(), length), length);
  EXPECT(exact == expected);
  if (length > 1) EXPECT_FAILS(call(exact.data(), length - 1), ERROR_INSUFFICIENT_BUFFER);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const iconv_t from_utf8 = iconv_open("UTF-16LE", "UTF-8");
  static const iconv_t to_utf8 = iconv_open("UTF-8", "UTF-16LE");
  const fuzz::Run run;
  FuzzedDataProvider data(bytes, size);
  const bool terminated = data.ConsumeBool();
  if (data.ConsumeBool()) {
    const Text text = fuzz::ConsumeText(&data, 4096);
    const fuzz::Guarded guarded(text);
    EXPECT_EQ(lstrlenW(guarded.get()), static_cast<int>(text.size()));
    if (text.empty() && !terminated) return 0;  // a length of 0 is no text
    const Text converted = terminated ? text + WCHAR{0} : text;
    ExpectConverts(Convert(to_utf8, BytesOf(converted), sizeof(WCHAR), "\xEF\xBF\xBD"),
                   [&](char* output, int room) {
                     return WideCharToMultiByte(CP_UTF8, 0, guarded.get(),
                                                terminated ? -1 : static_cast<int>(text.size()),
                                                output, room, nullptr, nullptr);
                   });
    // Of no program, so nothing starts; but its arguments are split by then.
    Text line = TEXT("/dev/null/none ") + text;
    STARTUPINFOW startup = {};
    PROCESS_INFORMATION started;
    EXPECT_FAILS(CreateProcessW(nullptr, line.data(), nullptr, nullptr, FALSE, 0, nullptr, nullptr,
                                &startup, &started),
                 ERROR_FILE_NOT_FOUND);
  } else {
    std::string text = data.ConsumeRemainingBytesAsString();
    if (terminated) text = text.c_str();
    if (text.empty() && !terminated) return 0;
    const std::string converted = terminated ? text + '\0' : text;
    const std::string expected = Convert(from_utf8, converted, 1, "\xFD\xFF");
    const Text wide(reinterpret_cast<const WCHAR*>(expected.data()),
                    expected.size() / sizeof(WCHAR));
    const std::vector<char> exact(converted.begin(),
                                  converted.end());  // what is past it is not its
    ExpectConverts(wide, [&](WCHAR* output, int room) {
      return MultiByteToWideChar(CP_UTF8, 0, exact.data(),
                                 terminated ? -1 : static_cast<int>(exact.size()), output, room);
    });
  }
  return 0;
}
