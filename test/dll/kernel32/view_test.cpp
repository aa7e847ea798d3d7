// MapViewOfFile, UnmapViewOfFile and VirtualQuery.

#include <initializer_list>
#include <memory>

#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

struct AccessAndProtection {
  DWORD access;
  DWORD protection;  // of the view
};

constexpr AccessAndProtection kEveryAccess[] = {
    {FILE_MAP_READ, PAGE_READONLY},
    {FILE_MAP_COPY, PAGE_WRITECOPY},
    {FILE_MAP_WRITE, PAGE_READWRITE},
    {FILE_MAP_READ | FILE_MAP_WRITE, PAGE_READWRITE},
    {FILE_MAP_COPY | FILE_MAP_WRITE, PAGE_READWRITE},
    {FILE_MAP_ALL_ACCESS, PAGE_READWRITE},
};

MEMORY_BASIC_INFORMATION Query(LPCVOID address) {
  MEMORY_BASIC_INFORMATION information = {};
  EXPECT_EQ(VirtualQuery(address, &information, sizeof information), sizeof information);
  return information;
}

LPVOID At(const View& view, SIZE_T offset) { return static_cast<BYTE*>(view.get()) + offset; }

// Maps every view that a handle with these accesses allows, and is denied the others.
void ExpectViews(HANDLE mapping, bool can_read, bool can_write) {
  for (const AccessAndProtection& expected : kEveryAccess) {
    const Case description("access " + std::to_string(expected.access));
    const bool needs_write = expected.protection == PAGE_READWRITE;
    if (needs_write ? !can_write : !can_read) {
      EXPECT_FAILS(Map(mapping, expected.access), ERROR_ACCESS_DENIED);
      continue;
    }
    SetLastError(kUntouched);
    const LPVOID address = Map(mapping, expected.access);
    EXPECT_EQ(GetLastError(), kUntouched);
    const View view(address);
    REQUIRE(view);
    EXPECT_EQ(Query(view.get()).Protect, expected.protection);
    if (needs_write) view[PageSize() - 1] = 42;
  }
}

}  // namespace

TEST("A PAGE_READWRITE mapping gives every view") {
  for (const DWORD flags : std::initializer_list<DWORD>{0, SEC_COMMIT}) {
    const Handle mapping(CreateAnonymous(kSize, PAGE_READWRITE | flags));
    ExpectViews(mapping.get(), /*can_read=*/true, /*can_write=*/true);
  }
}

TEST("A PAGE_READONLY or PAGE_WRITECOPY mapping gives views to read and private copies") {
  for (const DWORD protection : std::initializer_list<DWORD>{PAGE_READONLY, PAGE_WRITECOPY}) {
    const Handle mapping(CreateAnonymous(kSize, protection));
    ExpectViews(mapping.get(), /*can_read=*/true, /*can_write=*/false);
  }
}

TEST("An executable protection gives the views of the same one without") {
  for (const DWORD protection :
       std::initializer_list<DWORD>{PAGE_EXECUTE_READ, PAGE_EXECUTE_WRITECOPY}) {
    const Handle mapping(CreateAnonymous(kSize, protection));
    ExpectViews(mapping.get(), /*can_read=*/true, /*can_write=*/false);
  }
  const Handle mapping(CreateAnonymous(kSize, PAGE_EXECUTE_READWRITE));
  ExpectViews(mapping.get(), /*can_read=*/true, /*can_write=*/true);
}

TEST("A view of access 0 needs a handle that reads and may not be touched") {
  const Text name = UniqueName();
  const Handle created(Create(name));
  const Handle readable(Open(name, FILE_MAP_READ));
  for (const HANDLE mapping : {created.get(), readable.get()}) {
    const View view(Map(mapping, /*access=*/0));
    REQUIRE(view);
    EXPECT_EQ(Query(view.get()).Protect, PAGE_NOACCESS);
  }
  const Handle writable(Open(name, FILE_MAP_WRITE));
  EXPECT_FAILS(Map(writable.get(), /*access=*/0), ERROR_ACCESS_DENIED);
}

