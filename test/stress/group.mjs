import { randomFrom } from './random.mjs';

/** How many milliseconds a worker works before it answers. */
const SLICE = 8;

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Processes around the same memory. Most are C++ and live for some milliseconds; a Node process takes long to start, so
 * there is one guest at a time that is killed now and then. The steady ones are never killed.
 */
export class Group {
  crew;
  steady = [];
  guest;
  #freeSlots = Array.from({ length: 32 }, (_, i) => i);

  constructor(crew) {
    this.crew = crew;
  }

  start(language) {
    const slot = this.#freeSlots.shift();
    const worker = this.crew.start(language, slot);
    worker.ended.then(() => this.#freeSlots.push(slot));
    return worker;
  }

  /** Ends a worker: mostly by a kill. */
  async end(worker, random) {
    worker.isOver = true;
    if (worker === this.guest) this.guest = undefined;
    await (random.below(8) === 0 ? worker.end() : worker.kill());
  }

  /**
   * Has workers come, work and be killed at any moment, beside the guest and the steady ones.
   *
   * @param command what they do for the milliseconds in front of `rest`
   * @param present workers that live already, and come first
   * @returns how often they visited a mapping at least
   */
  async work(random, command, rest, present = []) {
    let visits = 0;
    const slice = async (worker) => {
      const answer = await worker.ask(`${command} ${SLICE} ${rest}`);
      if (answer !== undefined) visits += this.crew.add(answer).visits;
    };
    const shifts = Array.from({ length: 3 }, () =>
      Array.from({ length: random.between(2, 5) }, () => random.below(20)),
    );
    const lanes = shifts.map(async (lifetimes, lane) => {
      const own = randomFrom(`${random.below(2 ** 32)} ${lane}`);
      for (const lifetime of lifetimes) {
        const worker = present.pop() ?? this.start('C++');
        const working = (async () => {
          while (!worker.isOver) await slice(worker);
        })();
        if (own.below(4) > 0) await worker.ready;
        await Promise.all([working, pause(lifetime).then(() => this.end(worker, own))]);
      }
    });

    this.guest ??= this.start('Node');
    const { guest } = this;
    let isOver = false;
    const company = Promise.all(
      [...this.steady, guest].map(async (worker) => {
        do {
          await slice(worker);
          await pause(3 * SLICE); // most of the time is for those that are killed
        } while (!isOver && !worker.isOver);
      }),
    );
    company.catch(() => {}); // it is waited for later
    const leaving = random.below(6) === 0;
    try {
      await Promise.all(lanes);
      if (leaving) await this.end(guest, random);
    } finally {
      isOver = true;
    }
    await Promise.all([company, ...present.map((worker) => this.end(worker, random))]);
    return visits;
  }
}
