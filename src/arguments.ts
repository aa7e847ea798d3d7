/**
 * The value in the words of an error message.
 *
 * @internal
 */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/**
 * Refuses what is no object to read options from.
 *
 * @throws {TypeError}
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
 * @throws {TypeError} if it is no string, or has a terminator in it
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
 * @throws {TypeError} if it is no number
 * @throws {RangeError} if it is no integer, or out of range
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
 * @throws {TypeError} if it is no string, or has a terminator in it
 * @throws {RangeError} if it is too long
 * @internal
 */
export function requireTextOf(parameter: string, text: string, most: number): void {
  requireText(parameter, text);
  if (text.length > most) {
    throw new RangeError(`${parameter} must have at most ${most} characters: it has ${text.length}`);
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
