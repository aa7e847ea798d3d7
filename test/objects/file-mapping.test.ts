import { constants } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { platform } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FileMapping, getSharedMem, type MappedView, setSharedMem, unloadSharedMem, Win32Error } from 'dllmemfilemap';
import koffi from 'koffi';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LANGUAGES, Peer } from '../peer.js';

const onWindows = platform === 'win32';
const onLinux = platform === 'linux';

const PAGE = 4096;
const GRANULARITY = 65_536;
const GIB = 2 ** 30;

/** How much shared memory there may be; elsewhere than on Linux, memory alone is the limit. */
const room =
  !onWindows && existsSync('/dev/shm') ? statfsSync('/dev/shm').bavail * statfsSync('/dev/shm').bsize : totalmem();

/** A name that nobody else has. */
const freeName = () => `Local\\${randomUUID()}`;

/** Disposes of it when the test is over. */
function kept<T extends Disposable>(disposable: T): T {
  onTestFinished(() => disposable[Symbol.dispose]());
  return disposable;
}

const created = (size = PAGE, name: string | null = freeName()) => kept(FileMapping.create(name, size));
const mapped = (size = PAGE) => kept(created(size).mapView());

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const fill = (view: MappedView, byte: number) => view.writeBytes(new Uint8Array(view.length).fill(byte));

/** Not in the project "copying" of vitest.config.ts. */
const hasLiveArrays = process.versions.electron === undefined;

/** What is not of the type that the declaration asks for. */
// biome-ignore lint/suspicious/noExplicitAny: it is the point
const wrong = (value: unknown) => value as any;

