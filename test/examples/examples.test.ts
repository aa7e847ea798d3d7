import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { FileMapping, type MappedView, NamedEvent, NamedMutex } from 'dllmemfilemap';
import { describe, expect, onTestFinished, test } from 'vitest';
import { TelemetryHeader } from '../../dist/examples/iracing-layout.js';
import { readNewestRow } from '../../dist/examples/newest-row.js';
import { readUnversionedBlock } from '../../dist/examples/unversioned-block.js';
import { readVersionedBlock } from '../../dist/examples/versioned-block.js';
import { programPath } from '../../dist/win32/native-library.js';
import { occupyName } from '../occupied-name.js';
import { Peer } from '../peer.js';

/** What is true of programs that this package does not see. */
const expectedOfOthers =
  " Programs in Wine, and those that use shm_open, have memory that is not this package's, so it does not see it.";

/** Longer than any test runs. */
const PATIENT = 600_000;

/** One of the examples' readers, or what runs it together with its publisher, as a user starts it. */
class Reader {
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #stderr: Promise<string>;
  readonly #ended: Promise<unknown[]>;

  constructor(example: string, ...args: readonly (string | number)[]) {
    const script = fileURLToPath(new URL(`../../dist/examples/${example}.js`, import.meta.url));
    this.#process = spawn(process.execPath, [script, ...args.map(String)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#stderr = text(this.#process.stderr);
    this.#ended = once(this.#process, 'exit');
    onTestFinished(async () => {
      this.#process.kill('SIGKILL');
      await this.#ended;
    });
  }

  /** The next line that it prints; `undefined` if it has printed the last. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  /** What else it prints until it ends, and how it ends. */
  async end(): Promise<{ lines: string[]; stderr: string; code: unknown }> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) lines.push(line);
    const [code] = await this.#ended;
    return { lines, stderr: (await this.#stderr).trimEnd(), code };
  }
}

const EXAMPLES = [
  { example: 'mumble-link', publisher: 'mumble_link', mapping: 'MumbleLink', program: 'Mumble', size: 5460 },
  {
    example: 'core-temp',
    publisher: 'core_temp',
    mapping: 'CoreTempMappingObjectEx',
    program: 'Core Temp',
    size: 4740,
  },
  {
    example: 'rfactor2',
    publisher: 'rfactor2',
    mapping: '$rFactor2SMMP_Telemetry$',
    program: 'rFactor 2 with the plugin',
    size: 241_680,
  },
  { example: 'hwinfo', publisher: 'hwinfo', mapping: 'Global\\HWiNFO_SENS_SM2', program: 'HWiNFO', size: 2208 },
  {
    example: 'iracing',
    publisher: 'iracing',
    mapping: 'Local\\IRSDKMemMapFileName',
    program: 'iRacing',
    size: 1072,
  },
] as const;

type Publisher = (typeof EXAMPLES)[number]['publisher'];

const publish = (name: Publisher) => Peer.run(programPath(`${name}_publisher`), []);

/** Runs a publisher to its end, without commands. */
const run = (name: Publisher, env: NodeJS.ProcessEnv = {}) =>
  spawnSync(programPath(`${name}_publisher`), { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 50_000 });

/** What a publisher has put into its mapping, as its layout's documentation has it. */
function memoryOf(name: string) {
  const mapping = FileMapping.open(name, { access: 'read' });
  const view = mapping.mapView();
  const data = Buffer.from(view.snapshot());
  view.close();
  mapping.close();
  return {
    int32: (offset: number) => data.readInt32LE(offset),
    uint32: (offset: number) => data.readUInt32LE(offset),
    uint8: (offset: number) => data.readUInt8(offset),
    floats: (offset: number, count: number) =>
      Array.from({ length: count }, (_, i) => data.readFloatLE(offset + 4 * i)),
    doubles: (offset: number, count: number) =>
      Array.from({ length: count }, (_, i) => data.readDoubleLE(offset + 8 * i)),
    utf16: (offset: number, units: number) => data.toString('utf16le', offset, offset + 2 * units).split('\0')[0],
    latin1: (offset: number, length: number) => data.toString('latin1', offset, offset + length).split('\0')[0],
  };
}