TEST("A handle opened to read gives views to read and private copies") {
  const Text name = UniqueName();
  const Handle created(Create(name));
  for (const DWORD access :
       std::initializer_list<DWORD>{FILE_MAP_READ, FILE_MAP_COPY, FILE_MAP_READ | FILE_MAP_COPY}) {
    const Handle opened(Open(name, access));
    ExpectViews(opened.get(), /*can_read=*/true, /*can_write=*/false);
  }
}

TEST("A handle opened to write alone gives no views to read") {
  const Text name = UniqueName();
  const Handle created(Create(name));
  for (const DWORD access :
       std::initializer_list<DWORD>{FILE_MAP_WRITE, FILE_MAP_WRITE | FILE_MAP_COPY}) {
    const Handle opened(Open(name, access));
    ExpectViews(opened.get(), /*can_read=*/false, /*can_write=*/true);
  }
}

TEST("A handle opened to read and write gives every view") {
  const Text name = UniqueName();
  const Handle created(Create(name));
  for (const DWORD access :
       std::initializer_list<DWORD>{FILE_MAP_READ | FILE_MAP_WRITE, FILE_MAP_ALL_ACCESS}) {
    const Handle opened(Open(name, access));
    ExpectViews(opened.get(), /*can_read=*/true, /*can_write=*/true);
  }
}

TEST("A handle created on a taken name gives the views of its own protection") {
  const Text name = UniqueName();
  const Handle writable(Create(name));
  const Handle readable(Create(name, kSize, PAGE_READONLY));
  ExpectViews(readable.get(), /*can_read=*/true, /*can_write=*/false);
  ExpectViews(writable.get(), /*can_read=*/true, /*can_write=*/true);
}

TEST("A mapping without an executable protection gives no executable views") {
  const Handle mapping(CreateAnonymous());
  for (const DWORD access :
       std::initializer_list<DWORD>{FILE_MAP_READ, FILE_MAP_WRITE, FILE_MAP_COPY}) {
    EXPECT_FAILS(Map(mapping.get(), access | FILE_MAP_EXECUTE), ERROR_ACCESS_DENIED);
  }
}

TEST("An executable view says so, and a private one is executable and writable, too") {
  const Handle mapping(CreateAnonymous(kSize, PAGE_EXECUTE_READWRITE));
  const View shared(Map(mapping.get()));
  REQUIRE(shared);
  for (const AccessAndProtection& expected : std::initializer_list<AccessAndProtection>{
           {FILE_MAP_READ, PAGE_EXECUTE_READ},
           {FILE_MAP_WRITE, PAGE_EXECUTE_READWRITE},
           {FILE_MAP_READ | FILE_MAP_WRITE, PAGE_EXECUTE_READWRITE},
           {FILE_MAP_COPY, PAGE_EXECUTE_WRITECOPY}}) {
    const Case description("access " + std::to_string(expected.access));
    const View view(Map(mapping.get(), expected.access | FILE_MAP_EXECUTE));
    REQUIRE(view);
    EXPECT_EQ(Query(view.get()).Protect, expected.protection);
    EXPECT_EQ(Query(view.get()).AllocationProtect, expected.protection);
    if (expected.access != FILE_MAP_COPY) continue;
    view[0] = 42;
    EXPECT_EQ(view[0], 42);
    EXPECT_EQ(shared[0], 0);
  }
}

