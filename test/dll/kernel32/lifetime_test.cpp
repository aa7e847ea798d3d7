// How long objects, names and memory live.

#include "child.h"
#include "fixtures.h"
#include "test.h"

using namespace test;

namespace {

bool IsZeroed(const View& view, SIZE_T size) {
  for (SIZE_T i = 0; i < size; ++i) {
    if (view[i] != 0) return false;
  }
  return true;
}

// Creates an object, or opens the one there is, as the last error has to say.
Handle CreateSaying(DWORD last_error, const Text& name, uint64_t size = kSize) {
  SetLastError(kUntouched);
  const HANDLE created = Create(name, size);
  EXPECT_EQ(GetLastError(), last_error);
  return Handle(created);
}

}  // namespace

TEST("CreateFileMappingW on a free name makes zeroed memory and sets the last error to 0") {
  constexpr SIZE_T kOneMiB = 1024 * 1024;
  const Text name = UniqueName();
  const Handle mapping(CreateSaying(ERROR_SUCCESS, name, kOneMiB));
  const View view(Map(mapping.get()));
  REQUIRE(view);
  EXPECT(IsZeroed(view, kOneMiB));
}

TEST("CreateFileMappingW on a taken name opens the object there is and says so") {
  const Text name = UniqueName();
  const Handle first(Create(name));
  const View first_view(Map(first.get()));
  REQUIRE(first_view);
  first_view[100] = 42;
  const Handle second(CreateSaying(ERROR_ALREADY_EXISTS, name));
  EXPECT(second.get() != first.get());
  const View second_view(Map(second.get()));
  REQUIRE(second_view);
  EXPECT_EQ(second_view[100], 42);
  second_view[101] = 43;
  EXPECT_EQ(first_view[101], 43);
}

TEST("The size asked for on a taken name is ignored") {
  const Text name = UniqueName();
  const Handle first(Create(name, 2 * kGranularity));
  for (const uint64_t size : {uint64_t{1}, uint64_t{8 * kGranularity}}) {
    const Case description("size " + std::to_string(size));
    const Handle mapping(Create(name, size));
    const View whole(Map(mapping.get(), FILE_MAP_WRITE, /*offset=*/0, 2 * kGranularity));
    EXPECT(whole);
    EXPECT_FAILS(Map(mapping.get(), FILE_MAP_WRITE, /*offset=*/0, 2 * kGranularity + 1),
                 ERROR_ACCESS_DENIED);
  }
}

