import { isWrongName } from '../win32/win32-error.js';
import { UsageError } from './usage-error.js';

/** Makes a call whose arguments are the user's own. That they are refused is wrong usage. */
export function withUserInput<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || isWrongName(error)) {
      throw new UsageError(error.message);
    }
    throw error;
  }
}
