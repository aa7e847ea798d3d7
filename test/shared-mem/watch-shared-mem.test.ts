import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { FileMapping, getSharedMem, setSharedMem, unloadSharedMem, watchSharedMem } from '../../dist/index.js';
import { programPath } from '../../dist/win32/native-library.js';
import { LANGUAGES, Peer } from '../peer.js';

afterEach(() => unloadSharedMem());

/** A watcher that is ended when the test is over. */
function watch(options: Parameters<typeof watchSharedMem>[0] = {}) {
  const texts = watchSharedMem({ interval: 1, ...options });
  onTestFinished(() => void texts.return());
  return texts;
}

/** In milliseconds, longer than any test. */
const NEVER = 2 ** 31 - 1;

/** A program that watches in 32 slots until it is killed. */
const WATCH_IN_32_SLOTS = `
  import { watchSharedMem } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
  const options = { interval: ${NEVER} };
  for (let i = 0; i < 32; i++) watchSharedMem(options).next();
  // It would end by itself when they have been woken.
  setInterval(() => {}, options.interval);
  // Each takes its slot in an immediate of its own, and those run in the order in which they were asked for.
  setImmediate(() => console.log('ready'));`;

/** How many slots are taken, as dll/shared_text_layout.h has them. */
function countWatchers(): number {
  using mapping = FileMapping.open('dllmemfilemap.state', { access: 'read' });
  using view = mapping.mapView({ access: 'read' });
  return view.snapshot(64, 64).filter((watching) => watching % 2 === 1).length;
}

const abortError = expect.objectContaining({ name: 'AbortError', code: 'ABORT_ERR' });
const NOT_FOUND = 'ERROR_FILE_NOT_FOUND';