describe.each(EXAMPLES)('$example', ({ example, publisher, mapping, program, size }) => {
  test('a reader without the program says that it is not running, and exits with 1', async () => {
    expect(await new Reader(example, 1, 0).end()).toEqual({
      lines: [],
      stderr:
        `${program} is not running: no process has the mapping '${mapping}' open. Start ${program} first.` +
        (process.platform === 'win32' ? '' : expectedOfOthers),
      code: 1,
    });
  });

  test('the mapping has the size of the published structure, in whole pages', async () => {
    await publish(publisher);
    using opened = FileMapping.open(mapping, { access: 'read' });
    expect(opened.size).toBe(Math.ceil(size / 4096) * 4096);
  });

  test('a publisher ends with its input, and the mapping with it', async () => {
    const peer = await publish(publisher);
    expect(await peer.ask('next')).toBe('1');
    expect(await peer.end()).toBe(0);
    expect(() => FileMapping.open(mapping)).toThrow(expect.objectContaining({ code: 'ERROR_FILE_NOT_FOUND' }));
  });

  test('a reader that was started first waits for the program', async () => {
    const reader = new Reader(example, 1, PATIENT);
    const peer = await publish(publisher);
    await peer.ask('next');
    // Mumble's reader shows a position once it has changed.
    if (publisher === 'mumble_link') {
      expect(await reader.line()).toMatch(/waiting/);
      await peer.ask('next');
    }
    expect(await reader.end()).toEqual({ lines: [expect.any(String)], stderr: '', code: 0 });
  });

  test('a publisher leaves the memory of a running program alone', async () => {
    using running = FileMapping.create(mapping, size, { exclusive: true });
    const { lines, stderr, code } = await new Reader('run', example).end();
    expect({ lines, code }).toEqual({ lines: [], code: 1 });
    expect(stderr).toContain('the real program is running');
    using view = running.mapView();
    expect(view.snapshot().every((byte) => byte === 0)).toBe(true);
  });

  // A mutex has it, or a folder.
  const [code, error] = process.platform === 'win32' ? [6, 'ERROR_INVALID_HANDLE'] : [5, 'ERROR_ACCESS_DENIED'];

  test('a publisher shows the code if something else has the name, and exits with 1', () => {
    occupyName(mapping);
    const { status, stdout, stderr } = run(publisher);
    expect({ status, stdout, stderr: stderr.trimEnd() }).toEqual({
      status: 1,
      stdout: '',
      stderr: `Could not create file mapping object (${code}).`,
    });
  });

  test('a reader fails if something else has the name', async () => {
    occupyName(mapping);
    const failed = { lines: [], stderr: expect.stringContaining(error), code: 1 };
    expect(await new Reader(example).end()).toEqual(failed);
  });

  test.skipIf(process.platform !== 'linux')(
    'a publisher without room for its view says so, and exits with 1 (on Linux alone, which can preload what fails)',
    () => {
      const env = { LD_PRELOAD: programPath('libfaults.so'), FAULTS: `mmap:1+:${constants.errno.ENOMEM}` };
      expect(run(publisher, env)).toMatchObject({
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(/^Could not (map view of file|create (mutex|event)) \(8\)\.\n$/),
      });
    },
  );

  test('a publisher knows no other commands, and goes on', async () => {
    const peer = await publish(publisher);
    expect(await peer.ask('previous')).toBe('unknown command');
    expect(await peer.ask('next')).toBe('1');
  });

  test('one command runs publisher and reader', async () => {
    const { lines, stderr, code } = await new Reader('run', example, 3, PATIENT).end();
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(lines.filter((line) => !line.includes('waiting'))).toHaveLength(3);
  });
});

test('the command without an example names the examples', async () => {
  expect(await new Reader('run').end()).toEqual({
    lines: [],
    stderr: 'Please specify an example: mumble-link, core-temp, rfactor2, hwinfo, iracing',
    code: 1,
  });
});

