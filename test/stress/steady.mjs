import { holdings } from './leftovers.mjs';
import { Broken } from './process.mjs';

/** How much resident memory may grow after the warm-up, in KiB. V8's heap breathes. */
export const TOLERANCE = { 'C++': 256, Node: 32 * 1024 };

/**
 * A worker that lives and works as long as the run, and between two episodes holds nothing: then what it has is to be
 * what it had before.
 */
export class Steady {
  #first;
  #warm;
  #last;

  #isJudged;

  /** @param memoryIsJudged `false` for a program that is built to keep memory, as with the address sanitizer */
  constructor(worker, memoryIsJudged) {
    this.worker = worker;
    this.#isJudged = memoryIsJudged;
  }

  /** Looks at what it has. @param isWarm whether its memory has been given time to grow to what the work needs */
  async look(isWarm) {
    const { worker } = this;
    if (worker.language === 'Node') await worker.ask('collect');
    const now = holdings(worker.pid);
    if (now === undefined) return;
    this.#first ??= now;
    if (isWarm) this.#warm ??= now;
    this.#last = now;
    for (const [what, limit] of [
      ['descriptors', this.#first.descriptors],
      ['views', 0],
    ]) {
      if (now[what] > limit) throw new Broken(`${worker} holds nothing, and has ${now[what]} ${what}, not ${limit}`);
    }
    if (this.#isJudged && this.#warm && now.resident > this.#warm.resident + TOLERANCE[worker.language]) {
      throw new Broken(`${worker} has grown from ${this.#warm.resident} to ${now.resident} KiB of resident memory`);
    }
  }

  /** A row of the final table. */
  toString() {
    if (!this.#last) return 'not measured on this system';
    const { descriptors, resident } = this.#last;
    const from = (this.#warm ?? this.#first).resident;
    return `descriptors ${this.#first.descriptors} -> ${descriptors}, resident ${from} -> ${resident} KiB`;
  }
}