describe('watchSharedMem', () => {
  test('begins with the text that is there', async () => {
    setSharedMem('there before');
    expect(await watch().next()).toEqual({ done: false, value: 'there before' });
  });

  test.each(LANGUAGES)('gives each text that a %s program writes, once, and the empty one too', async (language) => {
    const peer = await Peer.start(language, 'dll');
    const texts = watch();
    for (const text of ['first', 'Grüße, 世界 😀', 'first', '', 'last']) {
      const next = texts.next();
      await peer.set(text);
      expect(await next).toEqual({ done: false, value: text });
    }
  });

  test('gives what is written to the memory without the DLL, as by any build of the published sample', async () => {
    const texts = watch();
    const next = texts.next();
    using mapping = FileMapping.create('dllmemfilemap', 4096);
    using view = mapping.mapView();
    view.writeString('written past the DLL');
    expect((await next).value).toBe('written past the DLL');
  });

  test.each(LANGUAGES)('is woken by a %s program that writes, and does not look before', async (language) => {
    const peer = await Peer.start(language, 'dll');
    const texts = watch({ interval: NEVER });
    for (const text of ['first', '', 'x'.repeat(2047)]) {
      const next = texts.next();
      await peer.set(text);
      expect(await next).toEqual({ done: false, value: text });
    }
  });

  test('can be done in C++ as in next_text.cpp', async () => {
    setSharedMem('there before');
    const program = spawn(programPath('next_text'), { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void program.kill());
    const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    for (const text of ['there before', 'Grüße, 世界 😀', 'the end']) {
      setSharedMem(text);
      expect((await lines.next()).value).toBe(text);
    }
    expect((await lines.next()).done).toBe(true);
  });

  test('sees the last text, however fast they come', async () => {
    const peer = await Peer.start('C++', 'dll');
    const texts = watch({ interval: NEVER });
    const last = (async () => {
      for await (const text of texts) if (text === '999') return text;
      return undefined;
    })();
    for (let i = 0; i < 1000; i++) await peer.set(String(i));
    expect(await last).toBe('999');
  });

  test('looks at intervals where 64 others watch, and wakes again in the slot of one that was killed', async () => {
    const others = Array.from({ length: 32 }, () => watch({ interval: NEVER }));
    const waiting = others.map((texts) => texts.next());
    await expect.poll(countWatchers).toBe(32);
    const killed = await Peer.run(process.execPath, ['--input-type=module', '-e', WATCH_IN_32_SLOTS]);
    expect(countWatchers()).toBe(64);
    const late = watch({ interval: 1 });
    const next = late.next();
    setSharedMem('seen by all');
    expect((await next).value).toBe('seen by all');
    for (const each of waiting) expect((await each).value).toBe('seen by all');
    await killed.kill();
    const again = watch({ interval: NEVER });
    await again.next();
    const woken = again.next();
    setSharedMem('seen in its slot');
    expect((await woken).value).toBe('seen in its slot');
    await Promise.all([...others, late, again].map((texts) => texts.return()));
    expect(countWatchers()).toBe(31);
  });

  test('gives the last of the texts that were written since it looked, and no text twice', async () => {
    setSharedMem('first');
    const texts = watch();
    await texts.next();
    setSharedMem('second');
    setSharedMem('third');
    expect((await texts.next()).value).toBe('third');
    const next = texts.next();
    setSharedMem('third');
    setSharedMem('fourth');
    expect((await next).value).toBe('fourth');
  });

  test('holds the memory while it iterates, so that the text of a writer that has ended is still seen', async () => {
    const texts = watch();
    const next = texts.next();
    await expect.poll(() => FileMapping.open('dllmemfilemap').close(), { interval: 1 }).toBeUndefined();
    const peer = await Peer.start('C++', 'dll');
    await peer.set('from one that has ended');
    await peer.end();
    expect((await next).value).toBe('from one that has ended');
    await texts.return();
    expect(() => FileMapping.open('dllmemfilemap')).toThrow(NOT_FOUND);
  });

  test('does nothing before it is iterated', () => {
    watch();
    expect(() => FileMapping.open('dllmemfilemap')).toThrow(NOT_FOUND);
  });

  test('lets go of the memory after a break', async () => {
    setSharedMem('something');
    for await (const text of watch()) {
      expect(text).toBe('something');
      unloadSharedMem();
      expect(getSharedMem()).toBe('something');
      break;
    }
    unloadSharedMem();
    expect(() => FileMapping.open('dllmemfilemap')).toThrow(NOT_FOUND);
  });

  test('throws an AbortError when the signal is aborted, and lets go of the memory', async () => {
    const controller = new AbortController();
    const next = watch({ signal: controller.signal }).next();
    await expect.poll(() => FileMapping.open('dllmemfilemap').close(), { interval: 1 }).toBeUndefined();
    controller.abort('enough');
    await expect(next).rejects.toEqual(abortError);
    await expect(next).rejects.toHaveProperty('cause', 'enough');
    expect(() => FileMapping.open('dllmemfilemap')).toThrow(NOT_FOUND);
  });

  test('throws an AbortError at the first step if the signal is already aborted, and loads nothing', async () => {
    setSharedMem('there');
    unloadSharedMem();
    await expect(watch({ signal: AbortSignal.abort() }).next()).rejects.toEqual(abortError);
    expect(() => FileMapping.open('dllmemfilemap')).toThrow(NOT_FOUND);
  });

  test('throws an AbortError at the step after the one in whose body the signal was aborted', async () => {
    setSharedMem('one');
    const controller = new AbortController();
    const texts = watch({ signal: controller.signal });
    await texts.next();
    controller.abort();
    await expect(texts.next()).rejects.toEqual(abortError);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 31])('refuses an interval of %s with a RangeError', (interval) => {
    expect(() => watchSharedMem({ interval })).toThrow(RangeError);
  });

  test.each(['50', null, {}, 5n])('refuses the interval %s with a TypeError', (interval) => {
    expect(() => watchSharedMem({ interval: interval as number })).toThrow(TypeError);
  });

  test('refuses options that are no object with a TypeError', () => {
    expect(() => watchSharedMem(null as unknown as object)).toThrow(TypeError);
  });

  test.each([null, 'stop', {}])('refuses the signal %s with a TypeError', (signal) => {
    expect(() => watchSharedMem({ signal: signal as unknown as AbortSignal })).toThrow(TypeError);
  });
});
