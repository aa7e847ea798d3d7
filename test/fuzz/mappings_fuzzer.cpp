// Sequences of calls on file mappings and their views, against a model of what they promise.

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "fuzz.h"

using namespace test;

namespace {

// The process may have no file, and so no object, of more than this.
constexpr uint64_t kRoom = 512 * 1024;

// What no machine has is not even tried.
constexpr uint64_t kTooLarge = uint64_t{1} << 44;

constexpr DWORD kReads = FILE_MAP_READ, kWrites = FILE_MAP_WRITE, kExecutes = FILE_MAP_EXECUTE;

const std::map<DWORD, DWORD> kAccessOfProtection = {
    {PAGE_READONLY, kReads},
    {PAGE_WRITECOPY, kReads},
    {PAGE_READWRITE, kReads | kWrites},
    {PAGE_EXECUTE_READ, kReads | kExecutes},
    {PAGE_EXECUTE_WRITECOPY, kReads | kExecutes},
    {PAGE_EXECUTE_READWRITE, kReads | kWrites | kExecutes},
};

// The names of the run, and which object each of them is.
struct Name {
  LPCWSTR prefix;
  LPCWSTR suffix;  // null for no name at all
  int object;      // 0 for one without a name
};
constexpr Name kNames[] = {{u"", u"-1", 1},         {u"", u"-2", 2}, {u"Local\\", u"-1", 1},
                           {u"Global\\", u"-1", 3}, {u"", u"", 0},   {u"", nullptr, 0}};

struct Object {
  int name;
  DWORD access;             // that its protection allows
  std::vector<BYTE> bytes;  // in whole pages
};

struct Mapping {
  std::shared_ptr<Object> object;
  DWORD access;  // that the handle allows
};

struct MappedView {
  std::shared_ptr<Object> object;
  SIZE_T offset, length;
  DWORD protection;
  DWORD told;                                     // by VirtualQuery
  std::map<SIZE_T, std::vector<BYTE>> own_pages;  // that were written to, of a private copy
};

class Model {
 public:
  explicit Model(FuzzedDataProvider* data) : data_(*data) {}

  void Run() {
    while (data_.remaining_bytes() > 0) {
      switch (data_.ConsumeIntegralInRange(0, 8)) {
        case 0:
          Create();
          break;
        case 1:
          Open();
          break;
        case 2:
        case 3:
          MapView();
          break;
        case 4:
          Write();
          break;
        case 5:
          Unmap();
          break;
        case 6:
          Close();
          break;
        case 7:
          Query();
          break;
        default:
          Wait();
      }
    }
    for (auto& [address, view] : views_) ExpectContents(address, view);
  }

  // Ends what is still there, and with it every name.
  void End() {
    while (!views_.empty()) {
      EXPECT_KEEPS_LAST_ERROR(UnmapViewOfFile(views_.begin()->first));
      views_.erase(views_.begin());
    }
    for (const auto& [handle, mapping] : mappings_) EXPECT_KEEPS_LAST_ERROR(CloseHandle(handle));
    for (const Name& name : kNames) {
      if (name.object != 0) {
        EXPECT_FAILS(OpenFileMappingW(kReads, FALSE, FullName(name).c_str()), ERROR_FILE_NOT_FOUND);
      }
    }
  }

 private:
  static Text FullName(const Name& name) {
    static const Text own = TEXT("fuzzed-") + ToText(GetCurrentProcessId());
    return name.suffix && *name.suffix ? name.prefix + own + name.suffix : Text();
  }

  const Name& ConsumeName() {
    return kNames[data_.ConsumeIntegralInRange<size_t>(0, std::size(kNames) - 1)];
  }

  // A handle that is open, or that was, or any number.
  HANDLE ConsumeHandle() {
    switch (data_.ConsumeIntegralInRange(0, 7)) {
      case 0:
        return reinterpret_cast<HANDLE>(fuzz::ConsumeNumber(&data_));
      case 1:
        return last_closed_;
      default:
        return mappings_.empty() ? nullptr : Pick(mappings_)->first;
    }
  }

  // An address in a view, past one, or anywhere.
  BYTE* ConsumeAddress() {
    const uint64_t number = fuzz::ConsumeNumber(&data_);
    if (views_.empty() || data_.ConsumeIntegralInRange(0, 7) == 0) {
      return reinterpret_cast<BYTE*>(number);
    }
    const auto view = Pick(views_);
    return view->first + number % (view->second.length + PageSize());
  }

