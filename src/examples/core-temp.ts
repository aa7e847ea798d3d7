// Reads the processor's temperatures and loads from Core Temp.
//
//     npm run example -- core-temp         together with a publisher of its own, on any system
//     node dist/examples/core-temp.js      alone, while Core Temp runs, on Windows
//
// It ends after 20 readings, when Core Temp does, or once nothing has changed for 5000 ms; both numbers can be given as
// arguments. The layout, packed to 4: https://coretemp.org/developers/
//
// There is no counter to tell that Core Temp is still there. But the mapping goes when its last handle is closed: this
// opens it for each reading anew, as a handle of its own would keep it alive.
import { setTimeout } from 'node:timers/promises';
import type { FileMapping } from '../index.js';
import { INTERVAL, limits, notRunning, openForReading, quote } from './reader.js';
import { readUnversionedBlock } from './unversioned-block.js';

const NAME = 'CoreTempMappingObjectEx';

/** Where the fields of `CoreTempSharedDataEx` are, in bytes. An index is core + processor * cores a processor. */
const OFFSET = {
  uiLoad: 0, // uint32[256], in percent
  uiTjMax: 1024, // uint32[128], for each processor
  uiCoreCnt: 1536, // uint32: cores a processor
  uiCPUCnt: 1540, // uint32: processors
  fTemp: 1544, // float[256]
  fVID: 2568, // float, in volts
  fCPUSpeed: 2572, // float, in MHz
  fFSBSpeed: 2576, // float, in MHz
  fMultiplier: 2580, // float
  sCPUName: 2584, // char[100]
  ucFahrenheit: 2684, // uint8: temperatures are in Fahrenheit
  ucDeltaToTjMax: 2685, // uint8: temperatures are distances from TjMax
  ucTdpSupported: 2686, // uint8
  ucPowerSupported: 2687, // uint8
  uiStructVersion: 2688, // uint32: 2, or more for a longer structure
  uiTdp: 2692, // uint32[128], in watts, for each processor
  fPower: 3204, // float[128], in watts, for each processor
  fMultipliers: 3716, // float[256], for each core
} as const;
const SIZE = 4740;
const MAX_CORES = 256;

/** Takes a reading, and lets go of the mapping. */
function takeReading(opened: FileMapping): Buffer {
  using mapping = opened;
  using view = mapping.mapView({ length: SIZE });
  return readUnversionedBlock(view, SIZE);
}

function describe(reading: Buffer): string {
  const data = new DataView(reading.buffer, reading.byteOffset, reading.byteLength);
  const unit = data.getUint8(OFFSET.ucFahrenheit) === 0 ? '°C' : '°F';
  const below = data.getUint8(OFFSET.ucDeltaToTjMax) === 0 ? '' : ' below TjMax';
  const cores = data.getUint32(OFFSET.uiCoreCnt, true) * data.getUint32(OFFSET.uiCPUCnt, true);
  const temperatures = Array.from({ length: Math.min(cores, MAX_CORES) }, (_, core) => {
    const temperature = data.getFloat32(OFFSET.fTemp + 4 * core, true).toFixed(1);
    return `${temperature} ${unit}${below} at ${data.getUint32(OFFSET.uiLoad + 4 * core, true)} %`;
  });
  const hasPower = data.getUint32(OFFSET.uiStructVersion, true) >= 2 && data.getUint8(OFFSET.ucPowerSupported) !== 0;
  return [
    quote(reading.subarray(OFFSET.sCPUName, OFFSET.sCPUName + 100), 'windows-1252'),
    `${data.getFloat32(OFFSET.fCPUSpeed, true).toFixed(0)} MHz`,
    ...(hasPower ? [`${data.getFloat32(OFFSET.fPower, true).toFixed(1)} W`] : []),
    ...temperatures,
  ].join(', ');
}

const { updates, patience } = limits();
let mapping: FileMapping | undefined = openForReading(NAME) ?? notRunning('Core Temp', NAME);
let last: Buffer | undefined;
for (let seen = 0, since = performance.now(); seen < updates; await setTimeout(INTERVAL)) {
  mapping ??= openForReading(NAME);
  if (mapping === undefined) {
    console.log('Core Temp has ended.');
    break;
  }
  const reading = takeReading(mapping);
  mapping = undefined;
  // A structure without a version was created, but not filled in yet.
  const isFilled = reading.readUInt32LE(OFFSET.uiStructVersion) !== 0;
  if (isFilled && last?.equals(reading) !== true) {
    console.log(describe(reading));
    last = reading;
    seen++;
    since = performance.now();
  } else if (performance.now() - since >= patience) {
    console.log(`Nothing has changed for ${patience} ms.`);
    break;
  }
}
