import { env } from 'node:process';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { GRANULARITY, NAMES, Namespace, PAGE } from './namespace-model.js';

/** Some seconds of it, unless "npm run fuzz" says how long. */
const seconds = Number(env.FUZZ_SECONDS ?? 0);

const index = fc.nat(20);
const name = fc.constantFrom(...NAMES);
const units = (least: number) =>
  fc
    .array(fc.integer({ min: least, max: 0xffff }), { maxLength: 40 })
    .map((codes) => codes.map((code) => String.fromCharCode(code)).join(''));
const long = fc.integer({ min: 2040, max: 2047 }).map((length) => 'x'.repeat(length));
const text = fc.oneof(units(1), long);
const anyText = fc.oneof(units(0), long, fc.constant('x'.repeat(2048)));
const size = fc.oneof(fc.nat(3 * GRANULARITY), fc.constantFrom(1, PAGE - 1, PAGE, PAGE + 1, GRANULARITY));
const place = fc.oneof(fc.nat(3 * GRANULARITY), fc.nat(4), fc.integer({ min: PAGE - 4, max: PAGE + 4 }));
const access = fc.constantFrom('read' as const, 'write' as const);
const viewAccess = fc.constantFrom('read' as const, 'write' as const, 'copy' as const, undefined);
const viewOffset = fc.oneof(
  fc.nat(3).map((count) => count * GRANULARITY),
  place,
);
const security = fc.constantFrom('user' as const, 'everyone-read' as const);
const cchSize = fc.oneof(fc.nat(4), fc.integer({ min: 2040, max: 2060 }));

/** One operation: how it reads in a counterexample, and what it does. */
interface Operation {
  readonly text: string;
  readonly run: (namespace: Namespace) => void | Promise<void>;
}

const show = (value: unknown) => JSON.stringify(value)?.replace(/x{99,}/, (long) => `x * ${long.length}`);

function operation<T extends unknown[]>(
  name: string,
  run: (namespace: Namespace, ...args: T) => void | Promise<void>,
  ...args: { [I in keyof T]: fc.Arbitrary<T[I]> }
): fc.Arbitrary<Operation> {
  return fc.tuple<T>(...args).map((values) => ({
    text: `${name}(${values.map(show).join(', ')})`,
    run: (n) => run(n, ...values),
  }));
}

const here = [
  operation('create', (n, ...args) => n.create(...args), name, size, fc.boolean(), security),
  operation('create without a name', (n, bytes) => n.create(null, bytes, false, 'user'), size),
  operation('open', (n, ...args) => n.open(...args), name, access),
  operation(
    'mapView',
    (n, ...args) => n.mapView(...args),
    index,
    viewOffset,
    fc.oneof(fc.constant(0), size),
    viewAccess,
  ),
  operation('mapView', (n, i, mode) => n.mapView(i, 0, 0, mode), index, viewAccess),
  operation('size', (n, i) => n.size(i), index),
  operation('close mapping', (n, i) => n.closeMapping(i), index),
  operation('close view', (n, i) => n.closeView(i), index),
  operation('write byte', (n, ...args) => n.writeByte(...args), index, place, fc.nat(255)),
  operation('writeString', (n, ...args) => n.writeString(...args), index, place, anyText),
  operation('readString', (n, ...args) => n.readString(...args), index, place, fc.nat(5000)),
  operation('snapshot', (n, ...args) => n.snapshot(...args), index, place, place),
  operation('load', (n) => n.load()),
  operation('unload', (n, i) => n.unload(i), index),
  operation('set', (n, ...args) => n.set(...args), index, anyText),
  operation('get', (n, ...args) => n.get(...args), index, cchSize),
];

const there = [
  operation(
    'create there',
    (n, i, wanted, bytes) => n.createThere(n.other('mapping', i), wanted, bytes + 1),
    index,
    name,
    size,
  ),
  operation('open there', (n, i, ...args) => n.openThere(n.other('mapping', i), ...args), index, name, access),
  operation('write there', (n, i, ...args) => n.writeThere(n.other('mapping', i), ...args), index, place, fc.nat(255)),
  operation('read there', (n, i, at) => n.readThere(n.other('mapping', i), at), index, place),
  operation('unmap there', (n, i) => n.unmapThere(n.other('mapping', i)), index),
  operation('close there', (n, i) => n.closeThere(n.other('mapping', i)), index),
  operation('set there', (n, i, value) => n.setThere(n.other('dll', i), value), index, text),
  operation('get there', (n, i, count) => n.getThere(n.other('dll', i), count + 1), index, cchSize),
];

/** Starting a process is slow, so these are rarer. */
const lives = (['dll', 'mapping'] as const).flatMap((kind) => [
  operation(`start ${kind}`, (n, i) => n.start(n.other(kind, i)), index),
  operation(`kill ${kind}`, (n, i) => n.kill(n.other(kind, i)), index),
  operation(`end ${kind}`, (n, i) => n.letEnd(n.other(kind, i)), index),
]);

const sequence = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: fc.oneof(...here) },
    { weight: 10, arbitrary: fc.oneof(...there) },
    { weight: 1, arbitrary: fc.oneof(...lives) },
  ),
  { maxLength: 200, size: 'max' },
);

test('Any sequence of operations in several processes does what a simple model says', {
  timeout: (seconds + 90) * 1000,
}, async () => {
  const namespace = new Namespace();
  let runs = 0;
  let operations = 0;
  const runAll = async (steps: readonly Operation[]) => {
    runs++;
    try {
      await namespace.begin();
      for (const step of steps) {
        operations++;
        await step.run(namespace);
      }
      await namespace.end();
    } catch (error) {
      await namespace.abandon();
      throw error;
    }
  };
  // What runs when the time is over, which fast-check leaves to itself.
  let last: { readonly steps: readonly Operation[]; readonly ended: Promise<void> } | undefined;
  const property = fc.asyncProperty(sequence, (steps) => {
    last = { steps, ended: runAll(steps) };
    return last.ended;
  });
  const fail = (run: string, steps: readonly Operation[], cause: unknown) => {
    const why = cause instanceof Error ? cause.stack : cause;
    throw new Error(`${run}:\n${steps.map((step) => step.text).join('\n')}\n${why}`);
  };
  await fc.assert(property, {
    ...(env.FUZZ_SEED && { seed: Number(env.FUZZ_SEED) }),
    ...(seconds > 0 ? { numRuns: 1e9 } : { numRuns: 20 }),
    interruptAfterTimeLimit: (seconds || 60) * 1000,
    reporter({ failed, seed, counterexamplePath, numRuns, counterexample, errorInstance }) {
      if (!failed) return;
      fail(
        `seed ${seed}, path ${counterexamplePath}, after ${numRuns} runs`,
        counterexample?.[0] ?? [],
        errorInstance ?? 'interrupted',
      );
    },
  });
  await last?.ended.catch((error) => fail('when the time was over', last?.steps ?? [], error));
  if (seconds > 0) console.log(`${runs} sequences of ${operations} operations`);
});
