/**
 * Lets two machines write while servers, mirrors, writers and ways fail, and sees whether they agree afterwards:
 *
 *     npm run stress:mirror                                100 rounds
 *     npm run stress:mirror -- --rounds 5 --seed SEED      fewer, and the same again
 *
 * As root, with nats-server. It ends with 0 if after each round both sides were equal within ten seconds, had the newest
 * write, and nothing was torn, and if no handle was left at the end.
 */
import { parseArgs } from 'node:util';
import { randomFrom } from '../stress/random.mjs';
import { CLI, hasMachines, Machine } from './machine.mjs';
import { hasServer, Server, Way } from './server.mjs';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '100' }, seed: { type: 'string', default: `${Date.now()}` } },
});
const rounds = Number(options.rounds);
const random = randomFrom(options.seed);

/** How long both sides may take to agree, in milliseconds. */
const SETTLED = 10_000;

/** A text that tells from itself whether it is whole: the same word all over. */
const textOf = (word) => `${word}|`.repeat(Math.floor(2000 / (word.length + 1)));
const isWhole = (text) => text === '' || new Set(text.slice(0, -1).split('|')).size === 1;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class Side {
  constructor(name, machine, way) {
    this.name = name;
    this.machine = machine;
    this.way = way;
  }

  async mirror() {
    this.mirroring = this.machine.mirror(this.way.url);
    await this.mirroring.says('ready');
  }

  async writer() {
    this.peer = this.machine.peer();
    await this.peer.get();
  }

  /** Writes for a time, as fast as every millisecond. */
  write(round, milliseconds) {
    return this.peer.do(`(async () => {
      const end = performance.now() + ${milliseconds};
      let n = 0;
      while (performance.now() < end) {
        const word = ${JSON.stringify(`${this.name}${round}.`)} + n++;
        setSharedMem((word + '|').repeat(Math.floor(2000 / (word.length + 1))));
        await new Promise((resolve) => setTimeout(resolve, 1 + (n % 7)));
      }
    })()`);
  }
}

const FAULTS = {
  async server({ server }) {
    await server.kill();
    await pause(random.between(0, 300));
    await server.start();
  },
  async store({ server }) {
    await server.kill();
    server.loseStore();
    await server.start();
  },
  async mirror({ sides }) {
    const side = random.oneOf(sides);
    await side.mirroring.kill();
    await side.mirror();
  },
  async writer({ sides }) {
    const side = random.oneOf(sides);
    // It is not waited for what it was told.
    await side.peer.kill();
    await side.writer();
  },
  async cut({ sides }) {
    const { way } = random.oneOf(sides);
    way.cut();
    await pause(random.between(50, 500));
    way.mend();
  },
  async cutBoth({ sides }) {
    for (const { way } of sides) way.cut();
    await pause(random.between(50, 500));
    for (const { way } of sides) way.mend();
  },
  async stall({ sides }) {
    const { way } = random.oneOf(sides);
    way.stall();
    await pause(random.between(50, 1000));
    way.mend();
  },
  async none() {},
};

async function round(n, fault, { server, sides }) {
  // A writer that is killed does not answer.
  const writing = Promise.allSettled(sides.map((side) => side.write(n, 600)));
  await pause(random.between(0, 300));
  await FAULTS[fault]({ server, sides });
  await writing;
  // Once both are equal, each mirror has seen all that was written. What somebody writes then is the newest.
  await settled(sides, 'not equal', ([one, other]) => one === other);
  const last = random.oneOf(sides);
  const text = textOf(`last${n}`);
  await last.peer.set(text);
  const what = `not equal, or not the newest, which is last${n} of ${last.name}`;
  return settled(sides, what, (texts) => texts.every((one) => one === text));
}

/** Waits until the texts of both sides are so. Returns how long that took, in milliseconds. */
async function settled(sides, otherwise, isSo) {
  const start = performance.now();
  let texts;
  while (performance.now() - start < SETTLED) {
    texts = await Promise.all(sides.map((side) => side.peer.get()));
    const torn = texts.find((one) => !isWhole(one));
    if (torn !== undefined) throw new Error(`torn: ${torn.slice(0, 60)}`);
    if (isSo(texts)) return performance.now() - start;
    await pause(5);
  }
  throw new Error(`${otherwise}: ${texts.map((one) => one.slice(0, 12)).join(' and ')}`);
}

if (!hasServer || !hasMachines) {
  console.error('This needs nats-server, and root.');
  process.exit(2);
}
const server = await Server.start();
const sides = await Promise.all(
  ['a', 'b'].map(async (name) => new Side(name, await Machine.start(), await Way.to(server.port))),
);
let failed = 0;
let longest = 0;
try {
  for (const side of sides) {
    await side.mirror();
    await side.writer();
  }
  const kinds = Object.keys(FAULTS);
  for (let n = 0; n < rounds; n++) {
    // Each kind in its turn, so that a few rounds have all of them.
    const fault = n < kinds.length ? kinds[n] : random.oneOf(kinds);
    try {
      const took = await round(n, fault, { server, sides });
      longest = Math.max(longest, took);
      console.log(`round ${n}: ${fault}, settled in ${took.toFixed(0)} ms`);
    } catch (error) {
      failed++;
      console.log(`round ${n}: ${fault}, FAILED: ${error.message}`);
    }
  }
  for (const { machine, mirroring, peer } of sides) {
    await Promise.all([mirroring.kill('SIGTERM'), peer.kill('SIGTERM')]);
    // Whoever comes next sweeps what killed processes have left.
    await machine.run(process.execPath, CLI, 'doctor');
    const left = await machine.files();
    if (left !== '') {
      failed++;
      console.log(`handles are left: ${left}`);
    }
  }
} finally {
  for (const { machine, way } of sides) {
    await machine.close();
    way.close();
  }
  await server.close();
}
console.log(`${rounds} rounds, ${failed} failed, settled in ${longest.toFixed(0)} ms at most, seed ${options.seed}`);
process.exit(failed === 0 ? 0 : 1);
