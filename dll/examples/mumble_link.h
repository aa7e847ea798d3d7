// The layout, which is the same whatever the packing:
// https://www.mumble.info/documentation/developer/positional-audio/link-plugin/
#ifndef DLLMEMFILEMAP_EXAMPLES_MUMBLE_LINK_H
#define DLLMEMFILEMAP_EXAMPLES_MUMBLE_LINK_H

#include <windows.h>

struct LinkedMem {
  DWORD uiVersion;
  DWORD uiTick;
  float fAvatarPosition[3];
  float fAvatarFront[3];
  float fAvatarTop[3];
  WCHAR name[256];
  float fCameraPosition[3];
  float fCameraFront[3];
  float fCameraTop[3];
  WCHAR identity[256];
  DWORD context_len;
  BYTE context[256];
  WCHAR description[2048];
};

#endif