describe('FileMapping.create', () => {
  test.each([
    [10n, 'it is 10n'],
    ['10', "it is '10'"],
    [() => 10, 'it is a function'],
  ])('says what it was given for a size instead of a number', (size, message) => {
    expect(() => FileMapping.create('Local\\sizes', size as never)).toThrow(`size must be a number: ${message}`);
  });

  test('makes zeroed memory in whole pages', () => {
    const mapping = created(1);
    expect(mapping.created).toBe(true);
    expect(mapping.access).toBe('write');
    expect(mapping.size).toBe(PAGE);
    expect(kept(mapping.mapView()).snapshot()).toEqual(new Uint8Array(PAGE));
  });

  test('opens an object that exists, which keeps its contents and its size', () => {
    const first = created(3 * PAGE);
    kept(first.mapView()).writeString('here before');
    const second = created(PAGE, first.name);
    expect(second.created).toBe(false);
    expect(second.size).toBe(3 * PAGE);
    expect(kept(second.mapView()).readString()).toBe('here before');
  });

  test('with exclusive, refuses an object that exists and does not hold on to it', () => {
    const { name } = created();
    const error = thrownBy(() => FileMapping.create(name, PAGE, { exclusive: true }));
    expect(error).toMatchObject({
      code: 'ERROR_ALREADY_EXISTS',
      errno: 183,
      syscall: 'CreateFileMappingW',
      path: name,
      message: expect.stringContaining(name as string),
    });
  });

  test('with exclusive, leaves nothing behind that keeps the name', () => {
    const name = freeName();
    {
      using _first = FileMapping.create(name, PAGE);
      expect(() => FileMapping.create(name, PAGE, { exclusive: true })).toThrow(Win32Error);
    }
    expect(kept(FileMapping.create(name, PAGE, { exclusive: true })).created).toBe(true);
  });

  test.each([null, ''])('with the name %j, makes an object that no other call gets', (name) => {
    const first = kept(created(PAGE, name).mapView());
    const second = kept(created(PAGE, name).mapView());
    first.writeString('mine');
    expect(second.readString()).toBe('');
  });

  test('takes a name of 260 characters, and a longer one is a RangeError with the name and its length', () => {
    const longest = randomUUID().padEnd(260, 'x');
    expect(created(PAGE, longest).name).toBe(longest);
    const error = thrownBy(() => FileMapping.create(`${longest}y`, PAGE));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain(`${longest}y`);
    expect((error as Error).message).toContain('261');
  });

  test.each([undefined, 5, {}, Symbol('name'), ['name']])('refuses a name that is no string: %s', (name) => {
    expect(() => FileMapping.create(wrong(name), PAGE)).toThrow(TypeError);
    expect(() => FileMapping.open(wrong(name))).toThrow(TypeError);
  });

  test('refuses a name with U+0000 in it, as it would end there', () => {
    const name = freeName();
    expect(() => FileMapping.create(`${name}\0tail`, PAGE)).toThrow(TypeError);
    expect(() => FileMapping.open(`${name}\0tail`)).toThrow(TypeError);
    expect(() => FileMapping.open(name)).toThrow(/ERROR_FILE_NOT_FOUND/);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'refuses the size %d with a RangeError that holds it',
    (size) => {
      const name = freeName();
      const error = thrownBy(() => FileMapping.create(name, size));
      expect(error).toBeInstanceOf(RangeError);
      expect((error as Error).message).toContain(`size must be an integer from 1 to 9007199254740991: it is ${size}`);
      expect(() => FileMapping.open(name)).toThrow(/ERROR_FILE_NOT_FOUND/);
    },
  );

  test.each([undefined, null, '4096', 4096n, {}])('refuses a size that is no number: %s', (size) => {
    expect(() => FileMapping.create(freeName(), wrong(size))).toThrow(TypeError);
  });

  test.each([
    [{ exclusive: 1 }, 'exclusive must be a boolean: it is 1'],
    [{ exclusive: 'yes' }, "exclusive must be a boolean: it is 'yes'"],
    [{ security: 'nobody' }, "it is 'nobody'"],
    [{ security: 'toString' }, "it is 'toString'"],
    [{ security: null }, 'it is null'],
    [{ security: { sddl: 5 } }, 'it is an object'],
    [{ security: {} }, 'it is an object'],
  ])('refuses the options %j', (options, message) => {
    const name = freeName();
    const error = thrownBy(() => FileMapping.create(name, PAGE, wrong(options)));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(message);
    expect(() => FileMapping.open(name)).toThrow(/ERROR_FILE_NOT_FOUND/);
  });

  test('gives the system error for a security descriptor string that is none', () => {
    expect(thrownBy(() => FileMapping.create(freeName(), PAGE, { security: { sddl: 'no descriptor' } }))).toMatchObject(
      {
        name: 'Win32Error',
        syscall: 'ConvertStringSecurityDescriptorToSecurityDescriptorW',
        message: expect.stringContaining('no descriptor'),
      },
    );
  });

  test('of a size that no machine has is ERROR_NOT_ENOUGH_MEMORY, with name and size', () => {
    const name = freeName();
    const error = thrownBy(() => FileMapping.create(name, Number.MAX_SAFE_INTEGER));
    expect(error).toMatchObject({ code: 'ERROR_NOT_ENOUGH_MEMORY', errno: 8, path: name });
    expect((error as Error).message).toContain(`'${name}' (9007199254740991 bytes)`);
  });
});

describe('FileMapping.open', () => {
  test('opens for writing unless it is asked for reading', () => {
    const { name } = created();
    const writer = kept(FileMapping.open(name as string));
    const reader = kept(FileMapping.open(name as string, { access: 'read' }));
    expect([writer.access, writer.created, reader.access, reader.created]).toEqual(['write', false, 'read', false]);
    kept(writer.mapView()).writeString('written');
    expect(kept(reader.mapView()).readString()).toBe('written');
  });

  test('of a name that no living process has is ERROR_FILE_NOT_FOUND', () => {
    const name = freeName();
    const error = thrownBy(() => FileMapping.open(name));
    expect(error).toBeInstanceOf(Win32Error);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'Win32Error',
      code: 'ERROR_FILE_NOT_FOUND',
      errno: 2,
      syscall: 'OpenFileMappingW',
      path: name,
      message: expect.stringContaining(`OpenFileMappingW '${name}'. Start the program that creates it`),
    });
    // Where the system's text is this project's own, it has nothing to add.
    expect((error as Error).message.includes('The system says: ')).toBe(process.platform === 'win32');
  });

  test.each([
    ['', 'the name is empty'],
    ['Local', 'a prefix without a name'],
    ['a\\b', 'a backslash may only stand after Local or Global'],
    ['Global\\a\\b', 'a backslash may only stand after Local or Global'],
    ['\\a', 'the name begins with a backslash'],
    ['Local\\', 'there is nothing after the prefix'],
  ])('says what is wrong with the name %j', (name, message) => {
    expect(() => FileMapping.open(name)).toThrow(message);
  });

  test('of the empty name is ERROR_INVALID_HANDLE', () => {
    expect(thrownBy(() => FileMapping.open(''))).toMatchObject({ code: 'ERROR_INVALID_HANDLE', errno: 6 });
  });

  test('of a name of more than 260 characters is a RangeError', () => {
    expect(() => FileMapping.open('x'.repeat(261))).toThrow(RangeError);
  });

  test.each(['copy', 'all', 1])('refuses the access %j', (access) => {
    const { name } = created();
    const error = thrownBy(() => FileMapping.open(name as string, { access: wrong(access) }).close());
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(`access must be one of 'read', 'write'`);
  });
});