describe('mumble-link', () => {
  test('the publisher has the layout of LinkedMem', async () => {
    const peer = await publish('mumble_link');
    await peer.ask('next');
    await peer.ask('next');
    const memory = memoryOf('MumbleLink');
    expect(memory.uint32(0)).toBe(2);
    expect(memory.uint32(4)).toBe(2);
    expect(memory.floats(8, 3)).toEqual([1, 2, -0.5]);
    expect(memory.floats(20, 3)).toEqual([0, 0, 1]);
    expect(memory.floats(32, 3)).toEqual([0, 1, 0]);
    expect(memory.utf16(44, 256)).toBe('Example Game');
    expect(memory.floats(556, 3)).toEqual([1, 3.75, -0.5]);
    expect(memory.floats(568, 3)).toEqual([0, 0, 1]);
    expect(memory.floats(580, 3)).toEqual([0, 1, 0]);
    expect(memory.utf16(592, 256)).toBe('Zoë 🎧');
    expect(memory.uint32(1104)).toBe(13);
    expect(memory.latin1(1108, 13)).toBe('example/map-1');
    expect(memory.utf16(1364, 2048)).toBe('A player who walks along a line.');
  });

  test('a position is shown once uiTick has changed, each one once', async () => {
    const peer = await publish('mumble_link');
    await peer.ask('next');
    const reader = new Reader('mumble-link', 2, PATIENT);
    expect(await reader.line()).toBe(
      '"Example Game" is linked, with the player "Zoë 🎧"; waiting for uiTick 1 to change',
    );
    await peer.ask('next');
    expect(await reader.line()).toBe('uiTick 2: at (1.00, 2.00, -0.50) m, facing (0.00, 0.00, 1.00)');
    await peer.ask('next');
    expect(await reader.end()).toEqual({
      lines: ['uiTick 3: at (1.50, 2.00, -0.75) m, facing (0.00, 0.00, 1.00)'],
      stderr: '',
      code: 0,
    });
  });

  test('a link whose uiTick does not change is stale, and its position never shown', async () => {
    const peer = await publish('mumble_link');
    await peer.ask('next');
    expect(await new Reader('mumble-link', 2, 0).end()).toEqual({
      lines: [
        '"Example Game" is linked, with the player "Zoë 🎧"; waiting for uiTick 1 to change',
        'Stale: uiTick is 1 since 0 ms, so the game has stopped.',
      ],
      stderr: '',
      code: 0,
    });
  });

  test('the link of a game that was killed is stale, although the memory is still there', async () => {
    const peer = await publish('mumble_link');
    await peer.ask('next');
    // As Mumble does, this keeps it.
    using _kept = FileMapping.open('MumbleLink', { access: 'read' });
    await peer.kill();
    const { lines } = await new Reader('mumble-link', 2, 0).end();
    expect(lines.at(-1)).toBe('Stale: uiTick is 1 since 0 ms, so the game has stopped.');
  });

  test('without a game, the link is there and says nothing', async () => {
    await publish('mumble_link');
    expect(await new Reader('mumble-link', 2, 0).end()).toEqual({
      lines: ['No game was linked for 0 ms.'],
      stderr: '',
      code: 0,
    });
  });
});