TEST("A handle opened with generic rights gives the views that they allow") {
  const Text name = UniqueName();
  const Handle created(Create(name));
  for (const DWORD access :
       std::initializer_list<DWORD>{GENERIC_ALL, MAXIMUM_ALLOWED, GENERIC_READ | GENERIC_WRITE,
                                    GENERIC_READ | FILE_MAP_WRITE, GENERIC_WRITE | FILE_MAP_READ,
                                    GENERIC_READ | MAXIMUM_ALLOWED, GENERIC_ALL | FILE_MAP_COPY}) {
    const Case description("rights " + std::to_string(access));
    const Handle opened(Open(name, access));
    ExpectViews(opened.get(), /*can_read=*/true, /*can_write=*/true);
  }
  const Handle readable(Open(name, GENERIC_READ));
  ExpectViews(readable.get(), /*can_read=*/true, /*can_write=*/false);
  const Handle writable(Open(name, GENERIC_WRITE));
  ExpectViews(writable.get(), /*can_read=*/false, /*can_write=*/true);
}

TEST("A handle opened with rights that no view needs gives no views") {
  const Text name = UniqueName();
  const Handle created(Create(name));
  for (const DWORD access : std::initializer_list<DWORD>{0, GENERIC_EXECUTE, FILE_MAP_EXECUTE}) {
    const Case description("rights " + std::to_string(access));
    const Handle opened(Open(name, access));
    REQUIRE(opened);
    ExpectViews(opened.get(), /*can_read=*/false, /*can_write=*/false);
  }
}

TEST("A handle opened with every right gives executable views of an executable object") {
  const Text name = UniqueName();
  const Handle created(Create(name, kSize, PAGE_EXECUTE_READWRITE));
  for (const DWORD access : std::initializer_list<DWORD>{
           FILE_MAP_ALL_ACCESS, GENERIC_ALL, MAXIMUM_ALLOWED, GENERIC_READ | GENERIC_EXECUTE}) {
    const Case description("rights " + std::to_string(access));
    const Handle opened(Open(name, access));
    const View view(Map(opened.get(), FILE_MAP_READ | FILE_MAP_EXECUTE));
    EXPECT(view);
  }
  const Handle readable(Open(name, GENERIC_READ));
  EXPECT_FAILS(Map(readable.get(), FILE_MAP_READ | FILE_MAP_EXECUTE), ERROR_ACCESS_DENIED);
}

TEST("Generic rights are none of a view") {
  const Handle mapping(CreateAnonymous());
  for (const DWORD access :
       std::initializer_list<DWORD>{GENERIC_READ, GENERIC_WRITE, GENERIC_ALL, MAXIMUM_ALLOWED}) {
    const Case description("rights " + std::to_string(access));
    const View view(Map(mapping.get(), access));
    REQUIRE(view);
    EXPECT_EQ(Query(view.get()).Protect, PAGE_NOACCESS);
  }
}

TEST("An offset that is no multiple of 64 KiB is ERROR_MAPPED_ALIGNMENT") {
  const Handle mapping(CreateAnonymous(4 * kGranularity));
  for (const uint64_t offset :
       {uint64_t{1}, uint64_t{PageSize()}, uint64_t{kGranularity / 2}, uint64_t{kGranularity - 1},
        uint64_t{kGranularity + PageSize()}, (uint64_t{1} << 32) + PageSize(), UINT64_MAX}) {
    const Case description("offset " + std::to_string(offset));
    EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, offset), ERROR_MAPPED_ALIGNMENT);
    EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, offset, 1), ERROR_MAPPED_ALIGNMENT);
  }
}

TEST("An offset at or past the end is ERROR_INVALID_PARAMETER") {
  const Handle mapping(CreateAnonymous(kGranularity));
  for (const uint64_t offset :
       {uint64_t{kGranularity}, uint64_t{2 * kGranularity}, uint64_t{1} << 32, uint64_t{1} << 62,
        uint64_t{1} << 63, UINT64_MAX - kGranularity + 1}) {
    const Case description("offset " + std::to_string(offset));
    EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, offset), ERROR_INVALID_PARAMETER);
    EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, offset, 1), ERROR_INVALID_PARAMETER);
  }
}

