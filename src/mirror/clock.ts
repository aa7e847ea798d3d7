import type { Probe } from './store.js';

/** How many probes are kept: the one that took least counts. */
const KEPT = 5;

/** The engine's clock, by which the mirrors agree on which write is the latest. */
export class Clock {
  #probes: Probe[] = [];

  /** Those of another server are forgotten, as its clock may be another. */
  take(probe: Probe): void {
    const same = this.#probes.filter(({ server }) => server === probe.server);
    this.#probes = [...same.slice(1 - KEPT), probe];
  }

  /** What the engine's clock says at a moment of `performance.now()`. */
  at(moment: number): number {
    const best = this.#probes.reduce<Probe | undefined>(
      (best, probe) => (best === undefined || probe.took <= best.took ? probe : best),
      undefined,
    );
    return best === undefined ? performance.timeOrigin + moment : best.engine + moment - best.here;
  }
}