describe('core-temp', () => {
  test('the publisher has the layout of CoreTempSharedDataEx', async () => {
    const peer = await publish('core_temp');
    await peer.ask('next');
    await peer.ask('delta');
    const memory = memoryOf('CoreTempMappingObjectEx');
    expect([0, 4, 8, 12, 16].map(memory.uint32)).toEqual([1, 11, 21, 31, 0]);
    expect(memory.uint32(1024)).toBe(100);
    expect(memory.uint32(1536)).toBe(4);
    expect(memory.uint32(1540)).toBe(1);
    expect(memory.floats(1544, 5)).toEqual([41, 41.5, 42, 42.5, 0]);
    expect(memory.floats(2568, 4)).toEqual([1.125, 3601, 100, 36]);
    expect(memory.latin1(2584, 100)).toBe('Example CPU');
    expect([2684, 2685, 2686, 2687].map(memory.uint8)).toEqual([0, 1, 1, 1]);
    expect(memory.uint32(2688)).toBe(2);
    expect(memory.uint32(2692)).toBe(65);
    expect(memory.floats(3204, 1)).toEqual([20.5]);
    expect(memory.floats(3716, 5)).toEqual([36, 37, 38, 39, 0]);
  });

  test('each change is shown, until the program ends', async () => {
    const peer = await publish('core_temp');
    await peer.ask('next');
    const reader = new Reader('core-temp', 9, PATIENT);
    expect(await reader.line()).toBe(
      '"Example CPU", 3601 MHz, 20.5 W, 41.0 °C at 1 %, 41.5 °C at 11 %, 42.0 °C at 21 %, 42.5 °C at 31 %',
    );
    await peer.ask('next');
    expect(await reader.line()).toBe(
      '"Example CPU", 3602 MHz, 21.0 W, 42.0 °C at 2 %, 42.5 °C at 12 %, 43.0 °C at 22 %, 43.5 °C at 32 %',
    );
    await peer.end();
    expect(await reader.end()).toEqual({ lines: ['Core Temp has ended.'], stderr: '', code: 0 });
  });

  test('a temperature is shown as what it is: in Fahrenheit, a distance from TjMax', async () => {
    const peer = await publish('core_temp');
    await peer.ask('next');
    await peer.ask('fahrenheit');
    await peer.ask('delta');
    expect(await new Reader('core-temp', 1).line()).toContain(' W, 41.0 °F below TjMax at 1 %, ');
  });

  test('a reader ends when nothing changes', async () => {
    const peer = await publish('core_temp');
    await peer.ask('next');
    const { lines, code } = await new Reader('core-temp', 9, 0).end();
    expect({ last: lines.at(-1), count: lines.length, code }).toEqual({
      last: 'Nothing has changed for 0 ms.',
      count: 2,
      code: 0,
    });
  });
});

describe('hwinfo', () => {
  const line = (n: number) =>
    `2023-11-14T22:13:${20 + n}.000Z: "My CPU" has "CPU Package" ${40 + n}.0 °C, "CPU Power" ${20 + n}.0 W; ` +
    `"Example Board" has "Fan" ${900 + n}.0 RPM`;

  test('the publisher has the layout of the sensors and readings, with elements that are longer', async () => {
    const peer = await publish('hwinfo');
    await peer.ask('next');
    const memory = memoryOf('Global\\HWiNFO_SENS_SM2');
    expect(memory.latin1(0, 4)).toBe('HWiS');
    expect([12, 16].map(memory.uint32)).toEqual([1_700_000_001, 0]);
    expect([20, 24, 28].map(memory.uint32)).toEqual([44, 392, 2]);
    expect([32, 36, 40].map(memory.uint32)).toEqual([828, 460, 3]);
    expect(memory.latin1(44 + 392 + 8, 128)).toBe('Example Board');
    expect(memory.latin1(44 + 136, 128)).toBe('My CPU');
    const fan = 828 + 2 * 460;
    expect([0, 4].map((offset) => memory.uint32(fan + offset))).toEqual([3, 1]);
    expect(memory.latin1(fan + 12, 128)).toBe('Fan');
    expect(memory.latin1(fan + 268, 16)).toBe('RPM');
    expect(memory.doubles(fan + 284, 4)).toEqual([901, 900, 902, 901]);
  });

  test('each reading is shown once', async () => {
    const peer = await publish('hwinfo');
    await peer.ask('next');
    const reader = new Reader('hwinfo', 2, PATIENT);
    expect(await reader.line()).toBe(line(1));
    await peer.ask('next');
    expect(await reader.end()).toEqual({ lines: [line(2)], stderr: '', code: 0 });
  });

  test('nothing is read in the middle of an update', async () => {
    const peer = await publish('hwinfo');
    await peer.ask('next');
    await peer.ask('begin');
    const reader = new Reader('hwinfo', 1, PATIENT);
    expect(await new Reader('hwinfo', 1, 1).end()).toEqual({
      lines: [],
      stderr: 'Gave up: another process has the mutex since 1 ms.',
      code: 1,
    });
    await peer.ask('finish');
    expect(await reader.end()).toEqual({ lines: [line(2)], stderr: '', code: 0 });
  });

  test('a mutex that was abandoned in the middle of an update is said to be so', async () => {
    const peer = await publish('hwinfo');
    await peer.ask('next');
    using _mapping = FileMapping.open('Global\\HWiNFO_SENS_SM2', { access: 'read' });
    using _mutex = NamedMutex.open('Global\\HWiNFO_SM2_MUTEX');
    await peer.ask('begin');
    await peer.kill();
    const { lines } = await new Reader('hwinfo', 1, PATIENT).end();
    expect(lines[0]).toBe('The mutex was abandoned: its owner has ended, maybe in the middle of an update.');
    expect(lines).toHaveLength(2);
  });

  test('a reader ends when HWiNFO stops, or shares nothing any more', async () => {
    const peer = await publish('hwinfo');
    await peer.ask('next');
    expect((await new Reader('hwinfo', 2, 0).end()).lines.at(-1)).toBe(
      'No reading for 0 ms: HWiNFO has stopped or ended.',
    );
    await peer.ask('dead');
    expect(await new Reader('hwinfo', 2, 0).end()).toMatchObject({
      lines: ['HWiNFO shares nothing: turn on Shared Memory Support in its settings.'],
      code: 0,
    });
  });
});