TEST("A taken name is no excuse for arguments that are wrong anyway") {
  const Text name = UniqueName();
  const Handle first(Create(name));
  EXPECT_FAILS(Create(name, /*size=*/0), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(Create(name, kSize, PAGE_NOACCESS), ERROR_INVALID_PARAMETER);
  EXPECT_FAILS(Create(name, kSize, /*protection=*/0), ERROR_INVALID_PARAMETER);
}

TEST("OpenFileMappingW opens the object that was created") {
  const Text name = UniqueName();
  const Handle created(Create(name));
  const View view(Map(created.get()));
  REQUIRE(view);
  view[4095] = 42;
  const Handle opened(Open(name));
  const View opened_view(Map(opened.get()));
  REQUIRE(opened_view);
  EXPECT_EQ(opened_view[4095], 42);
}

TEST("Without a name every mapping is one of its own") {
  const auto create_with_empty_name = [] { return Create(Text()); };
  for (const auto& create : {+[] { return CreateAnonymous(); }, +create_with_empty_name}) {
    SetLastError(kUntouched);
    const HANDLE created = create();
    EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
    const Handle first(created);
    SetLastError(kUntouched);
    const HANDLE created_next = create();
    EXPECT_EQ(GetLastError(), ERROR_SUCCESS);
    const Handle second(created_next);
    const View first_view(Map(first.get()));
    const View second_view(Map(second.get()));
    REQUIRE(first_view && second_view);
    first_view[0] = 42;
    EXPECT_EQ(second_view[0], 0);
  }
}

TEST("SECURITY_ATTRIBUTES without a descriptor mean the default security") {
  SECURITY_ATTRIBUTES attributes = {};
  attributes.nLength = sizeof attributes;
  attributes.bInheritHandle = TRUE;
  const Text name = UniqueName();
  const Handle mapping(CreateFileMappingW(INVALID_HANDLE_VALUE, &attributes, PAGE_READWRITE,
                                          /*dwMaximumSizeHigh=*/0, kSize, name.c_str()));
  EXPECT(mapping);
  const Handle opened(OpenFileMappingW(FILE_MAP_READ, /*bInheritHandle=*/TRUE, name.c_str()));
  EXPECT(opened);
}

TEST("The last CloseHandle frees the name and the memory") {
  const Text name = UniqueName();
  Handle mapping(Create(name));
  View view(Map(mapping.get()));
  REQUIRE(view);
  view[0] = 42;
  view = View(nullptr);
  mapping = Handle(nullptr);
  EXPECT_FAILS(Open(name), ERROR_FILE_NOT_FOUND);
  const Handle again(CreateSaying(ERROR_SUCCESS, name, 2 * PageSize()));
  const View zeroed(Map(again.get()));
  REQUIRE(zeroed);
  EXPECT(IsZeroed(zeroed, 2 * PageSize()));
}

TEST("Any one handle keeps the name whichever was the first") {
  const Text name = UniqueName();
  Handle first(Create(name));
  Handle second(Open(name, FILE_MAP_READ));
  EXPECT(first.Close());
  Handle third(Create(name));
  EXPECT_EQ(GetLastError(), ERROR_ALREADY_EXISTS);
  EXPECT(second.Close());
  const Handle fourth(Open(name));
  EXPECT(fourth);
  EXPECT(third.Close());
  const Handle fifth(Open(name));
  EXPECT(fifth);
}

TEST("A name is free and zeroed again however often it is created") {
  const Text name = UniqueName();
  for (int i = 0; i < 100; ++i) {
    const Handle mapping(CreateSaying(ERROR_SUCCESS, name));
    const View view(Map(mapping.get()));
    REQUIRE(view);
    EXPECT(IsZeroed(view, PageSize()));
    for (SIZE_T j = 0; j < PageSize(); ++j) view[j] = 0xFF;
  }
}

TEST("A view keeps its memory after the handle is closed but not the name") {
  const Text name = UniqueName();
  Handle mapping(Create(name));
  const View view(Map(mapping.get()));
  REQUIRE(view);
  view[0] = 42;
  EXPECT(mapping.Close());
  EXPECT_EQ(view[0], 42);
  view[PageSize() - 1] = 43;
  EXPECT_EQ(view[PageSize() - 1], 43);
  EXPECT_FAILS(Open(name), ERROR_FILE_NOT_FOUND);
}

TEST("A new object of an old name is not the memory that an old view shows") {
  const Text name = UniqueName();
  Handle old_mapping(Create(name));
  const View old_view(Map(old_mapping.get()));
  REQUIRE(old_view);
  old_view[0] = 42;
  EXPECT(old_mapping.Close());
  const Handle mapping(CreateSaying(ERROR_SUCCESS, name));
  const View view(Map(mapping.get()));
  REQUIRE(view);
  EXPECT_EQ(view[0], 0);
  view[0] = 43;
  EXPECT_EQ(old_view[0], 42);
}

TEST("All views of an object show the same memory") {
  const Handle mapping(CreateAnonymous(2 * kGranularity));
  const View whole(Map(mapping.get()));
  const View second_half(Map(mapping.get(), FILE_MAP_WRITE, kGranularity));
  const View readable(Map(mapping.get(), FILE_MAP_READ));
  REQUIRE(whole && second_half && readable);
  EXPECT(whole.get() != readable.get());
  whole[kGranularity + 7] = 42;
  EXPECT_EQ(second_half[7], 42);
  second_half[8] = 43;
  EXPECT_EQ(readable[kGranularity + 8], 43);
}

TEST("A name lives as long as any process has a handle to it") {
  const Text name = UniqueName();
  Handle mapping(Create(name));
  View view(Map(mapping.get()));
  REQUIRE(view);
  view[0] = 42;
  Child child(TEXT("holding"), name);
  REQUIRE(child.IsReady());
  view = View(nullptr);
  EXPECT(mapping.Close());
  Handle again(Open(name));
  View same(Map(again.get()));
  REQUIRE(same);
  EXPECT_EQ(same[0], 42);
  EXPECT(child.End());
  const Handle other(Open(name));
  EXPECT(other);
}

TEST("A process that ends without closing anything no longer counts") {
  const Text name = UniqueName();
  Child child(TEXT("holding"), name);
  REQUIRE(child.IsReady());
  const bool taken = static_cast<bool>(Handle(Open(name)));
  EXPECT(taken);
  EXPECT(child.End());
  EXPECT_FAILS(Open(name), ERROR_FILE_NOT_FOUND);
  const Handle mapping(CreateSaying(ERROR_SUCCESS, name));
}
