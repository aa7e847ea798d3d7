// The Node twin of worker.cpp, through the package's own functions. With "node --expose-gc".
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FileMapping, loadSharedMem } from 'dllmemfilemap';
import { randomFrom } from './random.mjs';

const FIRST_SLOT = 2;
const SLOTS = 64;
const FIRST_FILLED = FIRST_SLOT + SLOTS;
const THREADS = 2; // slots a worker, of which this one uses the first

const [number, slot] = process.argv.slice(2).map(Number);
const ownSlot = FIRST_SLOT + slot * THREADS;
const { below } = randomFrom(process.argv[4]);

/** A promise that was not kept, and what was seen. */
class Broken extends Error {}

const noCounts = () => ({ created: 0, joined: 0, opened: 0, missing: 0, attached: 0, visits: 0, longest: 0 });
let counts = noCounts();

const textFromHex = (hex = '') => String.fromCharCode(...(hex.match(/.{4}/g) ?? []).map((unit) => parseInt(unit, 16)));

function timed(call) {
  const start = performance.now();
  try {
    return call();
  } catch (error) {
    throw new Broken(error.message);
  } finally {
    counts.longest = Math.max(counts.longest, Math.round((performance.now() - start) * 1000));
  }
}

/** `undefined` if there is no such object. */
function open(name, access) {
  let missing;
  const mapping = timed(() => {
    try {
      return FileMapping.open(name, { access });
    } catch (error) {
      if (error.code !== 'ERROR_FILE_NOT_FOUND') throw error;
      missing = true;
    }
  });
  counts[missing ? 'missing' : 'opened']++;
  return mapping;
}

function create(name, size) {
  const mapping = timed(() => FileMapping.create(name, size));
  counts[mapping.created ? 'created' : 'joined']++;
  return mapping;
}

/** A view, and its memory in words of 32 bits: a copy of it if the view may only be read. */
function map(mapping, access) {
  const view = timed(() => mapping.mapView({ access }));
  return { view, words: () => new Uint32Array((access === 'read' ? view.snapshot() : view.bytes).buffer) };
}

const pattern = (owner, i) => (owner ^ Math.imul(i, 0x9e3779b1)) >>> 0;

function fail(what, i, expected, found) {
  throw new Broken(`${what} should have ${expected} in word ${i} and has ${found}`);
}

let claims = 0;

function claim(words) {
  const i = words.findIndex((word) => word !== 0);
  if (i >= 0) fail('The memory of a new object', i, 0, words[i]);
  const owner = ((number << 12) | (++claims & 0xfff)) >>> 0;
  const first = Atomics.compareExchange(words, 0, 0, owner);
  if (first !== 0) throw new Broken(`A second creator of one memory: the first is ${first}`);
  for (let j = FIRST_FILLED; j < words.length; j++) words[j] = pattern(owner, j);
  Atomics.store(words, 1, owner);
  return owner;
}

/** Takes the words anew for each look, as they may be a copy, which is not made from front to back. */
function check(wordsOf) {
  const [owner, filled] = wordsOf();
  const words = wordsOf();
  if (owner === 0) {
    const i = words.findIndex((word) => word !== 0);
    if (i < 0) return 0;
    if (wordsOf()[0] === 0) fail('Memory without an owner', i, 0, words[i]);
    return check(wordsOf); // which has come meanwhile
  }
  if (filled !== 0 && filled !== owner) fail('The owner', 1, owner, filled);
  for (let i = FIRST_FILLED; i < words.length; i++) {
    const expected = pattern(owner, i);
    const found = words[i];
    if (found !== expected && (found !== 0 || filled !== 0)) fail('The contents', i, expected, found);
  }
  return owner;
}

const visit = (words) => Atomics.add(words, ownSlot, 1) + 1;

function leave(mapping, view) {
  const closers = [() => mapping.close(), () => view.close()];
  if (below(2) === 0) closers.reverse();
  for (const close of closers) timed(close);
}

function requireSame(name, size, owner, visits) {
  const mapping = below(2) === 0 ? create(name, size) : open(name, 'write');
  if (mapping === undefined || mapping.created) {
    throw new Broken(`${name} was ${mapping ? 'created' : 'not found'} while this process held it`);
  }
  const { view, words } = map(mapping, 'read');
  if (owner !== 0) {
    const found = check(words);
    const foundVisits = words()[ownSlot];
    if (found !== owner || foundVisits !== visits) {
      throw new Broken(
        `${name} became other memory while this process held it: the owner is ${found} instead of ${owner}, ` +
          `and its own visits ${foundVisits} instead of ${visits}`,
      );
    }
  }
  leave(mapping, view);
}