describe('iracing', () => {
  const MAPPING = 'Local\\IRSDKMemMapFileName';
  const line = (n: number) => `Tick ${n}: ${((50 + n) * 3.6).toFixed(1)} km/h, ${6000 + n} RPM, gear 4, lap 1`;

  test('the publisher has the layout of the header, the variables and the rows', async () => {
    const peer = await publish('iracing');
    for (let i = 0; i < 4; i++) await peer.ask('next');
    const memory = memoryOf(MAPPING);
    expect([0, 4, 8].map(memory.int32)).toEqual([2, 1, 60]);
    expect([24, 28, 32, 36].map(memory.int32)).toEqual([6, 112, 3, 32]);
    // The tick and the place of each row, of which the fourth took the second's.
    expect([48, 52, 64, 68, 80, 84].map(memory.int32)).toEqual([3, 976, 4, 1008, 2, 1040]);
    const gear = 112 + 3 * 144;
    expect([gear, gear + 4, gear + 8].map(memory.int32)).toEqual([2, 16, 1]);
    expect(memory.latin1(gear + 16, 32)).toBe('Gear');
    expect(memory.latin1(112 + 144 + 112, 32)).toBe('m/s');
    expect(memory.floats(1008 + 8, 2)).toEqual([54, 6004]);
    expect(memory.int32(1008 + 16)).toBe(4);
  });

  test('each row is shown once', async () => {
    const peer = await publish('iracing');
    await peer.ask('next');
    const reader = new Reader('iracing', 3, PATIENT);
    expect(await reader.line()).toBe(line(1));
    await peer.ask('next');
    expect(await reader.line()).toBe(line(2));
    await peer.ask('next');
    expect(await reader.end()).toEqual({ lines: [line(3)], stderr: '', code: 0 });
  });

  test('a row is found although another reader has taken the signal', async () => {
    const peer = await publish('iracing');
    await peer.ask('next');
    const reader = new Reader('iracing', 2, PATIENT);
    expect(await reader.line()).toBe(line(1));
    using event = NamedEvent.open('Local\\IRSDKDataValidEvent');
    const taken = event.wait();
    await peer.ask('next');
    expect(await reader.line()).toBe(line(2));
    await Promise.race([taken, reader.end()]);
  });

  test('a reader ends when there are no more rows, or no session', async () => {
    const peer = await publish('iracing');
    await peer.ask('next');
    const ended = { lines: [line(1), 'No row for 0 ms: iRacing has stopped or ended.'], stderr: '', code: 0 };
    expect(await new Reader('iracing', 2, 0).end()).toEqual(ended);
    await peer.ask('leave');
    expect((await new Reader('iracing', 2, 0).end()).lines).toEqual(['iRacing runs, but no session does.']);
  });
});

