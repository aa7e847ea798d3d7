// Of "Shared Memory Support", an option of HWiNFO.
import { struct, text } from '../index.js';

export const SensorsHeader = struct(
  {
    dwSignature: 'uint32_t', // "HWiS", or something else while nothing is shared
    dwVersion: 'uint32_t',
    dwRevision: 'uint32_t',
    poll_time: 'int64_t', // in seconds since 1970
    dwOffsetOfSensorSection: 'uint32_t', // all offsets and sizes are in bytes
    dwSizeOfSensorElement: 'uint32_t',
    dwNumSensorElements: 'uint32_t',
    dwOffsetOfReadingSection: 'uint32_t',
    dwSizeOfReadingElement: 'uint32_t',
    dwNumReadingElements: 'uint32_t',
  },
  { pack: 1, name: 'SensorsHeader' },
);

/** What an element begins with. Newer versions have longer ones: their size is in the header. */
export const SensorElement = struct(
  {
    dwSensorID: 'uint32_t',
    dwSensorInst: 'uint32_t',
    szSensorNameOrig: text('windows-1252', 128),
    szSensorNameUser: text('windows-1252', 128), // as the user has renamed it
  },
  { pack: 1, name: 'SensorElement' },
);

/** Likewise. */
export const ReadingElement = struct(
  {
    tReading: 'int32_t', // none, temperature, voltage, fan, current, power, clock, usage, other
    dwSensorIndex: 'uint32_t', // of the sensors before it
    dwReadingID: 'uint32_t',
    szLabelOrig: text('windows-1252', 128),
    szLabelUser: text('windows-1252', 128),
    szUnit: text('windows-1252', 16),
    Value: 'double',
    ValueMin: 'double',
    ValueMax: 'double',
    ValueAvg: 'double',
  },
  { pack: 1, name: 'ReadingElement' },
);