let held = [];

const names = (hex, count) => Array.from({ length: Number(count) }, (_, i) => textFromHex(hex) + i);

function visitOne(name, size, allAreHeld) {
  const onlyReads = below(4) === 0;
  const mapping = onlyReads ? open(name, 'read') : below(3) === 0 ? open(name, 'write') : create(name, size);
  if (allAreHeld && (mapping === undefined || mapping.created)) {
    throw new Broken(`${name} was ${mapping ? 'created' : 'not found'} while a living process held it`);
  }
  if (mapping === undefined) return;
  const { view, words } = map(mapping, onlyReads ? 'read' : 'write');
  const owner = mapping.created ? claim(words()) : check(words);
  if (allAreHeld && (owner === 0 || words()[1] === 0)) {
    throw new Broken(`${name} lost its contents while a living process held it`);
  }
  if (onlyReads || owner === 0) {
    if (below(2) === 0) requireSame(name, size, 0, 0);
  } else {
    const visits = visit(words());
    counts.visits++;
    for (let i = below(3); i > 0; i--) requireSame(name, size, owner, visits);
  }
  leave(mapping, view);
}

function loadAndFree(text, isHeld) {
  const sharedMem = timed(() => loadSharedMem());
  counts.attached++;
  const seen = sharedMem.get();
  if (isHeld ? seen !== text : [...seen].some((character) => character !== text[0])) {
    throw new Broken(`The DLL's text is '${seen}' instead of '${text}'${isHeld ? '' : ' or a part of it'}`);
  }
  if (!isHeld) sharedMem.set(text.slice(0, below(text.length)));
  timed(() => sharedMem.unload());
}

/** Memory whose array is garbage is unmapped between two turns of the event loop. */
async function repeat(milliseconds, body) {
  const end = performance.now() + Number(milliseconds);
  do {
    body();
    await nextTurn();
  } while (performance.now() < end);
  const answer = Object.values(counts).join(' ');
  counts = noCounts();
  return answer;
}

const commands = {
  race(hex, count, size) {
    held = names(hex, count).map((name) => {
      const mapping = create(name, Number(size));
      const { view, words } = map(mapping, 'write');
      const owner = mapping.created ? claim(words()) : check(words);
      return { name, size: Number(size), mapping, view, words, owner };
    });
    const flags = held.map(({ mapping }) => (mapping.created ? 'c' : 'j')).join('');
    return [flags, ...held.map(({ owner }) => owner >>> 12)].join(' ');
  },
  async settle() {
    const deadline = performance.now() + 5000;
    for (const each of held) {
      while (Atomics.load(each.words(), 1) === 0) {
        if (performance.now() > deadline) throw new Broken(`${each.name} has no living owner`);
        await nextTurn();
      }
      each.owner = check(each.words);
      each.visits = visit(each.words());
    }
  },
  verify(...visitors) {
    for (const { name, size, words, owner, visits } of held) {
      requireSame(name, size, owner, visits);
      const silent = visitors.find((visitor) => words()[FIRST_SLOT + Number(visitor) * THREADS] === 0);
      if (silent !== undefined) throw new Broken(`${name}: what the worker in slot ${silent} wrote is not there`);
    }
  },
  sum() {
    let sum = 0;
    for (const { words } of held) {
      for (const visits of words().subarray(FIRST_SLOT, FIRST_FILLED)) sum += visits;
    }
    return sum;
  },
  drop() {
    for (const { mapping, view } of held) leave(mapping, view);
    held = [];
  },
  absent(hex, count) {
    for (const name of names(hex, count)) {
      if (open(name, 'read')) throw new Broken(`${name} is there although nobody holds it`);
    }
  },
  visit(milliseconds, allAreHeld, hex, count, size) {
    const all = names(hex, count);
    return repeat(milliseconds, () => visitOne(all[below(all.length)], Number(size), allAreHeld === '1'));
  },
  load(milliseconds, isHeld, hex) {
    const text = textFromHex(hex);
    return repeat(milliseconds, () => loadAndFree(text, isHeld === '1'));
  },
  /** Closed views whose arrays were handed out are unmapped by the garbage collector. */
  async collect() {
    for (let i = 0; i < 5; i++) {
      globalThis.gc();
      await nextTurn();
    }
  },
};

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = line.split(' ');
  try {
    console.log(`ok ${(await commands[command](...args)) ?? ''}`.trimEnd());
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    console.log(`broken ${error.message}`);
  }
}
