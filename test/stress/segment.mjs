import { fileURLToPath } from 'node:url';
import { Group, pause } from './group.mjs';
import { Broken, hexFromText } from './process.mjs';
import { randomFrom } from './random.mjs';

const nodePeer = fileURLToPath(new URL('../fixture/peer.mjs', import.meta.url));

/** Processes around the DLL's own segment. Every episode begins when nobody is attached. */
export class Segment extends Group {
  #seed;

  constructor(crew, seed) {
    super(crew);
    this.#seed = `${seed} segment`;
  }

  toString() {
    return 'the DLL';
  }

  async episode(number) {
    const random = randomFrom(`${this.#seed} ${number}`);
    const text = String.fromCharCode(0x4e00 + (number % 20_000)).repeat(random.oneOf([1, 31, 32, 700, 2047]));

    // Programs that are attached from their start, all at once.
    const peers = Array.from({ length: random.between(2, 4) }, () => this.#startAttached('C++'));
    if (random.below(8) === 0) peers.push(this.#startAttached('Node'));
    if (random.below(3) === 0) await pause(random.below(6)).then(() => this.end(peers.shift(), { below: () => 1 }));
    const [keeper, ...others] = peers;
    await Promise.all(peers.map((peer) => this.#expect(peer, '')));
    const writer = random.oneOf(peers);
    await writer.ask(`set ${hexFromText(text)}`);
    await Promise.all(peers.map((peer) => this.#expect(peer, text)));
    await Promise.all(others.map((peer) => this.end(peer, random)));

    await this.work(random, 'load', `1 ${hexFromText(text)}`);
    await this.#expect(keeper, text);

    const lifetime = random.below(30);
    await Promise.all([
      this.work(randomFrom(`${this.#seed} ${number} 2`), 'load', `0 ${hexFromText(text)}`),
      pause(lifetime).then(() => this.end(keeper, random)),
    ]);
  }

  #startAttached(language) {
    return language === 'Node'
      ? this.crew.run('Node', process.execPath, [nodePeer, 'dll'])
      : this.crew.run('C++', this.crew.program('dll_peer'), []);
  }

  async #expect(peer, text) {
    const answer = await peer.ask('get');
    const seen = answer.replace(/.{4}/g, (unit) => String.fromCharCode(parseInt(unit, 16)));
    if (seen !== text) throw new Broken(`${peer} reads '${seen}' in the DLL's memory instead of '${text}'`);
  }
}