describe('mapping.mapView', () => {
  test('maps the whole object, or all from an offset on, or a part in whole pages', () => {
    const mapping = created(3 * GRANULARITY);
    const whole = kept(mapping.mapView());
    const rest = kept(mapping.mapView({ offset: GRANULARITY }));
    const part = kept(mapping.mapView({ offset: 2 * GRANULARITY, length: 5000 }));
    expect([whole.length, rest.length, part.length]).toEqual([3 * GRANULARITY, 2 * GRANULARITY, 2 * PAGE]);
    part.writeString('at the end');
    expect(whole.readString(2 * GRANULARITY)).toBe('at the end');
    expect(rest.readString(GRANULARITY)).toBe('at the end');
  });

  test.each([
    [{ offset: 1 }, 'ERROR_MAPPED_ALIGNMENT', 1132, 'offset 1,'],
    [{ offset: PAGE }, 'ERROR_MAPPED_ALIGNMENT', 1132, 'offset 4096,'],
    [{ offset: 2 * GRANULARITY }, 'ERROR_INVALID_PARAMETER', 87, 'offset 131072,'],
    [{ offset: 2 ** 52 }, 'ERROR_INVALID_PARAMETER', 87, 'offset 4503599627370496,'],
    [{ length: 2 * GRANULARITY + 1 }, 'ERROR_ACCESS_DENIED', 5, 'length 131073,'],
    [{ length: 2 ** 52 }, 'ERROR_ACCESS_DENIED', 5, 'length 4503599627370496,'],
    [{ offset: GRANULARITY, length: GRANULARITY + 1 }, 'ERROR_ACCESS_DENIED', 5, 'offset 65536, length 65537,'],
  ])('of %j, in an object of 128 KiB, is %s', (options, code, errno, details) => {
    const mapping = created(2 * GRANULARITY);
    const error = thrownBy(() => mapping.mapView(options));
    expect(error).toMatchObject({ code, errno, syscall: 'MapViewOfFile', path: mapping.name });
    expect((error as Error).message).toContain(`'${mapping.name}' (`);
    expect((error as Error).message).toContain(details);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'refuses %d as offset or length with a RangeError that holds it',
    (value) => {
      const mapping = created();
      expect(() => mapping.mapView({ offset: value })).toThrow(new RegExp(`^offset must be .*: it is ${value}$`));
      expect(() => mapping.mapView({ length: value })).toThrow(new RegExp(`^length must be .*: it is ${value}$`));
      expect(() => mapping.mapView({ offset: value })).toThrow(RangeError);
      expect(() => mapping.mapView({ length: value })).toThrow(RangeError);
    },
  );

  test.each([null, '0', 0n, {}])('refuses what is no number as offset or length: %s', (value) => {
    const mapping = created();
    expect(() => mapping.mapView({ offset: wrong(value) })).toThrow(TypeError);
    expect(() => mapping.mapView({ length: wrong(value) })).toThrow(TypeError);
  });

  test('refuses an access that there is not', () => {
    expect(() => created().mapView({ access: wrong('execute') })).toThrow(
      new TypeError(`access must be one of 'read', 'write', 'copy': it is 'execute'`),
    );
  });

  test('for writing, of a mapping that was opened for reading, is ERROR_ACCESS_DENIED', () => {
    const mapping = kept(FileMapping.open(created().name as string, { access: 'read' }));
    const error = thrownBy(() => mapping.mapView({ access: 'write' }));
    expect(error).toMatchObject({ code: 'ERROR_ACCESS_DENIED', errno: 5, path: mapping.name });
    expect((error as Error).message).toContain('access write');
  });

  test('of a closed mapping says which mapping is closed', () => {
    const mapping = created();
    mapping.close();
    for (const use of [() => mapping.mapView(), () => mapping.size]) {
      expect(thrownBy(use)).toMatchObject({
        code: 'ERR_USE_AFTER_CLOSE',
        message: expect.stringContaining(mapping.name as string),
      });
    }
  });

  test.skipIf(room < 5 * GIB)('reaches what lies above 4 GiB (not run without 5 GiB of shared memory)', () => {
    const mapping = created(4 * GIB + GRANULARITY);
    using tail = mapping.mapView({ offset: 4 * GIB });
    expect(tail.length).toBe(GRANULARITY);
    tail.writeBytes(Uint8Array.of(42), GRANULARITY - 1);
    tail.writeString('far away');
    using again = kept(FileMapping.open(mapping.name as string, { access: 'read' })).mapView({ offset: 4 * GIB });
    expect(again.snapshot(GRANULARITY - 1)).toEqual(Uint8Array.of(42));
    expect(again.readString()).toBe('far away');
    // Not an offset whose upper half was lost.
    using start = mapping.mapView({ length: GRANULARITY });
    expect(start.readString()).toBe('');
    expect(mapping.size).toBe(4 * GIB + GRANULARITY);
    expect(thrownBy(() => mapping.mapView({ offset: 4 * GIB + GRANULARITY }))).toMatchObject({ errno: 87 });
  });
});

describe('access', () => {
  test('a view for reading has no live array and cannot be written', () => {
    const mapping = created();
    const writer = kept(mapping.mapView());
    const reader = kept(mapping.mapView({ access: 'read' }));
    expect(() => reader.bytes).toThrow(TypeError);
    expect(() => reader.bytes).toThrow(/snapshot\(\)/);
    expect(() => reader.writeString('no')).toThrow(TypeError);
    expect(writer.readString()).toBe('');
    writer.writeString('yes');
    expect(reader.readString()).toBe('yes');
  });

  test('a copy-on-write view reads the memory and keeps to itself what is written to it', () => {
    const mapping = created();
    const shared = kept(mapping.mapView());
    const mine = kept(mapping.mapView({ access: 'copy' }));
    const yours = kept(mapping.mapView({ access: 'copy' }));
    shared.writeString('for all');
    expect([mine.readString(), yours.readString()]).toEqual(['for all', 'for all']);
    mine.writeString('mine');
    mine.writeBytes(Uint8Array.of(1), 100);
    expect([shared.readString(), yours.readString()]).toEqual(['for all', 'for all']);
    expect(shared.snapshot(100, 1)).toEqual(Uint8Array.of(0));
    expect(mine.readString()).toBe('mine');
  });

  test('a copy-on-write view may be had of a mapping that was opened for reading', () => {
    const mapping = created();
    const reading = kept(FileMapping.open(mapping.name as string, { access: 'read' }));
    const copy = kept(reading.mapView({ access: 'copy' }));
    fill(copy, 7);
    expect(kept(mapping.mapView()).snapshot()).toEqual(new Uint8Array(PAGE));
  });

  test('nothing that a caller assigns turns a view into another one', () => {
    const view = kept(created().mapView({ access: 'read' })) as { -readonly [K in keyof MappedView]: MappedView[K] };
    expect(() => {
      view.access = 'write';
    }).toThrow(TypeError);
    expect(() => {
      view.length = 1000 * PAGE;
    }).toThrow(TypeError);
    expect(view.snapshot()).toHaveLength(PAGE);
    expect(() => view.bytes).toThrow(TypeError);
  });

  test('views come from mapView alone', () => {
    const MappedView = mapped().constructor as new (address: bigint, length: number, access: string) => MappedView;
    expect(() => new MappedView(65_536n, PAGE, 'write')).toThrow(TypeError);
  });
});

describe.skipIf(!hasLiveArrays)('view.bytes', () => {
  test.each(LANGUAGES)('is the memory itself, seen and written by a %s process', async (language) => {
    const mapping = created(2 * PAGE);
    const { bytes } = kept(mapping.mapView());
    const peer = await Peer.start(language, 'mapping');
    expect(await peer.open(mapping.name as string)).toBe('ok');
    bytes[0] = 200;
    bytes[2 * PAGE - 1] = 100;
    expect([await peer.ask('read 0'), await peer.ask(`read ${2 * PAGE - 1}`)]).toEqual(['ok 200', 'ok 100']);
    await peer.ask('write 1 17');
    expect(bytes[1]).toBe(17);
  });

  test.each(LANGUAGES)('is the true size of what a %s process created', async (language) => {
    const name = freeName();
    const peer = await Peer.start(language, 'mapping');
    expect(await peer.create(name, 5000)).toBe('ok created');
    await peer.ask('write 4999 9');
    const mapping = kept(FileMapping.open(name));
    const view = kept(mapping.mapView());
    expect([mapping.size, view.length, view.bytes.length]).toEqual([2 * PAGE, 2 * PAGE, 2 * PAGE]);
    expect(view.bytes[4999]).toBe(9);
  });

  test('is one ordinary Uint8Array over all of its buffer', () => {
    const view = mapped();
    expect(Object.getPrototypeOf(view.bytes)).toBe(Uint8Array.prototype);
    expect(view.bytes).toBe(view.bytes);
    expect(view.bytes.byteOffset).toBe(0);
    expect(view.bytes.buffer).toBeInstanceOf(ArrayBuffer);
    expect(view.bytes.buffer.byteLength).toBe(view.length);
  });

  test('lends its buffer to DataView, typed arrays and Atomics', () => {
    const mapping = created();
    const { buffer } = kept(mapping.mapView()).bytes;
    const other = kept(mapping.mapView()).bytes;
    new DataView(buffer).setFloat64(8, Math.PI, /*littleEndian=*/ true);
    const counters = new Int32Array(buffer, 0, 2);
    expect(Atomics.add(counters, 0, 5)).toBe(0);
    expect(Atomics.compareExchange(counters, 0, 5, 258)).toBe(5);
    expect(Buffer.from(other.buffer).readDoubleLE(8)).toBe(Math.PI);
    expect([...other.subarray(0, 4)]).toEqual([2, 1, 0, 0]);
  });

  test.skipIf(room < 5 * GIB)(
    'is the whole view, or a RangeError if that is beyond an array (not run without 5 GiB of shared memory)',
    () => {
      const mapping = created(4 * GIB + GRANULARITY);
      const view = kept(mapping.mapView());
      expect(view.length).toBe(4 * GIB + GRANULARITY);
      if (view.length <= constants.MAX_LENGTH) {
        expect(view.bytes.length).toBe(view.length);
        return;
      }
      expect(() => view.bytes).toThrow(RangeError);
      expect(() => view.bytes).toThrow(`${view.length}`);
      expect(() => view.snapshot(0, 1)).toThrow(RangeError);
    },
  );
});

describe.skipIf(hasLiveArrays)('Without arrays over outside memory', () => {
  test('view.bytes says why there are none, and what to use', () => {
    expect(thrownBy(() => mapped().bytes)).toMatchObject({
      code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM',
      message: expect.stringMatching(/Electron.*snapshot.*writeBytes/),
    });
  });

  test('view.readString finds the end of a text of any length', () => {
    const view = mapped(2 * GRANULARITY);
    for (const length of [0, 1, 127, 128, 255, 256, 257, 4095, 4096, 4097, GRANULARITY - 1]) {
      fill(view, 0x41);
      view.writeString('x'.repeat(length));
      expect(view.readString()).toBe('x'.repeat(length));
    }
  });

  test.each([
    [['dump', 'dllmemfilemap'], /This is a test string|T\.h\.i\.s/],
    [['get'], /This is a test string/],
    [['doctor'], /copies/],
  ])('the command %s works', (args, expected) => {
    onTestFinished(unloadSharedMem);
    setSharedMem('This is a test string');
    const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
    expect(runNode([cli, ...args])).toEqual({
      status: 0,
      signal: null,
      stderr: '',
      stdout: expect.stringMatching(expected),
    });
  });
});

describe('view.writeBytes', () => {
  test('copies the bytes to their place and nothing else', () => {
    const view = mapped();
    const bytes = Uint8Array.of(1, 2, 3);
    view.writeBytes(bytes, PAGE - 3);
    bytes.fill(9);
    expect(view.snapshot(PAGE - 4)).toEqual(Uint8Array.of(0, 1, 2, 3));
    view.writeBytes(new Uint8Array(0), PAGE);
    view.writeBytes(Buffer.from('xyz').subarray(1));
    expect(view.snapshot(0, 3)).toEqual(Uint8Array.of(0x79, 0x7a, 0));
  });

  test.each([PAGE - 1, PAGE + 1, -1, 0.5, Number.NaN])(
    'writes nothing at offset %d, which is out of range',
    (offset) => {
      const view = mapped();
      expect(() => view.writeBytes(Uint8Array.of(1, 2), offset)).toThrow(RangeError);
      expect(view.snapshot()).toEqual(new Uint8Array(PAGE));
    },
  );

  test.each([undefined, null, 'text', [1], new Uint16Array(1), new ArrayBuffer(1)])('refuses %s', (bytes) => {
    expect(() => mapped().writeBytes(wrong(bytes))).toThrow(TypeError);
  });

  test('refuses a view that may only be read, and a closed one', () => {
    const view = mapped();
    const reader = kept(created().mapView({ access: 'read' }));
    expect(() => reader.writeBytes(Uint8Array.of(1))).toThrow(TypeError);
    view.close();
    expect(thrownBy(() => view.writeBytes(Uint8Array.of(1)))).toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
  });
});

describe('view.snapshot', () => {
  test('copies what is there at the moment', () => {
    const view = mapped();
    view.writeBytes(Uint8Array.of(1, 2, 3, 4), 10);
    const copy = view.snapshot(10, 4);
    fill(view, 0);
    expect(copy).toEqual(Uint8Array.of(1, 2, 3, 4));
    copy.fill(9);
    expect(view.snapshot(10, 4)).toEqual(new Uint8Array(4));
    expect(copy.buffer.byteLength).toBe(4);
  });

  test('reaches from the offset to the end of the view, which it may be', () => {
    const view = mapped();
    expect(view.snapshot()).toHaveLength(PAGE);
    expect(view.snapshot(1)).toHaveLength(PAGE - 1);
    expect(view.snapshot(PAGE)).toHaveLength(0);
    expect(view.snapshot(0, 0)).toHaveLength(0);
  });

  test.each([
    [PAGE + 1, undefined],
    [-1, undefined],
    [0.5, 1],
    [Number.NaN, undefined],
    [0, PAGE + 1],
    [1, PAGE],
    [PAGE, 1],
    [0, -1],
    [0, Number.POSITIVE_INFINITY],
  ])('refuses offset %d and length %s of 4096 bytes', (offset, length) => {
    const view = mapped();
    expect(() => view.snapshot(offset, length)).toThrow(RangeError);
  });

  test.each(['0', null, 0n, {}])('refuses what is no number: %s', (value) => {
    const view = mapped();
    expect(() => view.snapshot(wrong(value))).toThrow(TypeError);
    expect(() => view.snapshot(0, wrong(value))).toThrow(TypeError);
  });
});

describe('view.writeString and view.readString', () => {
  test('say where a text does not fit, and how much would', () => {
    const view = mapped();
    const message = `text must have at most 1 character at offset ${view.length - 4} of a view of ${view.length} bytes: it has 2`;
    expect(() => view.writeString('ab', view.length - 4)).toThrow(message);
  });

  test('hand on every UTF-16 code unit but U+0000, in a view that this just fills', () => {
    const text = String.fromCharCode(...Array.from({ length: 0x7fff }, (_, i) => i + 1)).concat(
      String.fromCharCode(...Array.from({ length: 0x8000 }, (_, i) => i + 0x8000)),
    );
    expect(text).toHaveLength(0xffff);
    const view = mapped(2 * 0x10000);
    view.writeString(text);
    expect(view.length).toBe(2 * 0x10000);
    expect(view.readString() === text).toBe(true);
  });

  test.each([0, 1, 2, 7, PAGE - 9])('work at offset %d', (offset) => {
    const view = mapped();
    fill(view, 0xff);
    view.writeString('añ€', offset);
    expect(view.readString(offset)).toBe('añ€');
    const before = new Uint8Array(offset).fill(0xff);
    const after = new Uint8Array(PAGE - offset - 8).fill(0xff);
    expect(view.snapshot()).toEqual(Uint8Array.of(...before, 0x61, 0, 0xf1, 0, 0xac, 0x20, 0, 0, ...after));
  });

  test('write the terminator, so that nothing of a longer text remains', () => {
    const view = mapped();
    view.writeString('a longer text');
    view.writeString('short');
    expect(view.readString()).toBe('short');
    view.writeString('');
    expect(view.readString()).toBe('');
  });

  test.each([0, 1])('write nothing of a text that does not fit at offset %d', (offset) => {
    const view = mapped();
    fill(view, 0x2a);
    const room = Math.floor((PAGE - offset) / 2) - 1;
    const error = thrownBy(() => view.writeString('x'.repeat(room + 1), offset));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain(
      `at most ${room} characters at offset ${offset} of a view of ${PAGE} bytes: it has ${room + 1}`,
    );
    expect(view.snapshot()).toEqual(new Uint8Array(PAGE).fill(0x2a));
    view.writeString('x'.repeat(room), offset);
    expect(view.readString(offset)).toBe('x'.repeat(room));
  });

  test('write nothing where there is no room for a terminator', () => {
    const view = mapped();
    fill(view, 0x2a);
    expect(() => view.writeString('', PAGE)).toThrow(RangeError);
    expect(() => view.writeString('', PAGE - 1)).toThrow(RangeError);
    expect(view.snapshot()).toEqual(new Uint8Array(PAGE).fill(0x2a));
    view.writeString('', PAGE - 2);
    expect(view.snapshot(PAGE - 3)).toEqual(Uint8Array.of(0x2a, 0, 0));
  });

  test.each([undefined, null, 5, {}, 'a\0b'])('write nothing of what is no text: %j', (text) => {
    const view = mapped();
    fill(view, 0x2a);
    expect(() => view.writeString(wrong(text))).toThrow(TypeError);
    expect(view.snapshot()).toEqual(new Uint8Array(PAGE).fill(0x2a));
  });

  test('stop at the end of a view without a terminator', () => {
    const view = mapped();
    fill(view, 0x41);
    expect(view.readString()).toBe('䅁'.repeat(PAGE / 2));
    expect(view.readString(1)).toBe('䅁'.repeat(PAGE / 2 - 1));
    expect(view.readString(PAGE - 2)).toBe('䅁');
    expect(view.readString(PAGE - 1)).toBe('');
    expect(view.readString(PAGE)).toBe('');
  });

  test.each([0, 1])('read at most as many characters as they are asked for, at offset %d', (offset) => {
    const view = mapped();
    view.writeString('abcdef', offset);
    expect([0, 1, 5, 6, 7].map((maxChars) => view.readString(offset, maxChars))).toEqual([
      ...['', 'a', 'abcde', 'abcdef', 'abcdef'],
    ]);
  });

  test.each([2, 1])('end a text at the first U+0000, whoever writes meanwhile, at offset %d', async (offset) => {
    const mapping = created(2 * PAGE);
    const view = kept(mapping.mapView());
    const writer = new Worker(new URL('../fixture/writing-thread.mjs', import.meta.url), {
      workerData: { name: mapping.name, offset },
    });
    const ended = once(writer, 'exit');
    await once(writer, 'message');
    let wrong = 0;
    for (let i = 0; i < 100_000; i++) if (view.readString(offset).includes('\0')) wrong++;
    view.writeBytes(Uint8Array.of(1));
    expect(await ended).toEqual([0]);
    expect(wrong).toBe(0);
  });

  test.each([-1, PAGE + 1, 0.5, Number.NaN])('refuse the offset %d', (offset) => {
    const view = mapped();
    expect(() => view.readString(offset)).toThrow(RangeError);
    expect(() => view.writeString('text', offset)).toThrow(RangeError);
    expect(view.snapshot()).toEqual(new Uint8Array(PAGE));
  });

  test('refuse offsets and numbers of characters that are none', () => {
    const view = mapped();
    expect(() => view.readString(wrong('0'))).toThrow(TypeError);
    expect(() => view.readString(0, wrong('1'))).toThrow(TypeError);
    expect(() => view.readString(0, -1)).toThrow(RangeError);
    expect(() => view.writeString('text', wrong('0'))).toThrow(TypeError);
  });

  test.each(LANGUAGES)('are what a %s process sees', async (language) => {
    const mapping = created();
    const view = kept(mapping.mapView());
    const peer = await Peer.start(language, 'mapping');
    await peer.open(mapping.name as string);
    view.writeString('é!');
    const bytes = await [0, 1, 2, 3, 4, 5].reduce<Promise<string[]>>(
      async (answers, offset) => [...(await answers), await peer.ask(`read ${offset}`)],
      Promise.resolve([]),
    );
    expect(bytes).toEqual(['ok 233', 'ok 0', 'ok 33', 'ok 0', 'ok 0', 'ok 0']);
    await peer.ask('write 2 63');
    expect(view.readString()).toBe('é?');
  });
});

describe('close', () => {
  test('of a mapping leaves its views as they are', () => {
    const mapping = created();
    const view = kept(mapping.mapView());
    mapping.close();
    view.writeString('still here');
    expect(view.readString()).toBe('still here');
    expect(view.snapshot(0, 1)).toEqual(Uint8Array.of('s'.charCodeAt(0)));
  });

  test('of a mapping frees the name, of a view does not', () => {
    const mapping = created();
    mapping.mapView().close();
    kept(FileMapping.open(mapping.name as string)).close();
    mapping.close();
    expect(() => FileMapping.open(mapping.name as string)).toThrow(/ERROR_FILE_NOT_FOUND/);
  });

  test.skipIf(!hasLiveArrays)('ends a view: there are no bytes, and every method says that it is closed', () => {
    const view = mapped();
    const { bytes } = view;
    bytes[0] = 7;
    view.close();
    expect(view.bytes).toHaveLength(0);
    for (const use of [() => view.snapshot(), () => view.readString(), () => view.writeString('text')]) {
      expect(thrownBy(use)).toMatchObject({ code: 'ERR_USE_AFTER_CLOSE', message: 'The view is closed' });
    }
    expect([bytes.length, bytes[0]]).toEqual([0, undefined]);
  });

  test('again does nothing, to a mapping and to a view', () => {
    const mapping = created();
    const view = mapping.mapView();
    const another = created();
    for (let i = 0; i < 3; i++) {
      view.close();
      view[Symbol.dispose]();
      mapping.close();
      mapping[Symbol.dispose]();
    }
    expect(kept(another.mapView()).readString()).toBe('');
  });

  test('comes with the end of the block that uses them', () => {
    const name = freeName();
    let outer: MappedView;
    {
      using mapping = FileMapping.create(name, PAGE);
      using view = mapping.mapView();
      outer = view;
      view.writeString('inside');
    }
    expect(() => outer.readString()).toThrow(/closed/);
    expect(() => FileMapping.open(name)).toThrow(/ERROR_FILE_NOT_FOUND/);
  });

  test.skipIf(!onLinux || !hasLiveArrays).each(['', 'await null;'])(
    'of views whose arrays were taken leaves a bounded address space to them, in a loop that ends no turn (%s)',
    (pause) => {
      const script = `
        import { readFileSync } from 'node:fs';
        import { FileMapping } from 'dllmemfilemap';
        const addressSpace = () => /VmSize:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1] / 1024;
        const mapping = FileMapping.create(null, 65536);
        const before = addressSpace();
        for (let i = 0; i < 16000; i++) {
          const view = mapping.mapView();
          view.bytes[0] = 1;
          view.close();
          ${pause}
        }
        const added = addressSpace() - before;
        console.log(added < 500 ? 'bounded' : added + ' MiB');`;
      expect(runNode(['--input-type=module', '--eval', script])).toEqual({
        status: 0,
        signal: null,
        stderr: '',
        stdout: 'bounded\n',
      });
    },
  );

  test.skipIf(!onLinux || !hasLiveArrays)(
    'of a view whose array was taken leaves its address space to the next one, where there is no other',
    () => {
      const script = `
        import { execFileSync } from 'node:child_process';
        import { readFileSync } from 'node:fs';
        import { FileMapping } from 'dllmemfilemap';
        const MEBIBYTE = 2 ** 20;
        const mapping = FileMapping.create(null, 32 * MEBIBYTE);
        function touch(length) {
          const view = mapping.mapView({ length });
          view.bytes[0] = 1;
          view.close();
        }
        touch(4096);
        const addressSpace = /VmSize:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1] * 1024;
        execFileSync('prlimit', ['--pid', process.pid, '--as=' + (addressSpace + 22 * MEBIBYTE)]);
        for (let i = 0; i < 10; i++) touch((12 + (i % 4)) * MEBIBYTE);
        console.log('mapped');`;
      expect(runNode(['--input-type=module', '--eval', script])).toEqual({
        status: 0,
        signal: null,
        stderr: '',
        stdout: 'mapped\n',
      });
    },
  );

  test('is never the garbage collector: what nobody refers to any more stays open', () => {
    const script = `
      import { FileMapping } from 'dllmemfilemap';
      FileMapping.create(process.argv[1], 4096).mapView().writeString('unreferenced');
      for (let i = 0; i < 10; i++) {
        globalThis.gc();
        await new Promise(setImmediate);
      }
      console.log(FileMapping.open(process.argv[1]).mapView().readString());`;
    expect(runNode(['--expose-gc', '--input-type=module', '--eval', script, freeName()])).toEqual({
      status: 0,
      signal: null,
      stderr: '',
      stdout: 'unreferenced\n',
    });
  });
});

describe('JavaScript', () => {
  test.skipIf(!hasLiveArrays)(
    'does not end the process, nor see the memory of another object, whatever it calls',
    () => {
      const script = fileURLToPath(new URL('../fixture/every-sequence.mjs', import.meta.url));
      expect(runNode(['--expose-gc', script])).toEqual({
        status: 0,
        signal: null,
        stderr: '',
        stdout: 'survived\n',
      });
    },
  );

  test.skipIf(!hasLiveArrays)('closes views in several threads at the same moment', () => {
    const script = fileURLToPath(new URL('../fixture/first-close.mjs', import.meta.url));
    expect(runNode([script])).toEqual({ status: 0, signal: null, stderr: '', stdout: 'closed\n' });
  });

  test('does not end the process with a thread that is terminated in the middle of a call', () => {
    const script = fileURLToPath(new URL('../fixture/ended-threads.mjs', import.meta.url));
    expect(runNode([script])).toEqual({ status: 0, signal: null, stderr: '', stdout: 'survived\n' });
  });
});

test("setSharedMem and FileMapping.open('dllmemfilemap') see the same bytes", () => {
  onTestFinished(unloadSharedMem);
  setSharedMem('through the DLL');
  const view = kept(kept(FileMapping.open('dllmemfilemap')).mapView());
  expect(view.length).toBe(4096);
  expect(view.readString()).toBe('through the DLL');
  view.writeString('through a view');
  expect(getSharedMem()).toBe('through a view');
});

describe.skipIf(!onWindows)('A name taken by a mutex (on Windows alone, as nothing else makes one here)', () => {
  test('is ERROR_INVALID_HANDLE with the name', () => {
    const kernel32 = koffi.load('kernel32.dll');
    const createMutex = kernel32.func(
      'void *__stdcall CreateMutexW(void *attributes, int owner, const char16_t *name)',
    );
    const closeHandle = kernel32.func('int __stdcall CloseHandle(void *handle)');
    const name = freeName();
    const mutex = createMutex(null, 0, name);
    expect(mutex).not.toBeNull();
    onTestFinished(() => closeHandle(mutex));
    for (const call of [() => FileMapping.create(name, PAGE), () => FileMapping.open(name)]) {
      const error = thrownBy(call);
      expect(error).toMatchObject({ code: 'ERROR_INVALID_HANDLE', errno: 6, path: name });
      expect((error as Error).message).toContain(name);
    }
  });
});

test.skipIf(!onWindows)(
  'Memory that is only reserved is ERROR_INVALID_ADDRESS (on Windows alone, which has it)',
  () => {
    const [PAGE_READWRITE, SEC_RESERVE] = [0x04, 0x0400_0000];
    const kernel32 = koffi.load('kernel32.dll');
    const parameters = 'intptr_t file, void *attributes, uint32_t protect, uint32_t high, uint32_t low';
    const createFileMapping = kernel32.func(`void *__stdcall CreateFileMappingW(${parameters}, const char16_t *name)`);
    const name = freeName();
    const handle = createFileMapping(-1, null, PAGE_READWRITE | SEC_RESERVE, 0, PAGE, name);
    expect(handle).not.toBeNull();
    onTestFinished(() => kernel32.func('int __stdcall CloseHandle(void *handle)')(handle));
    const mapping = kept(FileMapping.open(name));
    expect(thrownBy(() => mapping.mapView())).toMatchObject({ code: 'ERROR_INVALID_ADDRESS', path: name });
  },
);

function runNode(args: readonly string[]) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    timeout: 50_000,
  });
  return { status, signal, stdout: stdout.replaceAll('\r\n', '\n'), stderr };
}
