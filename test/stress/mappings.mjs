import { Group, pause } from './group.mjs';
import { Broken, hexFromText } from './process.mjs';
import { randomFrom } from './random.mjs';

/**
 * Processes around the same names. Every episode begins when nobody holds them, and goes through what can be promised
 * about a race, about names that somebody holds for certain, and about names that all may let go.
 */
export class Mappings extends Group {
  #seed;
  #base;

  /** @param prefix `Local\` or `Global\` */
  constructor(crew, seed, prefix) {
    super(crew);
    this.#seed = `${seed} ${prefix}`;
    this.#base = `${prefix}stress ${process.pid} `;
  }

  toString() {
    return this.#base.split('\\')[0];
  }

  async episode(number) {
    const random = randomFrom(`${this.#seed} ${number}`);
    const count = random.oneOf([1, 2, 8, 24]);
    const size = random.oneOf([1, 1, 4096, 4097, 65_537]);
    const names = this.#names(count, size);

    let next = await this.#gather(random);
    for (let races = random.below(4); races > 0; races--) {
      const racers = await this.#race(random, names, count, next, random.between(1, 2));
      next = await this.#gather(random);
      await Promise.all(racers.map((worker) => this.end(worker, random)));
    }
    const racers = await this.#race(random, names, count, next);
    await this.#settle(racers);
    const [keeper, ...others] = racers;

    // One keeps all names, so everybody else has to find them all.
    const before = Number(await keeper.ask('sum'));
    const staying = others.filter(() => random.below(2) === 0);
    await Promise.all(
      others.map((worker) => (staying.includes(worker) ? worker.ask('drop') : this.end(worker, random))),
    );
    const present = staying.filter((worker) => worker !== this.guest);
    const visits = await this.work(random, 'visit', `1 ${names}`, present);
    await keeper.ask('verify');
    const after = Number(await keeper.ask('sum'));
    if (after < before + visits) {
      throw new Broken(`${keeper} holds ${after} visits, and there were ${before} and then at least ${visits} more`);
    }

    // Now it goes, at a moment of its own, while others come and go, and most want the same.
    const lifetime = random.below(30);
    const few = this.#names(random.oneOf([1, 1, 2, count]), size);
    await Promise.all([
      this.work(randomFrom(`${this.#seed} ${number} 2`), 'visit', `0 ${few}`),
      pause(lifetime).then(() => this.end(keeper, random)),
    ]);

    if (random.below(3) === 0) {
      const last = this.start('C++');
      await last.ask(`absent ${names}`);
      await this.end(last, random);
    }
  }

  #names(count, size) {
    return `${hexFromText(this.#base)} ${count} ${size}`;
  }

  /** Starts some, which meet in the next race: at its names, or already at the sweep that comes before. */
  async #gather(random) {
    const workers = Array.from({ length: random.between(3, 5) }, () => this.start('C++'));
    const stage = random.below(4);
    if (stage > 0) await Promise.all(workers.map((worker) => worker.ready));
    if (stage > 1) {
      // They sweep now. So if those who hold the names are killed, it is the race that comes upon what is left of them.
      const unused = hexFromText(`${this.#base}unused `);
      await Promise.all(workers.map((worker) => worker.ask(`absent ${unused} 1 1`)));
    }
    return workers;
  }

  /**
   * Has workers create all names at once while nobody holds them.
   *
   * @param victims how many of them are killed in the middle
   * @returns those that hold the names then
   */
  async #race(random, names, count, workers, victims = 0) {
    const all = [...workers];
    if (this.guest && random.below(4) === 0) all.push(this.guest);
    const killings = all.slice(0, victims).map(async (worker) => {
      const told = worker.ask(`race ${names}`);
      await pause(random.below(4));
      await Promise.all([told, worker.kill()]);
    });
    const racers = all.slice(victims);
    const [answers] = await Promise.all([
      Promise.all(racers.map((worker) => worker.ask(`race ${names}`))),
      ...killings,
    ]);
    const results = answers.map((answer) => answer.split(' '));
    for (let i = 0; i < count; i++) {
      const seen = `${this.#base}${i} between ${all.map((worker) => `${worker.number}`).join(', ')}: ${answers.join(', ')}`;
      const firsts = results.filter(([flags]) => flags[i] === 'c').length;
      if (firsts > 1 || (firsts === 0 && victims === 0)) throw new Broken(`${firsts} created ${seen}`);
      // The killed process may have been the owner, or have ended before it could put itself down.
      const owners = results.map((result) => Number(result[i + 1])).filter((owner) => owner !== 0);
      const isStale = owners.some((owner) => !all.some((worker) => worker.number === owner));
      if (isStale || new Set(owners).size > 1) throw new Broken(`Another owner, or more than one, of ${seen}`);
      this.crew.counts.races++;
    }
    return racers;
  }

  /** Has the winner and the others of a race see what all have written. */
  async #settle(racers) {
    await Promise.all(racers.map((worker) => worker.ask('settle')));
    const slots = racers.map(({ slot }) => slot).join(' ');
    await Promise.all(racers.map((worker) => worker.ask(`verify ${slots}`)));
  }
}
