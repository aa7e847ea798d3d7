// The layout: https://coretemp.org/developers/
#ifndef DLLMEMFILEMAP_EXAMPLES_CORE_TEMP_H
#define DLLMEMFILEMAP_EXAMPLES_CORE_TEMP_H

#include <windows.h>

#pragma pack(push, 4)
struct CoreTempSharedDataEx {
  DWORD uiLoad[256];
  DWORD uiTjMax[128];
  DWORD uiCoreCnt;
  DWORD uiCPUCnt;
  float fTemp[256];
  float fVID;
  float fCPUSpeed;
  float fFSBSpeed;
  float fMultiplier;
  char sCPUName[100];
  BYTE ucFahrenheit;
  BYTE ucDeltaToTjMax;
  // From uiStructVersion 2 on.
  BYTE ucTdpSupported;
  BYTE ucPowerSupported;
  DWORD uiStructVersion;
  DWORD uiTdp[128];
  float fPower[128];
  float fMultipliers[256];
};
#pragma pack(pop)

#endif