TEST("A view of more than the pages of the object is ERROR_ACCESS_DENIED") {
  const Handle mapping(CreateAnonymous(2 * kGranularity + 1));
  for (const SIZE_T length : {2 * kGranularity + PageSize() + 1, 3 * kGranularity,
                              (SIZE_T{1} << 32) + 1, SIZE_T{1} << 40}) {
    const Case description("length " + std::to_string(length));
    EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, /*offset=*/0, length), ERROR_ACCESS_DENIED);
  }
  EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, 2 * kGranularity, PageSize() + 1),
               ERROR_ACCESS_DENIED);
}

TEST("A view of length 0 reaches to the end of the object") {
  const Handle mapping(CreateAnonymous(2 * kGranularity + PageSize() + 1));
  for (const SIZE_T offset : {SIZE_T{0}, kGranularity, 2 * kGranularity}) {
    const View view(Map(mapping.get(), FILE_MAP_READ, offset));
    REQUIRE(view);
    EXPECT_EQ(Query(view.get()).RegionSize, 2 * kGranularity + 2 * PageSize() - offset);
  }
}

TEST("A view counts in whole pages") {
  const Handle mapping(CreateAnonymous(4 * PageSize()));
  for (const SIZE_T length :
       {SIZE_T{1}, PageSize() - 1, PageSize(), PageSize() + 1, 3 * PageSize() + 1}) {
    const Case description("length " + std::to_string(length));
    const View view(Map(mapping.get(), FILE_MAP_WRITE, /*offset=*/0, length));
    REQUIRE(view);
    const SIZE_T rounded = (length + PageSize() - 1) / PageSize() * PageSize();
    EXPECT_EQ(Query(view.get()).RegionSize, rounded);
    view[rounded - 1] = 42;
  }
}

TEST("A view begins at its offset") {
  const Handle mapping(CreateAnonymous(4 * kGranularity));
  const View whole(Map(mapping.get()));
  REQUIRE(whole);
  for (SIZE_T i = 0; i < 4; ++i) whole[i * kGranularity] = static_cast<BYTE>(i + 1);
  for (SIZE_T i = 0; i < 4; ++i) {
    const View view(Map(mapping.get(), FILE_MAP_READ, i * kGranularity, 1));
    REQUIRE(view);
    EXPECT_EQ(view[0], static_cast<BYTE>(i + 1));
  }
}

TEST("VirtualQuery says where a view is and how large") {
  const Handle mapping(CreateAnonymous(4 * PageSize() - 1));
  const View view(Map(mapping.get()));
  REQUIRE(view);
  MEMORY_BASIC_INFORMATION information = {};
  EXPECT_KEEPS_LAST_ERROR(VirtualQuery(view.get(), &information, sizeof information));
  EXPECT_EQ(information.BaseAddress, view.get());
  EXPECT_EQ(information.AllocationBase, view.get());
  EXPECT_EQ(information.RegionSize, 4 * PageSize());
  EXPECT_EQ(information.State, MEM_COMMIT);
  EXPECT_EQ(information.Type, MEM_MAPPED);
  EXPECT_EQ(information.Protect, PAGE_READWRITE);
  EXPECT_EQ(information.AllocationProtect, PAGE_READWRITE);
}

TEST("VirtualQuery inside a view begins at the page of the address") {
  const Handle mapping(CreateAnonymous(4 * PageSize()));
  const View view(Map(mapping.get(), FILE_MAP_READ));
  REQUIRE(view);
  for (const SIZE_T offset :
       {SIZE_T{1}, PageSize() - 1, PageSize(), PageSize() + 1, 4 * PageSize() - 1}) {
    const Case description("offset " + std::to_string(offset));
    const SIZE_T page = offset / PageSize() * PageSize();
    const MEMORY_BASIC_INFORMATION information = Query(At(view, offset));
    EXPECT_EQ(information.BaseAddress, At(view, page));
    EXPECT_EQ(information.AllocationBase, view.get());
    EXPECT_EQ(information.RegionSize, 4 * PageSize() - page);
    EXPECT_EQ(information.State, MEM_COMMIT);
    EXPECT_EQ(information.Type, MEM_MAPPED);
    EXPECT_EQ(information.Protect, PAGE_READONLY);
  }
}

