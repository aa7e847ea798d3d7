// Reads sensors from HWiNFO: memory that a named mutex guards.
//
//     npm run example -- hwinfo         together with a publisher of its own, on any system
//     node dist/examples/hwinfo.js      alone, while HWiNFO runs with Shared Memory Support, on Windows
//
// It ends after 20 readings, or once there was none for 5000 ms; both can be given as arguments.
import { setTimeout } from 'node:timers/promises';
import { NamedMutex, type Struct, type StructValue, Win32Error } from '../index.js';
import { ReadingElement, SensorElement, SensorsHeader } from './hwinfo-layout.js';
import { INTERVAL, limits, openWhenRunning, quote } from './reader.js';

const SIGNATURE = Buffer.from('HWiS').readUInt32LE();

/** The elements of a section, each of the size that its program gave it. */
function elements<T extends Struct>(copy: Uint8Array, layout: T, offset: number, size: number, count: number) {
  return Array.from({ length: count }, (_, i) => layout.decode(copy.subarray(offset + i * size)) as StructValue<T>);
}

function describe(copy: Uint8Array): string {
  const header = SensorsHeader.decode(copy);
  const { dwOffsetOfSensorSection, dwSizeOfSensorElement, dwNumSensorElements } = header;
  const { dwOffsetOfReadingSection, dwSizeOfReadingElement, dwNumReadingElements } = header;
  const readings = elements(
    copy,
    ReadingElement,
    dwOffsetOfReadingSection,
    dwSizeOfReadingElement,
    dwNumReadingElements,
  );
  return elements(copy, SensorElement, dwOffsetOfSensorSection, dwSizeOfSensorElement, dwNumSensorElements)
    .map(({ szSensorNameUser }, sensor) => {
      const own = readings.filter(({ dwSensorIndex }) => dwSensorIndex === sensor);
      const values = own.map(({ szLabelUser, Value, szUnit }) => `${quote(szLabelUser)} ${Value.toFixed(1)} ${szUnit}`);
      return `${quote(szSensorNameUser)} has ${values.join(', ')}`;
    })
    .join('; ');
}

const { updates, patience } = limits();
using mapping = await openWhenRunning('HWiNFO', 'Global\\HWiNFO_SENS_SM2', patience);
using view = mapping.mapView();
using mutex = NamedMutex.open('Global\\HWiNFO_SM2_MUTEX');

/** Copies everything while HWiNFO writes nothing, and lets it go on at once. */
async function takeSnapshot(): Promise<Uint8Array> {
  using lock = await mutex.acquire({ timeout: patience });
  const copy = view.snapshot();
  if (lock.abandoned) console.log('The mutex was abandoned: its owner has ended, maybe in the middle of an update.');
  return copy;
}

let lastPoll: bigint | undefined;
try {
  for (let seen = 0, since = performance.now(); seen < updates; await setTimeout(INTERVAL)) {
    const copy = await takeSnapshot();
    const { dwSignature, poll_time } = SensorsHeader.decode(copy);
    if (dwSignature === SIGNATURE && poll_time !== lastPoll) {
      console.log(`${new Date(Number(poll_time) * 1000).toISOString()}: ${describe(copy)}`);
      lastPoll = poll_time;
      seen++;
      since = performance.now();
    } else if (performance.now() - since >= patience) {
      console.log(
        dwSignature === SIGNATURE
          ? `No reading for ${patience} ms: HWiNFO has stopped or ended.`
          : 'HWiNFO shares nothing: turn on Shared Memory Support in its settings.',
      );
      break;
    }
  }
} catch (error) {
  if (!(error instanceof Win32Error && error.code === 'WAIT_TIMEOUT')) throw error;
  console.error(`Gave up: another process has the mutex since ${patience} ms.`);
  process.exitCode = 1;
}
