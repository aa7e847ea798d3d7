// The layout of HWiNFO's "Shared Memory Support".
#ifndef DLLMEMFILEMAP_EXAMPLES_HWINFO_H
#define DLLMEMFILEMAP_EXAMPLES_HWINFO_H

#include <stdint.h>
#include <windows.h>

#pragma pack(push, 1)
struct SensorsHeader {
  DWORD dwSignature;
  DWORD dwVersion;
  DWORD dwRevision;
  int64_t poll_time;
  DWORD dwOffsetOfSensorSection;
  DWORD dwSizeOfSensorElement;
  DWORD dwNumSensorElements;
  DWORD dwOffsetOfReadingSection;
  DWORD dwSizeOfReadingElement;
  DWORD dwNumReadingElements;
};

// What every version's elements begin with. Their size is in the header.
struct SensorElement {
  DWORD dwSensorID;
  DWORD dwSensorInst;
  char szSensorNameOrig[128];
  char szSensorNameUser[128];
};

struct ReadingElement {
  int32_t tReading;
  DWORD dwSensorIndex;
  DWORD dwReadingID;
  char szLabelOrig[128];
  char szLabelUser[128];
  char szUnit[16];
  double Value;
  double ValueMin;
  double ValueMax;
  double ValueAvg;
};
#pragma pack(pop)

#endif
