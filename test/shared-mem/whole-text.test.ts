import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { FileMapping, getSharedMem, setSharedMem, unloadSharedMem } from '../../dist/index.js';
import { programPath } from '../../dist/win32/native-library.js';
import { occupyName } from '../occupied-name.js';
import { LANGUAGES, Peer } from '../peer.js';

const STATE = 'dllmemfilemap.state';

afterEach(() => unloadSharedMem());

/** A section that is there until the test ends. */
function makeSection(name: string, size: number): FileMapping {
  const mapping = FileMapping.create(name, size, { exclusive: true });
  onTestFinished(() => mapping.close());
  return mapping;
}

/** Changes a 64-bit word of the state. The first is at 8, those of lost writers are from 128 on. */
function writeWord(offset: number, value: bigint): void {
  using mapping = FileMapping.open(STATE);
  using view = mapping.mapView();
  view.writeBytes(new Uint8Array(BigUint64Array.of(value).buffer), offset);
}

function readWord(offset: number): bigint {
  using mapping = FileMapping.open(STATE, { access: 'read' });
  using view = mapping.mapView({ access: 'read' });
  return new BigUint64Array(view.snapshot(offset, 8).buffer)[0] as bigint;
}

describe.skipIf(!existsSync(programPath('stepped_writer')))(
  'Whatever instruction a writer has come to (on Linux alone, which can run one after the other)',
  () => {
    // A number of instructions that is not even comes to every one of a loop.
    test.each([
      ['killed', 'the text is whole', 21, 13],
      ['killed', 'the text is whole', 300, 13],
      ['stopped', 'the text is whole, and stays so when the writer goes on', 21, 13],
      ['stopped', 'the text is whole, and stays so when the writer goes on', 300, 13],
      ['astray', 'as it was killed after others took over, no mixture is read', 300, 3],
      ['overtaken', 'by two at once, no mixture is read', 300, 1],
    ])('when it is %s, %s, and others write (%i characters)', (deed, _, length, every) => {
      const { status, stdout } = spawnSync(programPath('stepped_writer'), [deed, String(length), String(every)], {
        encoding: 'utf8',
        timeout: 50_000,
      });
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d\d+\n$/) });
    });
  },
);

describe('The state beside the text', () => {
  test('has a section of its own, and that of the text has nothing but the text', () => {
    setSharedMem('x'.repeat(2047));
    setSharedMem('short');
    using mapping = FileMapping.open('dllmemfilemap', { access: 'read' });
    using view = mapping.mapView({ access: 'read' });
    expect(mapping.size).toBe(4096);
    expect(view.readString()).toBe('short');
    expect(view.readString(12)).toBe('x'.repeat(2041));
    using state = FileMapping.open(STATE, { access: 'read' });
    expect(state.size).toBe(36864);
  });

  test('goes with the last process that has the DLL loaded', async () => {
    const peer = await Peer.start('C++', 'dll');
    FileMapping.open(STATE).close();
    await peer.kill();
    expect(() => FileMapping.open(STATE)).toThrow('ERROR_FILE_NOT_FOUND');
  });

  test('of a text that is held by others begins anew, and that text stays', async () => {
    using _holder = makeSection('dllmemfilemap', 4096);
    const peer = await Peer.start('C++', 'dll');
    await peer.set('kept');
    await peer.kill();
    expect(getSharedMem()).toBe('kept');
  });

  test.each([
    ['is not there, as another program has its name', () => void makeSection(STATE, 4096)],
    ['is not there, as something else has its name', () => occupyName(STATE)],
    [
      'is not there, as another version has its name',
      () => {
        using view = makeSection(STATE, 65536).mapView();
        view.writeBytes(Uint8Array.of(2));
      },
    ],
  ])('%s: then the text is shared without it', async (_, occupy) => {
    occupy();
    const peers = await Promise.all(LANGUAGES.map((language) => Peer.start(language, 'dll')));
    for (const [i, peer] of peers.entries()) {
      await peer.set(`from ${i}`);
      for (const other of peers) expect(await other.get()).toBe(`from ${i}`);
    }
  });

  test.each([
    ['a writer that is writing', 1n],
    ['a writer that has come to the text', 2n],
    ['a writer that nobody knows', 3n],
    ['a writer with a name that nobody has', 1n | (77n << 10n)],
    ['all there is', 2n ** 64n - 1n],
  ])('may speak of %s: others write and read on', async (_, word) => {
    const peer = await Peer.start('C++', 'dll');
    for (let offset = 128; offset < 192; offset += 8) writeWord(offset, word);
    writeWord(8, word);
    await peer.get();
    await peer.set('after that');
    expect(await peer.get()).toBe('after that');
    expect(getSharedMem()).toBe('after that');
    expect(readWord(8) & 3n).toBe(0n);
  });

  test('tells a writer that was killed from one that was stopped, so that others are seen again', async () => {
    const peer = await Peer.start('C++', 'dll');
    await peer.set('before');
    // As if it had come to the text and been killed: its number is no longer anybody's.
    const word = readWord(8);
    writeWord(8, (word & ~(4095n << 10n)) | (4000n << 10n) | 2n);
    using mapping = FileMapping.open('dllmemfilemap');
    using view = mapping.mapView();
    view.writeString('half of ano');
    expect(await peer.get()).toBe('before');
    await expect.poll(() => peer.get().then(() => view.readString())).toBe('before');
    view.writeString('written without the DLL');
    expect(await peer.get()).toBe('written without the DLL');
  });
});

describe('A program with the DLL of the published sample', () => {
  test.each(LANGUAGES)('shares the text with a %s program with this one, in both directions', async (language) => {
    const [published, own] = await Promise.all([Peer.start('C++', 'published'), Peer.start(language, 'dll')]);
    for (const text of ['one way 😀', 'x'.repeat(2047), '', 'back']) {
      await published.set(text);
      expect(await own.get()).toBe(text);
      await own.set(`${text.slice(1)}!`);
      expect(await published.get()).toBe(`${text.slice(1)}!`);
    }
  });

  test('keeps the text of one that has ended, and finds the first of one that begins', async () => {
    const published = await Peer.start('C++', 'published');
    const first = await Peer.start('C++', 'dll');
    await first.set('kept');
    await first.kill();
    expect(await published.get()).toBe('kept');
    await published.set('in between');
    expect(getSharedMem()).toBe('in between');
  });
});