TEST("VirtualQuery keeps views of one object apart") {
  const Handle mapping(CreateAnonymous(2 * kGranularity));
  const View first(Map(mapping.get(), FILE_MAP_WRITE));
  const View second(Map(mapping.get(), FILE_MAP_READ, kGranularity));
  const View third(Map(mapping.get(), FILE_MAP_COPY, kGranularity, PageSize()));
  REQUIRE(first && second && third);
  EXPECT_EQ(Query(first.get()).RegionSize, 2 * kGranularity);
  EXPECT_EQ(Query(second.get()).RegionSize, kGranularity);
  EXPECT_EQ(Query(third.get()).RegionSize, PageSize());
  EXPECT_EQ(Query(third.get()).AllocationBase, third.get());
}

TEST("VirtualQuery takes no other memory for a view") {
  const auto heap = std::make_unique<int>(42);
  const int stack = 42;
  for (const LPCVOID address : {static_cast<LPCVOID>(heap.get()), static_cast<LPCVOID>(&stack)}) {
    MEMORY_BASIC_INFORMATION information = {};
    VirtualQuery(address, &information, sizeof information);
    EXPECT(information.Type != MEM_MAPPED);
  }
}

TEST("VirtualQuery of what no program can have is ERROR_INVALID_PARAMETER") {
  MEMORY_BASIC_INFORMATION information;
  for (const ULONG_PTR address : {~ULONG_PTR{0}, ULONG_PTR{1} << 63, ULONG_PTR{0xFFFF8000} << 32}) {
    EXPECT_FAILS(VirtualQuery(reinterpret_cast<LPCVOID>(address), &information, sizeof information),
                 ERROR_INVALID_PARAMETER);
  }
}

TEST("VirtualQuery into too little room is ERROR_BAD_LENGTH") {
  const Handle mapping(CreateAnonymous());
  const View view(Map(mapping.get()));
  REQUIRE(view);
  MEMORY_BASIC_INFORMATION information;
  EXPECT_FAILS(VirtualQuery(view.get(), &information, sizeof information - 1), ERROR_BAD_LENGTH);
  EXPECT_FAILS(VirtualQuery(view.get(), &information, 0), ERROR_BAD_LENGTH);
  EXPECT_FAILS(VirtualQuery(view.get(), nullptr, 0), ERROR_BAD_LENGTH);
}

TEST("UnmapViewOfFile leaves the other views of an object") {
  const Handle mapping(CreateAnonymous());
  View first(Map(mapping.get()));
  const View second(Map(mapping.get()));
  REQUIRE(first && second);
  first[0] = 42;
  EXPECT_KEEPS_LAST_ERROR(UnmapViewOfFile(first.Release()));
  EXPECT_EQ(second[0], 42);
}

TEST("UnmapViewOfFile of any address in a view unmaps the view") {
  const Handle mapping(CreateAnonymous(4 * PageSize()));
  for (const SIZE_T offset : {SIZE_T{1}, PageSize(), 2 * PageSize() + 100, 4 * PageSize() - 1}) {
    const Case description("offset " + std::to_string(offset));
    View view(Map(mapping.get()));
    REQUIRE(view);
    EXPECT_KEEPS_LAST_ERROR(UnmapViewOfFile(At(view, offset)));
    EXPECT_FAILS(UnmapViewOfFile(view.Release()), ERROR_INVALID_ADDRESS);
  }
}

TEST("UnmapViewOfFile a second time is ERROR_INVALID_ADDRESS") {
  const Handle mapping(CreateAnonymous());
  View view(Map(mapping.get()));
  REQUIRE(view);
  const LPVOID address = view.Release();
  EXPECT(UnmapViewOfFile(address));
  EXPECT_FAILS(UnmapViewOfFile(address), ERROR_INVALID_ADDRESS);
}

