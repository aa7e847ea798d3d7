// What CreateFileMappingW makes: protections, sizes, and the memory itself.

#include <string.h>

#include <initializer_list>

#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

// Bits without a name in dll/posix, where they only ever have to be refused.
constexpr DWORD kPageExecute = 0x10;
constexpr DWORD kPageGuard = 0x100;
constexpr DWORD kPageNoCache = 0x200;
constexpr DWORD kSecFile = 0x800000;
constexpr DWORD kSecNoCache = 0x10000000;
constexpr DWORD kSecLargePages = 0x80000000;

}  // namespace

TEST("CreateFileMappingW takes every protection that can be mapped") {
  for (const DWORD protection :
       std::initializer_list<DWORD>{PAGE_READONLY, PAGE_READWRITE, PAGE_WRITECOPY}) {
    const Case description("protection " + std::to_string(protection));
    for (const DWORD flags : std::initializer_list<DWORD>{0, SEC_COMMIT}) {
      SetLastError(kUntouched);
      const HANDLE created = CreateAnonymous(kSize, protection | flags);
      EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
      const Handle mapping(created);
      const View view(Map(mapping.get(), FILE_MAP_READ));
      REQUIRE(view);
      EXPECT_EQ(view[kSize - 1], 0);
    }
  }
}

TEST("CreateFileMappingW refuses what is no protection") {
  for (const DWORD protection : std::initializer_list<DWORD>{
           0, PAGE_NOACCESS, kPageExecute, PAGE_READONLY | PAGE_READWRITE,
           PAGE_READONLY | PAGE_WRITECOPY, PAGE_READWRITE | PAGE_WRITECOPY,
           PAGE_READWRITE | PAGE_NOACCESS, PAGE_READWRITE | PAGE_EXECUTE_READ,
           PAGE_READWRITE | kPageGuard, PAGE_READWRITE | kPageNoCache, PAGE_READWRITE | 0x1000,
           SEC_COMMIT, SEC_RESERVE, PAGE_NOACCESS | SEC_COMMIT, 0x12345678, 0x7FFFFFFF,
           0xFFFFFFFF}) {
    const Case description("protection " + std::to_string(protection));
    EXPECT_FAILS(CreateAnonymous(kSize, protection), ERROR_INVALID_PARAMETER);
    EXPECT_FAILS(Create(UniqueName(), kSize, protection), ERROR_INVALID_PARAMETER);
  }
}

TEST("CreateFileMappingW refuses section attributes that make no sense") {
  for (const DWORD attributes :
       std::initializer_list<DWORD>{SEC_COMMIT | SEC_RESERVE, kSecNoCache, kSecLargePages, kSecFile,
                                    kSecFile | SEC_COMMIT}) {
    const Case description("attributes " + std::to_string(attributes));
    EXPECT_FAILS(CreateAnonymous(PageSize(), PAGE_READWRITE | attributes), ERROR_INVALID_PARAMETER);
  }
}