test('a row is refused if its place got another one while it was copied', () => {
  const memory = Buffer.alloc(TelemetryHeader.size + 8);
  const tick = (place: number, value: number) => memory.writeInt32LE(value, 48 + 16 * place);
  memory.writeInt32LE(2, 32);
  memory.writeInt32LE(4, 36);
  memory.writeInt32LE(TelemetryHeader.size, 52);
  memory.writeInt32LE(TelemetryHeader.size + 4, 68);
  tick(0, 7);
  tick(1, 6);
  let whileCopying = () => {};
  const snapshot = (start = 0, end = memory.length) => {
    const copy = Uint8Array.from(memory.subarray(start, end));
    if (start === TelemetryHeader.size) whileCopying();
    return copy;
  };
  expect(readNewestRow({ snapshot })).toMatchObject({ tickCount: 7 });
  whileCopying = () => tick(1, 8);
  expect(readNewestRow({ snapshot })).toMatchObject({ tickCount: 7 });
  tick(1, 6);
  whileCopying = () => tick(0, 9);
  expect(readNewestRow({ snapshot })).toBeUndefined();
});

describe('rfactor2', () => {
  const line = (n: number) =>
    `Update ${n}: car 7 "Example GT #7" on "Example Ring", ${(n * 0.02).toFixed(2)} s, ` +
    `lap 1 for ${(n * 0.02).toFixed(2)} s, at (${(n * 1.5).toFixed(2)}, 0.25, ${(n * -2).toFixed(2)}) m, ` +
    `${((50 + n) * 3.6).toFixed(1)} km/h`;

  test('the publisher has the layout of rF2Telemetry after the version words', async () => {
    const peer = await publish('rfactor2');
    await peer.ask('next');
    await peer.ask('next');
    const memory = memoryOf('$rFactor2SMMP_Telemetry$');
    expect([0, 4].map(memory.uint32)).toEqual([2, 2]);
    expect(memory.int32(8)).toBe(8 + 2 * 1888);
    expect(memory.int32(12)).toBe(2);
    for (const [offset, id] of [
      [16, 7],
      [16 + 1888, 8],
    ] as const) {
      expect(memory.int32(offset)).toBe(id);
      expect(memory.doubles(offset + 4, 2)).toEqual([0.02, 0.04]);
      expect(memory.int32(offset + 20)).toBe(1);
      expect(memory.doubles(offset + 24, 1)).toEqual([0]);
      expect(memory.latin1(offset + 32, 64)).toBe(`Example GT #${id}`);
      expect(memory.latin1(offset + 96, 64)).toBe('Example Ring');
      expect(memory.doubles(offset + 160, 3)).toEqual([3, id - 6.75, -4]);
      expect(memory.doubles(offset + 184, 3)).toEqual([0, 0, -52]);
    }
  });

  test('each update is shown once', async () => {
    const peer = await publish('rfactor2');
    await peer.ask('next');
    const reader = new Reader('rfactor2', 3, PATIENT);
    expect(await reader.line()).toBe(line(1));
    await peer.ask('next');
    expect(await reader.line()).toBe(line(2));
    await peer.ask('next');
    expect(await reader.end()).toEqual({ lines: [line(3)], stderr: '', code: 0 });
  });

  test('an update that is under way is refused, and read once it is whole', async () => {
    const peer = await publish('rfactor2');
    await peer.ask('next');
    const reader = new Reader('rfactor2', 2, PATIENT);
    expect(await reader.line()).toBe(line(1));
    await peer.ask('begin');
    expect(await reader.line()).toBe('Update 2 is under way, and 1 the last whole one: trying again');
    await peer.ask('finish');
    expect(await reader.end()).toEqual({ lines: [line(2)], stderr: '', code: 0 });
  });

  test('an update whose writer was killed is never read: the reader gives up and exits with 1', async () => {
    const peer = await publish('rfactor2');
    await peer.ask('next');
    await peer.ask('begin');
    using _kept = FileMapping.open('$rFactor2SMMP_Telemetry$', { access: 'read' });
    await peer.kill();
    expect(await new Reader('rfactor2', 2, 0).end()).toEqual({
      lines: ['Update 2 is under way, and 1 the last whole one: trying again'],
      stderr: 'Gave up: update 2 has not ended for 0 ms, so there is nothing whole to read.',
      code: 1,
    });
  });

  test('a reader ends when there are no more updates', async () => {
    const peer = await publish('rfactor2');
    await peer.ask('next');
    expect(await new Reader('rfactor2', 2, 0).end()).toEqual({
      lines: [line(1), 'No update after 1 for 0 ms: the game is paused or has ended.'],
      stderr: '',
      code: 0,
    });
  });
});

