import { randomUUID } from 'node:crypto';
import { FileMapping, NamedEvent, NamedMutex, type NamedObjectOptions, NamedSemaphore } from 'dllmemfilemap';
import { describe, expect, test } from 'vitest';
import { freeName, kept, wrong } from './kept.js';

const KINDS = [
  ['NamedMutex', NamedMutex, 'Mutex'],
  ['NamedEvent', NamedEvent, 'Event'],
  ['NamedSemaphore', NamedSemaphore, 'Semaphore'],
] as const;

/** With what else the kind needs. */
const create = (kind: (typeof KINDS)[number][1], name: string | null, options: NamedObjectOptions = {}) =>
  kept(kind.create(name, { initial: kind === NamedSemaphore ? 0 : false, maximum: 1, ...options } as never));

describe.each(KINDS)('%s', (className, kind, name32) => {
  test('is created under a free name, and opened under a taken one', () => {
    const first = create(kind, freeName());
    expect(first.created).toBe(true);
    expect(create(kind, first.name)).toMatchObject({ created: false, name: first.name });
    expect(kept(kind.open(first.name as string))).toMatchObject({ created: false, name: first.name });
  });

  test('with exclusive, refuses an object that exists and does not hold on to it', () => {
    const first = create(kind, freeName());
    const error = { code: 'ERROR_ALREADY_EXISTS', syscall: `Create${name32}W`, path: first.name };
    expect(() => create(kind, first.name, { exclusive: true })).toThrow(expect.objectContaining(error));
    first.close();
    expect(create(kind, first.name, { exclusive: true }).created).toBe(true);
  });

  test('lets go of its name when it is closed, once', () => {
    const first = create(kind, freeName());
    first.close();
    first.close();
    const error = { code: 'ERROR_FILE_NOT_FOUND', errno: 2, syscall: `Open${name32}W`, path: first.name };
    expect(() => kind.open(first.name as string)).toThrow(expect.objectContaining(error));
  });

  test.each([null, ''])('with the name %j, is an object that no other call gets', (name) => {
    expect([create(kind, name).created, create(kind, name).created]).toEqual([true, true]);
  });

  test('refuses a name that another kind of object has', () => {
    const mapping = kept(FileMapping.create(freeName(), 4096));
    const error = expect.objectContaining({ code: 'ERROR_INVALID_HANDLE', errno: 6 });
    expect(() => create(kind, mapping.name)).toThrow(error);
    expect(() => kind.open(mapping.name as string)).toThrow(error);
    for (const [, other] of KINDS.filter(([, other]) => other !== kind)) {
      const { name } = create(other, freeName());
      expect(() => create(kind, name)).toThrow(error);
      expect(() => kind.open(name as string)).toThrow(error);
    }
  });

  test.each([undefined, 5, {}, Symbol('name'), 'a\0b'])('refuses what is no name: %s', (name) => {
    expect(() => create(kind, wrong(name))).toThrow(TypeError);
    expect(() => kind.open(wrong(name))).toThrow(TypeError);
  });

  test('takes a name of 260 characters and no longer one', () => {
    const longest = randomUUID().padEnd(260, 'x');
    expect(create(kind, longest).name).toBe(longest);
    expect(() => create(kind, `${longest}y`)).toThrow(RangeError);
    expect(() => kind.open(`${longest}y`)).toThrow(RangeError);
  });

  test.each([{ exclusive: 1 }, { security: 'everyone-read' }, { security: 'toString' }, { security: null }])(
    'refuses the options %j',
    (options) => {
      const name = freeName();
      expect(() => create(kind, name, wrong(options))).toThrow(TypeError);
      expect(() => kind.open(name)).toThrow(/ERROR_FILE_NOT_FOUND/);
    },
  );

  test('refuses options that are no object', () => {
    expect(() => kind.create(freeName(), wrong(null))).toThrow(TypeError);
  });

  test('shared with everyone can be opened by others', () => {
    const first = create(kind, freeName(), { security: 'everyone-read-write' });
    expect(kept(kind.open(first.name as string)).created).toBe(false);
  });

  test('cannot be sent to another thread', () => {
    expect(() => structuredClone(create(kind, null))).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
  });

  test('has no public constructor, and no methods for other objects', () => {
    const object = create(kind, null);
    expect(() => Reflect.construct(kind, [])).toThrow(new RegExp(`${className} has no public constructor`));
    for (const method of ['tryAcquire', 'tryWait', 'set', 'reset']) {
      const call = Reflect.get(object, method);
      if (call) expect(() => Reflect.apply(call, {}, [])).toThrow(TypeError);
    }
  });

  test('that is closed is ERR_USE_AFTER_CLOSE with its name', async () => {
    const object = create(kind, freeName());
    object.close();
    const error = { code: 'ERR_USE_AFTER_CLOSE', message: expect.stringContaining(object.name as string) };
    const calls = ['tryAcquire', 'acquireSync', 'tryWait', 'waitSync', 'set', 'reset', 'release'];
    for (const call of calls.map((name) => Reflect.get(object, name)).filter(Boolean)) {
      expect(() => Reflect.apply(call, object, [])).toThrow(expect.objectContaining(error));
    }
    const wait = Reflect.get(object, 'acquire') ?? Reflect.get(object, 'wait');
    await expect(Reflect.apply(wait, object, [])).rejects.toMatchObject(error);
  });

  test.each([
    [{ timeout: -1 }, RangeError],
    [{ timeout: 1.5 }, RangeError],
    [{ timeout: Number.NaN }, RangeError],
    [{ timeout: 2 ** 31 }, RangeError],
    [{ timeout: Number.NEGATIVE_INFINITY }, RangeError],
    [{ timeout: '5' }, TypeError],
    [{ timeout: null }, TypeError],
    [{ signal: {} }, TypeError],
    [{ signal: null }, TypeError],
    [null, TypeError],
  ])('refuses to wait with %o, and takes nothing', async (options, error) => {
    const object = create(kind, freeName(), wrong(kind === NamedSemaphore ? { initial: 1 } : { initial: true }));
    const wait = Reflect.get(object, 'acquire') ?? Reflect.get(object, 'wait');
    await expect(Reflect.apply(wait, object, [options])).rejects.toThrow(error);
    if (options === null || 'timeout' in options) {
      const waitSync = Reflect.get(object, 'acquireSync') ?? Reflect.get(object, 'waitSync');
      expect(() => Reflect.apply(waitSync, object, [options])).toThrow(error);
    }
    const tryWait = Reflect.get(object, 'tryAcquire') ?? Reflect.get(object, 'tryWait');
    const taken: boolean | { release(): void } = Reflect.apply(tryWait, object, []);
    expect(taken).toBeTruthy();
    if (typeof taken === 'object') taken.release();
  });
});