TEST("CreateFileMappingW of size 0 is ERROR_INVALID_PARAMETER") {
  EXPECT_FAILS(CreateAnonymous(/*size=*/0), ERROR_INVALID_PARAMETER);
  const Text name = UniqueName();
  EXPECT_FAILS(Create(name, /*size=*/0), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(Open(name), ERROR_FILE_NOT_FOUND);
}

TEST("CreateFileMappingW of what is no file is ERROR_INVALID_HANDLE") {
  const Handle mapping(CreateAnonymous());
  for (const HANDLE file : {mapping.get(), kNoHandles[1], kNoHandles[2], kNoHandles[3]}) {
    EXPECT_FAILS(CreateFileMappingW(file, /*lpFileMappingAttributes=*/nullptr, PAGE_READWRITE,
                                    /*dwMaximumSizeHigh=*/0, kSize, /*lpName=*/nullptr),
                 ERROR_INVALID_HANDLE);
  }
}

TEST("A size counts in whole pages") {
  for (const SIZE_T size :
       {SIZE_T{1}, PageSize() - 1, PageSize(), PageSize() + 1, kGranularity + 1}) {
    const Case description("size " + std::to_string(size));
    const SIZE_T rounded = (size + PageSize() - 1) / PageSize() * PageSize();
    const Handle mapping(CreateAnonymous(size));
    const View view(Map(mapping.get(), FILE_MAP_WRITE, /*offset=*/0, rounded));
    REQUIRE(view);
    EXPECT_EQ(view[rounded - 1], 0);
    view[rounded - 1] = 42;
    EXPECT_FAILS(Map(mapping.get(), FILE_MAP_WRITE, /*offset=*/0, rounded + 1),
                 ERROR_ACCESS_DENIED);
  }
}

TEST("Every page of a mapping that was created can be written") {
  constexpr SIZE_T k16MiB = 16 * 1024 * 1024;
  const Handle mapping(CreateAnonymous(k16MiB));
  const View view(Map(mapping.get()));
  REQUIRE(view);
  for (SIZE_T i = 0; i < k16MiB; i += PageSize()) view[i] = static_cast<BYTE>(i / PageSize() + 1);
  bool kept = true;
  for (SIZE_T i = 0; i < k16MiB; i += PageSize())
    kept &= view[i] == static_cast<BYTE>(i / PageSize() + 1);
  EXPECT(kept);
}

TEST("Sizes above 4 GiB work or are refused for want of room") {
  constexpr uint64_t kFourGiB = uint64_t{1} << 32;
  SetLastError(kUntouched);
  const HANDLE created = CreateAnonymous(kFourGiB + kGranularity + 1);
  const DWORD error = GetLastError();
  if (!created) {
    EXPECT(error == ERROR_NOT_ENOUGH_MEMORY || error == ERROR_COMMITMENT_LIMIT);
    Note("This machine has no room: error " + std::to_string(error));
    return;
  }
  const Handle mapping(created);
  {
    const View whole(Map(mapping.get()));
    REQUIRE(whole);
    EXPECT_EQ(whole[kFourGiB + kGranularity], 0);
    whole[0] = 41;
    whole[kFourGiB + kGranularity] = 42;
  }
  const View start(Map(mapping.get(), FILE_MAP_READ, /*offset=*/0, 1));
  const View end(Map(mapping.get(), FILE_MAP_READ, kFourGiB + kGranularity));
  REQUIRE(start && end);
  EXPECT_EQ(start[0], 41);
  EXPECT_EQ(end[0], 42);
  EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, kFourGiB + kGranularity, PageSize() + 1),
               ERROR_ACCESS_DENIED);
  EXPECT_FAILS(Map(mapping.get(), FILE_MAP_READ, kFourGiB + 2 * kGranularity),
               ERROR_INVALID_PARAMETER);
}

TEST("A size that no machine has is ERROR_NOT_ENOUGH_MEMORY") {
  for (const uint64_t size : {uint64_t{1} << 60, uint64_t{1} << 62, uint64_t{0x7FFFFFFF} << 32}) {
    const Case description("size " + std::to_string(size));
    EXPECT_FAILS(CreateAnonymous(size), ERROR_NOT_ENOUGH_MEMORY);
    const Text name = UniqueName();
    EXPECT_FAILS(Create(name, size), ERROR_NOT_ENOUGH_MEMORY);
    EXPECT_FAILS(Open(name), ERROR_FILE_NOT_FOUND);
  }
}

TEST("What is written to a FILE_MAP_COPY view stays private") {
  for (const DWORD protection :
       std::initializer_list<DWORD>{PAGE_READWRITE, PAGE_READONLY, PAGE_WRITECOPY}) {
    const Case description("protection " + std::to_string(protection));
    const Handle mapping(CreateAnonymous(2 * PageSize(), protection));
    const View shared(Map(mapping.get(), FILE_MAP_READ));
    const View copy(Map(mapping.get(), FILE_MAP_COPY));
    REQUIRE(shared && copy);
    copy[0] = 42;
    copy[2 * PageSize() - 1] = 43;
    EXPECT_EQ(copy[0], 42);
    EXPECT_EQ(copy[2 * PageSize() - 1], 43);
    EXPECT_EQ(shared[0], 0);
    EXPECT_EQ(shared[2 * PageSize() - 1], 0);
    const View other_copy(Map(mapping.get(), FILE_MAP_COPY));
    REQUIRE(other_copy);
    EXPECT_EQ(other_copy[0], 0);
  }
}

TEST("A FILE_MAP_COPY view begins with what was shared") {
  const Handle mapping(CreateAnonymous());
  const View shared(Map(mapping.get()));
  REQUIRE(shared);
  shared[7] = 42;
  const View copy(Map(mapping.get(), FILE_MAP_COPY));
  REQUIRE(copy);
  EXPECT_EQ(copy[7], 42);
  copy[8] = 43;
  shared[7] = 44;
  EXPECT_EQ(copy[7], 42);
}

TEST("RtlMoveMemory copies memory, which may overlap") {
  BYTE bytes[] = {1, 2, 3, 4, 5};
  RtlMoveMemory(bytes + 1, bytes, 4);
  const BYTE moved[] = {1, 1, 2, 3, 4};
  EXPECT_EQ(memcmp(bytes, moved, sizeof moved), 0);
  RtlMoveMemory(bytes, bytes + 1, 0);
  EXPECT_EQ(memcmp(bytes, moved, sizeof moved), 0);
}