  template <typename Key, typename Value>
  typename std::map<Key, Value>::iterator Pick(std::map<Key, Value>& from) {
    return std::next(from.begin(), data_.ConsumeIntegralInRange<ptrdiff_t>(0, from.size() - 1));
  }

  std::shared_ptr<Object> Living(int name) {
    for (const auto& [handle, mapping] : mappings_) {
      if (name != 0 && mapping.object->name == name) return mapping.object;
    }
    return nullptr;
  }

  // The view that holds an address.
  std::map<BYTE*, MappedView>::iterator Holding(const BYTE* address) {
    for (auto view = views_.begin(); view != views_.end(); ++view) {
      if (address >= view->first && address < view->first + view->second.length) return view;
    }
    return views_.end();
  }

  void Add(HANDLE handle, const Mapping& mapping) {
    const auto number = reinterpret_cast<ULONG_PTR>(handle);
    EXPECT(number != 0 && number % 4 == 0 && number < 0x80000000);
    EXPECT(mappings_.emplace(handle, mapping).second);
  }

  void Create() {
    const HANDLE file = data_.ConsumeBool() ? INVALID_HANDLE_VALUE : ConsumeHandle();
    const uint64_t size = data_.ConsumeBool() ? data_.ConsumeIntegralInRange<uint64_t>(0, 300'000)
                                              : fuzz::ConsumeNumber(&data_);
    const DWORD commit = data_.ConsumeBool() ? SEC_COMMIT : 0;
    const DWORD protection = data_.ConsumeBool() ? PAGE_READWRITE
                             : data_.ConsumeBool()
                                 ? Pick(protections_)->first
                                 : static_cast<DWORD>(fuzz::ConsumeNumber(&data_));
    const Name& name = ConsumeName();
    const Text text = FullName(name);

    const auto known = kAccessOfProtection.find(protection & ~SEC_COMMIT);
    const std::shared_ptr<Object> living = Living(name.object);
    DWORD expected = ERROR_SUCCESS;
    if (size == 0 || known == kAccessOfProtection.end()) {
      expected = ERROR_INVALID_PARAMETER;
    } else if (file != INVALID_HANDLE_VALUE && file) {
      expected = ERROR_INVALID_HANDLE;
    } else if (living) {
      expected = ERROR_ALREADY_EXISTS;
    } else if (size >= kTooLarge) {
      expected = ERROR_NOT_ENOUGH_MEMORY;
    } else if (size > kRoom - PageSize()) {
      expected = ERROR_COMMITMENT_LIMIT;
    }
    SetLastError(kUntouched);
    const HANDLE handle =
        CreateFileMappingW(file, nullptr, protection | commit, static_cast<DWORD>(size >> 32),
                           static_cast<DWORD>(size), name.suffix ? text.c_str() : nullptr);
    EXPECT_EQ(GetLastError(), expected);
    EXPECT_EQ(handle != nullptr, expected == ERROR_SUCCESS || expected == ERROR_ALREADY_EXISTS);
    if (!handle) return;
    if (living) return Add(handle, {living, known->second});
    const auto object = std::make_shared<Object>();
    object->name = name.object;
    object->access = known->second;
    object->bytes.resize((size + PageSize() - 1) / PageSize() * PageSize());
    Add(handle, {object, known->second});
    const View view(Map(handle, kReads));
    EXPECT_EQ(memcmp(view.get(), object->bytes.data(), object->bytes.size()), 0);
  }

  void Open() {
    const Name& name = ConsumeName();
    const Text text = FullName(name);
    const auto access = static_cast<DWORD>(fuzz::ConsumeNumber(&data_));
    const BOOL inherit = data_.ConsumeBool();
    const LPCWSTR argument = name.suffix ? text.c_str() : nullptr;
    const std::shared_ptr<Object> living = Living(name.object);
    if (!living) {
      EXPECT_FAILS(OpenFileMappingW(access, inherit, argument), !argument ? ERROR_INVALID_PARAMETER
                                                                : name.object == 0
                                                                    ? ERROR_INVALID_HANDLE
                                                                    : ERROR_FILE_NOT_FOUND);
      return;
    }
    HANDLE handle;
    EXPECT_KEEPS_LAST_ERROR(handle = OpenFileMappingW(access, inherit, argument));
    const bool all = (access & (GENERIC_ALL | MAXIMUM_ALLOWED)) != 0;
    const bool executes = (access & (GENERIC_EXECUTE | kExecutes | 0x0008)) != 0;
    const DWORD known = (all || (access & (GENERIC_READ | kReads)) != 0 ? kReads : 0) |
                        (all || (access & (GENERIC_WRITE | kWrites)) != 0 ? kWrites : 0) |
                        (all || executes ? kExecutes : 0);
    Add(handle, {living, access == FILE_MAP_COPY ? kReads : known});
  }

  void MapView() {
    const HANDLE handle = ConsumeHandle();
    const auto access = data_.ConsumeBool()
                            ? data_.PickValueInArray({kReads, kWrites, DWORD{FILE_MAP_COPY}})
                            : static_cast<DWORD>(fuzz::ConsumeNumber(&data_));
    const uint64_t offset = data_.ConsumeBool()
                                ? data_.ConsumeIntegralInRange<uint64_t>(0, 5) * kGranularity
                                : fuzz::ConsumeNumber(&data_);
    const auto mapping = mappings_.find(handle);
    SIZE_T length = data_.ConsumeBool() ? 0 : fuzz::ConsumeNumber(&data_);
    if (mapping != mappings_.end() && data_.ConsumeBool()) {
      length = mapping->second.object->bytes.size() - offset + data_.ConsumeIntegralInRange(-1, 1);
    }

    const bool copies = (access & ~kExecutes) == FILE_MAP_COPY;
    const bool writes = !copies && (access & kWrites) != 0;
    const bool reads = !copies && !writes && (access & kReads) != 0;
    const DWORD needed =
        (writes ? kWrites : kReads) | (copies || writes || reads ? access & kExecutes : 0);
    DWORD expected = ERROR_SUCCESS;
    if (offset % kGranularity != 0) {
      expected = ERROR_MAPPED_ALIGNMENT;
    } else if (mapping == mappings_.end()) {
      expected = ERROR_INVALID_HANDLE;
    } else if ((needed & mapping->second.access & mapping->second.object->access) != needed) {
      expected = ERROR_ACCESS_DENIED;
    } else if (offset >= mapping->second.object->bytes.size()) {
      expected = ERROR_INVALID_PARAMETER;
    } else if (length > mapping->second.object->bytes.size() - offset) {
      expected = ERROR_ACCESS_DENIED;
    }
    if (expected != ERROR_SUCCESS) {
      EXPECT_FAILS(Map(handle, access, offset, length), expected);
      return;
    }
    LPVOID address;
    EXPECT_KEEPS_LAST_ERROR(address = Map(handle, access, offset, length));
    MappedView view = {mapping->second.object, offset, 0, PAGE_NOACCESS, PAGE_NOACCESS, {}};
    const SIZE_T bytes = length == 0 ? view.object->bytes.size() - offset : length;
    view.length = (bytes + PageSize() - 1) / PageSize() * PageSize();
    if (copies) view.protection = PAGE_WRITECOPY;
    if (writes) view.protection = PAGE_READWRITE;
    if (reads) view.protection = PAGE_READONLY;
    // Each PAGE_EXECUTE_ bit is four to the left of its PAGE_ bit.
    view.told = (needed & kExecutes) != 0 ? view.protection << 4 : view.protection;
    EXPECT_EQ(reinterpret_cast<ULONG_PTR>(address) % PageSize(), ULONG_PTR{0});
    EXPECT(views_.emplace(static_cast<BYTE*>(address), view).second);
    ExpectContents(static_cast<BYTE*>(address), view);
  }

  void ExpectContents(const BYTE* address, const MappedView& view) {
    if (view.protection == PAGE_NOACCESS) return;
    for (SIZE_T page = 0; page < view.length; page += PageSize()) {
      const auto own = view.own_pages.find(page);
      const BYTE* const expected = own == view.own_pages.end()
                                       ? view.object->bytes.data() + view.offset + page
                                       : own->second.data();
      EXPECT_EQ(memcmp(address + page, expected, PageSize()), 0);
    }
  }

  void Write() {
    if (views_.empty()) return;
    auto& [address, view] = *Pick(views_);
    const auto offset = data_.ConsumeIntegralInRange<SIZE_T>(0, view.length - 1);
    const auto value = data_.ConsumeIntegral<BYTE>();
    const SIZE_T page = offset / PageSize() * PageSize();
    if (view.protection == PAGE_READWRITE) {
      view.object->bytes[view.offset + offset] = value;
    } else if (view.protection == PAGE_WRITECOPY) {
      const auto first = view.object->bytes.begin() + view.offset + page;
      const std::vector<BYTE> copy(first, first + PageSize());
      view.own_pages.emplace(page, copy).first->second[offset - page] = value;
    } else {
      return;
    }
    address[offset] = value;
  }

  void Unmap() {
    const BYTE* const address = ConsumeAddress();
    const auto view = Holding(address);
    if (view == views_.end()) {
      EXPECT_FAILS(UnmapViewOfFile(address), ERROR_INVALID_ADDRESS);
      return;
    }
    ExpectContents(view->first, view->second);
    EXPECT_KEEPS_LAST_ERROR(UnmapViewOfFile(address));
    views_.erase(view);
  }

  void Query() {
    const BYTE* const address = ConsumeAddress();
    MEMORY_BASIC_INFORMATION information = {};
    const SIZE_T length = data_.ConsumeBool() ? sizeof information : fuzz::ConsumeNumber(&data_);
    const bool into_null = data_.ConsumeIntegralInRange(0, 7) == 0;
    const auto call = [&] {
      return VirtualQuery(address, into_null ? nullptr : &information, length);
    };
    const auto view = Holding(address);
    if (length < sizeof information) {
      EXPECT_FAILS(call(), ERROR_BAD_LENGTH);
    } else if (into_null) {
      EXPECT_FAILS(call(), ERROR_NOACCESS);
    } else if (view == views_.end()) {
      EXPECT_FAILS(call(), ERROR_INVALID_PARAMETER);
    } else {
      EXPECT_KEEPS_LAST_ERROR(call());
      const SIZE_T page = (address - view->first) / PageSize() * PageSize();
      EXPECT(information.BaseAddress == view->first + page);
      EXPECT(information.AllocationBase == view->first);
      EXPECT_EQ(information.RegionSize, view->second.length - page);
      EXPECT_EQ(information.Protect, view->second.told);
      EXPECT_EQ(information.AllocationProtect, view->second.told);
      EXPECT_EQ(information.State, MEM_COMMIT);
      EXPECT_EQ(information.Type, MEM_MAPPED);
    }
  }

  void Close() {
    const HANDLE handle = ConsumeHandle();
    const auto number = reinterpret_cast<intptr_t>(handle);
    if (mappings_.erase(handle) != 0) {
      last_closed_ = handle;
      EXPECT_KEEPS_LAST_ERROR(CloseHandle(handle));
    } else if (number >= -6 && number <= -1) {
      EXPECT_KEEPS_LAST_ERROR(CloseHandle(handle));  // a pseudo handle
    } else {
      EXPECT_FAILS(CloseHandle(handle), ERROR_INVALID_HANDLE);
    }
  }

  void Wait() {
    const HANDLE handle = ConsumeHandle();
    const auto milliseconds = data_.ConsumeIntegral<DWORD>();
    SetLastError(kUntouched);
    EXPECT_EQ(WaitForSingleObject(handle, milliseconds), WAIT_FAILED);
    EXPECT_EQ(GetLastError(),
              mappings_.count(handle) != 0 ? ERROR_ACCESS_DENIED : ERROR_INVALID_HANDLE);
  }

  FuzzedDataProvider& data_;
  std::map<DWORD, DWORD> protections_ = kAccessOfProtection;
  std::map<HANDLE, Mapping> mappings_;
  std::map<BYTE*, MappedView> views_;
  HANDLE last_closed_ = nullptr;
};

// Only for the run, as libFuzzer writes files of its own.
void LimitFiles(rlim_t size) {
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0) abort();
  limit.rlim_cur = std::min(size, limit.rlim_max);
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const fuzz::Run run;
  FuzzedDataProvider data(bytes, size);
  Model model(&data);
  LimitFiles(kRoom);
  model.Run();
  model.End();
  LimitFiles(RLIM_INFINITY);
  return 0;
}
