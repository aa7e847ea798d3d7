/** The longest name of an object, in UTF-16 code units. Windows itself takes longer ones, dll/posix does not. */
const MAX_PATH = 260;

/**
 * The value in the words of an error message.
 *
 * @internal
 */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/**
 * A count with its unit, such as `'1 character'`.
 *
 * @internal
 */
export function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`;
}

/**
 * Refuses what is no object to read options from.
 *
 * @throws `TypeError`
 * @internal
 */
export function requireOptions(options: object): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object: it is ${describe(options)}`);
  }
}

/**
 * Refuses a string that a null-terminated one cannot hold.
 *
 * @throws `TypeError` if it is no string, or has a terminator in it
 * @internal
 */
export function requireText(parameter: string, text: string): void {
  if (typeof text !== 'string') throw new TypeError(`${parameter} must be a string: it is ${describe(text)}`);
  if (text.includes('\0')) {
    throw new TypeError(`${parameter} must not contain U+0000, which ends it: there is one at ${text.indexOf('\0')}`);
  }
}

/**
 * Refuses what is no integer in the range.
 *
 * @throws `TypeError` if it is no number
 * @throws `RangeError` if it is no integer, or out of range
 * @internal
 */
export function requireInteger(parameter: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (typeof value !== 'number') throw new TypeError(`${parameter} must be a number: it is ${describe(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${parameter} must be an integer from ${least} to ${most}: it is ${value}`);
  }
}

/**
 * Refuses a string that a null-terminated one of a certain length cannot hold.
 *
 * @param most the room, in UTF-16 code units, without the terminator
 * @throws `TypeError` if it is no string, or has a terminator in it
 * @throws `RangeError` if it is too long
 * @internal
 */
export function requireTextOf(parameter: string, text: string, most: number): void {
  requireText(parameter, text);
  if (text.length > most) {
    throw new RangeError(`${parameter} must have at most ${count(most, 'character')}: it has ${text.length}`);
  }
}

/**
 * The error for the use of something that was closed, with Node's own code for that.
 *
 * @internal
 */
export function useAfterClose(what: string): Error {
  return Object.assign(new Error(`${what} is closed`), { code: 'ERR_USE_AFTER_CLOSE' });
}

/**
 * Refuses what is no name of an object.
 *
 * @throws `TypeError` if it is no string, or has a terminator in it
 * @throws `RangeError` if it is too long
 * @internal
 */
export function requireName(name: string): void {
  requireText('name', name);
  if (name.length > MAX_PATH) {
    throw new RangeError(`name must have at most ${MAX_PATH} characters: '${name}' has ${name.length}`);
  }
}

/**
 * The name without `Local\\`: what has none is in the same place.
 *
 * @internal
 */
export function withoutLocal(name: string): string {
  return name.replace(/^Local\\/, '');
}

/**
 * Refuses what is none of the words allowed.
 *
 * @throws `TypeError`
 * @internal
 */
export function oneOf<T extends string>(parameter: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new TypeError(`${parameter} must be one of '${allowed.join("', '")}': it is ${describe(value)}`);
}

/**
 * Refuses what is no boolean.
 *
 * @throws `TypeError`
 * @internal
 */
export function requireBoolean(parameter: string, value: boolean): void {
  if (typeof value !== 'boolean') throw new TypeError(`${parameter} must be a boolean: it is ${describe(value)}`);
}

/** The longest time that a timer can wait, in milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Refuses what is no time that a timer can wait.
 *
 * @throws `TypeError` if it is no number
 * @throws `RangeError` if it is no integer, or out of range
 * @internal
 */
export function requireDelay(parameter: string, milliseconds: number, least: number): void {
  requireInteger(parameter, milliseconds, least, MAX_DELAY);
}

/**
 * Refuses what is no signal, unless there is none.
 *
 * @returns the option as Node's timers take it
 * @throws `TypeError`
 * @internal
 */
export function signalOption(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  if (signal === undefined) return {};
  // Asked as Node asks: a test runner's context may have an AbortSignal of its own.
  if (typeof signal === 'object' && signal !== null && 'aborted' in signal) return { signal };
  throw new TypeError(`signal must be an AbortSignal: it is ${describe(signal)}`);
}
