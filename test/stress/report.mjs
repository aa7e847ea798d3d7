import { stderr } from 'node:process';
import { BOUND } from './process.mjs';

const number = (value) => value.toLocaleString('en-US');

/** A line that says how far it is: in place on a terminal, now and then elsewhere. */
export class Progress {
  #crew;
  #start = performance.now();
  #ticker;

  constructor(crew) {
    this.#crew = crew;
    this.#ticker = setInterval(() => this.#show(), stderr.isTTY ? 500 : 10_000);
  }

  /** Since the beginning. */
  get seconds() {
    return (performance.now() - this.#start) / 1000;
  }

  #show() {
    const { counts, living } = this.#crew;
    const line =
      `${Math.round(this.seconds)} s: ${number(counts.kills)} kills, ${number(counts.episodes)} episodes, ` +
      `${number(counts.visits)} visits, ${living} processes`;
    stderr.write(stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  }

  end() {
    clearInterval(this.#ticker);
    if (stderr.isTTY) stderr.write('\r\x1b[K');
  }

  /** What was done and seen, as rows of the final table. */
  rows() {
    const { counts } = this.#crew;
    const killsASecond = (counts.kills / this.seconds).toFixed(0);
    return [
      ['time', `${this.seconds.toFixed(1)} s`],
      ['processes', `${number(counts.cpp)} C++, ${number(counts.node)} Node`],
      ['killed', `${number(counts.kills)} (${killsASecond} a second), ${number(counts.killsOfNode)} of them Node`],
      ['  while they started', number(counts.killsWhileStarting)],
      ['  at work', number(counts.killsInside)],
      ['ended by themselves', number(counts.ends)],
      ['episodes', number(counts.episodes)],
      ['races for a name', `${number(counts.races)}, one creator in each`],
      ['mappings created', number(counts.created)],
      ['  joined', number(counts.joined)],
      ['  opened', number(counts.opened)],
      ['  not there', number(counts.missing)],
      ['DLL loaded and freed', number(counts.attached)],
      ['visits', `${number(counts.visits)}, none lost while somebody held the mapping`],
      ['longest call', `${(counts.longest / 1000).toFixed(1)} ms, of ${number(BOUND)} ms at most`],
      ['left at the end', '0 files, 0 locks, 0 processes'],
    ];
  }
}

export const table = (rows) => rows.map(([what, value]) => `${what.padEnd(26)}${value}`).join('\n');
