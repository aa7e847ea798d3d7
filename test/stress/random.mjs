/**
 * Numbers that look random, and are the same for the same seed.
 *
 * @param seed any text
 */
export function randomFrom(seed) {
  // FNV-1a makes a state of the text, and mulberry32 numbers of the state.
  let state = 0x811c9dc5;
  for (const character of seed) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193);

  /** An integer from 0 to `end` - 1. */
  function below(end) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % end;
  }
  /** An integer from `first` to `last`. */
  const between = (first, last) => first + below(last - first + 1);
  return { below, between, oneOf: (values) => values[below(values.length)] };
}
