import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CLI, hasMachines, Machine, NEEDS } from './machine.mjs';
import { hasServer, Server } from './server.mjs';

const canRun = hasServer && hasMachines;
const ELSEWHERE = { timeout: 30_000, interval: 5 };

let server: Server;
beforeAll(async () => {
  if (canRun) server = await Server.start();
});
afterAll(() => server?.close());

let count = 0;

/** A group that no other test has, on machines of its own. */
async function machines(): Promise<{ group: string[]; one: Machine; other: Machine }> {
  const [one, other] = await Promise.all([Machine.start(), Machine.start()]);
  onTestFinished(async () => {
    await Promise.all([one.close(), other.close()]);
  });
  return { group: ['--group', `test-${++count}`, server.url], one, other };
}

/** Mirrors on both machines, once both hold what they mirror. */
async function mirrors(...args: string[]) {
  const { group, one, other } = await machines();
  const mine = one.mirror(...group, ...args);
  await mine.says('ready');
  const theirs = other.mirror(...group, ...args);
  await theirs.says('ready');
  return { group, one, other, mine, theirs };
}

describe.skipIf(!canRun)(`The shared text on two machines ${NEEDS}`, () => {
  test('is what either has written last, whatever is in it', async () => {
    const { one, other } = await mirrors();
    const [here, there] = [one.peer(), other.peer()];
    const texts = ['This is a test string', 'Grüße, 世界 😀', '', 'a\ud83d', '世'.repeat(2047), 'x'];
    for (const [i, text] of texts.entries()) {
      const [writer, reader] = i % 2 ? [here, there] : [there, here];
      await writer.set(text);
      await expect.poll(() => reader.get(), ELSEWHERE).toBe(text);
    }
  });

  test('gives the documented parent and child the line of the sample', async () => {
    const { one, other } = await mirrors();
    const ends = [process.execPath, '-e', '0'].map((word) => `"${word}"`).join(' ');
    expect(await one.run(process.execPath, CLI, 'parent', ends)).toMatchObject({ status: 0 });
    const child = () => other.run(process.execPath, CLI, 'child');
    await expect
      .poll(async () => (await child()).stdout, ELSEWHERE)
      .toBe('Child process read from shared memory: This is a test string\n');
  });

  test('at the start is that of the other machines, and the loser is told', async () => {
    const { group, one, other } = await machines();
    const [here, there] = [one.peer(), other.peer()];
    await here.set('of the first');
    await there.set('of the second');
    await one.mirror(...group).says('sent');
    const theirs = other.mirror(...group);
    expect(await theirs.says('conflict')).toMatchObject({ section: 'dllmemfilemap', text: 'of the second', offset: 0 });
    expect(await there.get()).toBe('of the first');
  });

  test('at the start is that of the machine that says so', async () => {
    const { group, one, other } = await machines();
    const [here, there] = [one.peer(), other.peer()];
    await here.set('of the first');
    await there.set('of the second');
    await one.mirror(...group).says('sent');
    await other.mirror(...group, '--prefer', 'local').says('sent');
    await expect.poll(() => here.get(), ELSEWHERE).toBe('of the second');
    expect(await there.get()).toBe('of the second');
  });

  test('is not written by a mirror that is write-only, and not sent by one that is read-only', async () => {
    const { group, one, other } = await machines();
    const sender = one.mirror(...group, '--write-only');
    await sender.says('ready');
    const receiver = other.mirror(...group, '--read-only');
    await receiver.says('ready');
    const [here, there] = [one.peer(), other.peer()];
    await there.set('stays there');
    await here.set('goes there');
    await expect.poll(() => there.get(), ELSEWHERE).toBe('goes there');
    await there.set('stays there, too');
    await here.set('and this');
    await expect.poll(() => there.get(), ELSEWHERE).toBe('and this');
    expect(receiver.count('sent')).toBe(0);
    expect(sender.count('applied')).toBe(0);
  });

  test('ends with its last holder: who joins when nobody is left finds nothing', async () => {
    const { group, one, other, mine, theirs } = await mirrors();
    const here = one.peer();
    await here.set('of those who have ended');
    await theirs.says('applied');
    await Promise.all([here.kill(), mine.kill('SIGTERM'), theirs.kill('SIGTERM')]);
    expect(await other.files()).toBe('');
    await other.mirror(...group).says('ready');
    expect(await other.peer().get()).toBe('');
  });

  test('outlives mirrors that were killed, for the time that was said, and no longer', async () => {
    const { group, one, other } = await machines();
    const first = one.mirror(...group, '--ttl', '4000');
    await first.says('ready');
    await one.peer().set('kept for a while');
    await first.says('sent');
    await first.kill();
    const second = other.mirror(...group);
    await second.says('ready');
    expect(await other.peer().get()).toBe('kept for a while');
    await second.kill();
    await expect
      .poll(
        async () => {
          const machine = await Machine.start();
          try {
            const mirror = machine.mirror(...group);
            await mirror.says('ready');
            const text = await machine.peer().get();
            // As if it never was: the next one must not find it.
            await mirror.kill('SIGTERM');
            return text;
          } finally {
            await machine.close();
          }
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe('');
  });
});

describe.skipIf(!canRun)(`A section on two machines ${NEEDS}`, () => {
  const NAME = 'Local\\Scores';
  const MIB = 2 ** 20;

  test('is created on a machine as soon as another has it, with its size', async () => {
    const { group, one, other } = await machines();
    const theirs = other.mirror(...group, NAME);
    expect(await theirs.says('ready')).toMatchObject({ sections: [] });
    const here = one.peer();
    await here.do(`memory.open(${JSON.stringify(NAME)}, 8192); memory.fill(7, 5000, 1)`);
    await one.mirror(...group, NAME).says('sent');
    await theirs.says('joined');
    const there = other.peer();
    expect(await there.do(`memory.open(${JSON.stringify(NAME)}); memory.mapping.size`)).toBe(8192);
    await expect.poll(() => there.do('memory.at(4999, 5000)'), ELSEWHERE).toEqual([0, 7]);
    await there.do('memory.fill(8, 4999, 1)');
    await expect.poll(() => here.do('memory.at(4999, 5000)'), ELSEWHERE).toEqual([8, 7]);
  });

  test.each([64 * 1024, 16 * MIB])(
    'of %i bytes is the same everywhere, and only what has changed is sent',
    async (size) => {
      const { mine, theirs, one, other } = await mirrors('--size', `${size}`, '--storage', 'memory', NAME);
      const [here, there] = [one.peer(), other.peer()];
      for (const peer of [here, there]) expect(await peer.do(`memory.open(${JSON.stringify(NAME)})`)).toBe(false);
      await here.do(`memory.randomize(${size})`);
      const digest = await here.do(`memory.digest(${size})`);
      await expect.poll(() => there.do(`memory.digest(${size})`), ELSEWHERE).toBe(digest);
      await there.do(`memory.fill(2, ${size - 3}, 3)`);
      const changed = await there.do(`memory.digest(${size})`);
      await expect.poll(() => here.do(`memory.digest(${size})`), ELSEWHERE).toBe(changed);
      expect([mine.stderr, theirs.stderr]).toEqual(['', '']);
    },
  );

  test('has what both have written at once, in different chunks', async () => {
    const size = 4 * 65536;
    const { one, other } = await mirrors('--size', `${size}`, NAME);
    const [here, there] = [one.peer(), other.peer()];
    await Promise.all([here, there].map((peer) => peer.do(`memory.open(${JSON.stringify(NAME)})`)));
    for (let n = 1; n <= 10; n++) {
      await Promise.all([here.do(`memory.fill(${n}, 0, 65536)`), there.do(`memory.fill(${n}, 131072, 65536)`)]);
      for (const peer of [here, there]) {
        await expect
          .poll(() => peer.do('memory.at(0, 65535, 65536, 131072, 196607)'), ELSEWHERE)
          .toEqual([n, n, 0, n, n]);
      }
    }
  });

  test('of a writer with version words is seen whole, by readers that know of them', async () => {
    const size = 3 * 65536;
    const { one, other } = await mirrors('--size', `${size}`, '--version-words', '0,4', NAME);
    const [here, there] = [one.peer(), other.peer()];
    await Promise.all([here, there].map((peer) => peer.do(`memory.open(${JSON.stringify(NAME)})`)));
    // Each update fills everything with its number, with a pause in the middle.
    const writing = here.do(`(async () => {
      const words = new Int32Array(memory.view.bytes.buffer);
      for (let n = 1; n <= 40; n++) {
        Atomics.store(words, 0, n);
        memory.fill(n, 8, 100_000);
        await new Promise((resolve) => setTimeout(resolve, 2));
        memory.fill(n, 100_008, ${size} - 100_008);
        Atomics.store(words, 1, n);
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    })()`);
    const seen = await there.do(`(async () => {
      const words = new Int32Array(memory.view.bytes.buffer);
      const end = Date.now() + 20_000;
      const seen = { updates: 0, torn: 0, last: 0 };
      while (seen.last !== 40 && Date.now() < end) {
        await new Promise((resolve) => setImmediate(resolve));
        const [before, whole] = [Atomics.load(words, 0), Atomics.load(words, 1)];
        if (before !== whole || before === seen.last) continue;
        const copy = memory.view.snapshot(8, ${size} - 8);
        if (Atomics.load(words, 0) !== before) continue;
        seen.updates++;
        seen.last = before;
        if (!copy.every((byte) => byte === before)) seen.torn++;
      }
      return seen;
    })()`);
    await writing;
    expect(seen).toEqual({ updates: expect.any(Number), torn: 0, last: 40 });
    expect(seen.updates).toBeGreaterThan(1);
  });

  test('is refused where it has another size, in one line', async () => {
    const { group, one, other } = await machines();
    await one.mirror(...group, '--size', '8192', NAME).says('sent');
    const theirs = other.mirror(...group, '--size', '4096', NAME);
    expect(await theirs.end()).toEqual([1, null]);
    expect(theirs.stderr).toMatch(/^error: 'Local\\Scores' has 8192 bytes on another machine and 4096 here: [^\n]+\n$/);
  });
});
