import { NamedEvent } from 'dllmemfilemap';
import { describe, expect, test } from 'vitest';
import { hexFromText, LANGUAGES, Peer } from '../peer.js';
import { ABORTED, freeName, kept, TIMED_OUT, wrong } from './kept.js';

const created = (options: Parameters<typeof NamedEvent.create>[1] = {}, name: string | null = freeName()) =>
  kept(NamedEvent.create(name, options));

/** Whether a promise is still pending after those that are settled have said so. */
const isPending = async (promise: Promise<unknown>) =>
  (await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, isPending))])) === isPending;

describe('An event', () => {
  test('ends one wait each time that it is set, in order, and keeps a signal for which nobody waits', async () => {
    const event = created();
    const order: number[] = [];
    const waits = [0, 1, 2].map((i) => event.wait().then(() => order.push(i)));
    for (const [i, wait] of waits.entries()) {
      event.set();
      await wait;
      expect(order.length).toBe(i + 1);
    }
    expect(order).toEqual([0, 1, 2]);
    event.set();
    event.set();
    expect([event.tryWait(), event.tryWait()]).toEqual([true, false]);
  });

  test('with manualReset, ends all waits until it is reset', async () => {
    const event = created({ manualReset: true });
    const same = kept(NamedEvent.open(event.name as string));
    const waits = [event.wait(), same.wait(), event.wait()];
    event.set();
    await Promise.all(waits);
    await same.wait();
    event.waitSync();
    expect(same.tryWait()).toBe(true);
    same.reset();
    expect(event.tryWait()).toBe(false);
    expect(() => event.waitSync({ timeout: 1 })).toThrow(expect.objectContaining(TIMED_OUT));
  });

  test('with manualReset, ends all waits that sleep when it is set and reset at once', async () => {
    const event = created({ manualReset: true });
    const waits = Promise.all([event.wait(), event.wait(), event.wait()]);
    // Until a wait begins to sleep, it may miss that.
    for (let all = false; !all; all = !(await isPending(waits))) {
      event.set();
      event.reset();
    }
    await waits;
  });

  test('begins as initial says, and an existing one keeps its kind and its state', () => {
    const event = created({ initial: true });
    const same = created({ manualReset: true, initial: false }, event.name);
    expect([same.tryWait(), same.tryWait()]).toEqual([true, false]);
    created({ initial: true }, event.name);
    expect(event.tryWait()).toBe(false);
  });

  test.each(LANGUAGES)('is set by a %s program, and sets it', async (language) => {
    const event = created();
    const peer = await Peer.start(language, 'waiting');
    expect(await peer.ask(`event ${hexFromText(event.name as string)} auto`)).toBe('ok');
    for (let i = 0; i < 20; i++) {
      const waiting = event.wait();
      expect(await peer.ask('signal')).toBe('ok');
      await waiting;
    }
    const theirs = peer.ask('wait 60000');
    event.set();
    expect(await theirs).toBe('ok');
    expect(event.tryWait()).toBe(false);
  });

  test.each(['manualReset', 'initial'])('refuses %s that is no boolean', (option) => {
    expect(() => created(wrong({ [option]: 1 }))).toThrow(TypeError);
  });

  test('is not waited for with a timeout of 0', async () => {
    const event = created();
    await expect(event.wait({ timeout: 0 })).rejects.toMatchObject({ ...TIMED_OUT, path: event.name });
    event.set();
    await event.wait({ timeout: 0 });
  });

  test('that is closed rejects its waits', async () => {
    const event = created();
    const waits = [event.wait(), event.wait()];
    const other = kept(NamedEvent.open(event.name as string)).wait();
    await expect(event.wait({ timeout: 1 })).rejects.toMatchObject(TIMED_OUT);
    event.close();
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'ERR_USE_AFTER_CLOSE' });
    kept(NamedEvent.open(event.name as string)).set();
    await other;
  });

  test('that is set while its wait is aborted, or closed, loses no signal', async () => {
    const event = created();
    const same = created({}, event.name);
    for (let i = 0; i < 100; i++) {
      const controller = new AbortController();
      const handle = created({}, event.name);
      const waiting = handle.wait({ signal: controller.signal }).then(
        () => true,
        () => false,
      );
      if (i % 3 === 0) await new Promise(setImmediate);
      same.set();
      if (i % 2 === 0) controller.abort();
      else handle.close();
      const hasTaken = await waiting;
      expect(event.tryWait()).toBe(!hasTaken);
      handle.close();
    }
  });

  test('aborted while it is waited for rejects with an AbortError, and the next wait has the signal', async () => {
    const event = created();
    const controller = new AbortController();
    const [first, second] = [event.wait({ signal: controller.signal }), event.wait()];
    controller.abort('enough');
    await expect(first).rejects.toMatchObject({ ...ABORTED, cause: 'enough' });
    event.set();
    await second;
  });
});