TEST("UnmapViewOfFile past the last page of a view is ERROR_INVALID_ADDRESS") {
  const Handle mapping(CreateAnonymous(2 * PageSize()));
  const View view(Map(mapping.get(), FILE_MAP_WRITE, /*offset=*/0, 1));
  REQUIRE(view);
  EXPECT_FAILS(UnmapViewOfFile(At(view, PageSize())), ERROR_INVALID_ADDRESS);
  view[0] = 42;
}

TEST("UnmapViewOfFile of what is no view is ERROR_INVALID_ADDRESS") {
  const auto heap = std::make_unique<int>(42);
  int stack = 42;
  for (const LPVOID address :
       {LPVOID{nullptr}, reinterpret_cast<LPVOID>(ULONG_PTR{1}),
        reinterpret_cast<LPVOID>(ULONG_PTR{0xFFFF}), static_cast<LPVOID>(heap.get()),
        static_cast<LPVOID>(&stack), reinterpret_cast<LPVOID>(~ULONG_PTR{0}),
        reinterpret_cast<LPVOID>(ULONG_PTR{1} << 63)}) {
    EXPECT_FAILS(UnmapViewOfFile(address), ERROR_INVALID_ADDRESS);
  }
  EXPECT_EQ(*heap + stack, 84);
}

TEST("VirtualAlloc of a part of a view, or of more, is ERROR_INVALID_ADDRESS and leaves the view") {
  const Handle mapping(CreateAnonymous(2 * kGranularity));
  const View view(Map(mapping.get()));
  REQUIRE(view);
  view[0] = 42;
  const auto alloc = [](LPVOID address, SIZE_T length) {
    return VirtualAlloc(address, length, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  };
  EXPECT_FAILS(alloc(At(view, kGranularity), kGranularity), ERROR_INVALID_ADDRESS);
  EXPECT_FAILS(alloc(view.get(), kGranularity), ERROR_INVALID_ADDRESS);
  EXPECT_FAILS(alloc(view.get(), 3 * kGranularity), ERROR_INVALID_ADDRESS);
  EXPECT_FAILS(alloc(view.get(), 0), ERROR_INVALID_PARAMETER);
  EXPECT_EQ(view[0], 42);
  EXPECT_EQ(Query(view.get()).RegionSize, 2 * kGranularity);
}

TEST("VirtualAlloc of a whole view leaves the memory that others see") {
  const Handle mapping(CreateAnonymous());
  const View view(Map(mapping.get())), other(Map(mapping.get()));
  REQUIRE(view);
  REQUIRE(other);
  view[0] = 42;
  // Windows refuses it.
  if (VirtualAlloc(view.get(), PageSize(), MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)) {
    EXPECT_EQ(view[0], 0);
    view[0] = 7;
  } else {
    EXPECT_EQ(GetLastError(), DWORD{ERROR_INVALID_ADDRESS});
    EXPECT_EQ(view[0], 42);
  }
  EXPECT_EQ(other[0], 42);
}

TEST("MapViewOfFileEx maps at the address that it is given, and nowhere else") {
  const Handle mapping(CreateAnonymous(kGranularity));
  View first(Map(mapping.get()));
  REQUIRE(first);
  first[0] = 42;
  const auto map_at = [&mapping](LPVOID address) {
    return MapViewOfFileEx(mapping.get(), FILE_MAP_WRITE, 0, 0, 0, address);
  };
  EXPECT_FAILS(map_at(first.get()), ERROR_INVALID_ADDRESS);
  EXPECT_FAILS(map_at(At(first, 1)), ERROR_MAPPED_ALIGNMENT);
  const LPVOID place = first.Release();
  EXPECT(UnmapViewOfFile(place));
  SetLastError(kUntouched);
  const View second(map_at(place));
  EXPECT_EQ(GetLastError(), kUntouched);
  REQUIRE(second);
  EXPECT_EQ(second.get(), place);
  EXPECT_EQ(second[0], 42);
  const View anywhere(map_at(nullptr));
  REQUIRE(anywhere);
  EXPECT_EQ(anywhere[0], 42);
}