const LENGTH = 64;

/** A view in which writers get on with their work between the copies that a reader takes: before each, one step. */
function viewWith(steps: readonly ((block: DataView) => void)[]): Pick<MappedView, 'snapshot'> & { copies: number } {
  const mapping = FileMapping.create(null, LENGTH);
  const view = mapping.mapView();
  onTestFinished(() => {
    view.close();
    mapping.close();
  });
  return {
    copies: 0,
    snapshot(offset, length) {
      steps[this.copies++]?.(new DataView(view.bytes.buffer));
      return view.snapshot(offset, length);
    },
  };
}

describe.skipIf(process.versions.electron)('a versioned block', () => {
  const idle = () => {};
  const begin = (n: number) => (block: DataView) => {
    block.setUint32(0, n, true);
    block.setUint32(8, n, true);
  };
  const finish = (n: number) => (block: DataView) => {
    block.setUint32(60, n, true);
    block.setUint32(4, n, true);
  };
  const words = (block: Uint8Array | undefined) =>
    block && [0, 4, 8, 60].map((offset) => new DataView(block.buffer).getUint32(offset, true));

  test('is copied at once when nobody writes', () => {
    const view = viewWith([]);
    expect(words(readVersionedBlock(view, LENGTH))).toEqual([0, 0, 0, 0]);
    expect(view.copies).toBe(3);
  });

  test('is copied again when an update began during the copy', () => {
    const view = viewWith([idle, begin(1), idle, finish(1)]);
    expect(words(readVersionedBlock(view, LENGTH))).toEqual([1, 1, 1, 1]);
  });

  test('is copied again when a whole update took place between the words and the copy, or right after it', () => {
    for (const step of [1, 2]) {
      const update = (block: DataView) => {
        begin(1)(block);
        finish(1)(block);
      };
      const view = viewWith([...Array(step).fill(idle), update]);
      expect(words(readVersionedBlock(view, LENGTH))).toEqual([1, 1, 1, 1]);
      expect(view.copies).toBe(6);
    }
  });

  test('is not waited for when the update does not end', () => {
    const view = viewWith([begin(1)]);
    expect(readVersionedBlock(view, LENGTH)).toBeUndefined();
    expect(view.copies).toBe(100);
  });
});

describe.skipIf(process.versions.electron)('a block without versions', () => {
  const write = (n: number) => (block: DataView) => block.setUint32(0, n, true);
  const read = (view: ReturnType<typeof viewWith>) => readUnversionedBlock(view, LENGTH).readUInt32LE(0);

  test('is copied twice when nobody writes', () => {
    const view = viewWith([write(1)]);
    expect([read(view), view.copies]).toEqual([1, 2]);
  });

  test('is copied again until two copies are equal when it changes during the copies', () => {
    const view = viewWith([1, 2, 3].map(write));
    expect([read(view), view.copies]).toEqual([3, 4]);
  });

  test('is not waited for when it does not stop changing', () => {
    const view = viewWith(Array.from({ length: 20 }, (_, n) => write(n)));
    expect([read(view), view.copies]).toEqual([10, 11]);
  });
});
