/**
 * Has the tests start a process again that Wine has failed to start: version 8 now and then does, while others are
 * started, with an error that libuv has no name for.
 */
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';

const ATTEMPTS = 3;

const isOfWine = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code === 'UNKNOWN';

function startingAgain<F extends (...args: never[]) => unknown>(start: F): F {
  const startAgain = (...args: Parameters<F>) => {
    for (let attempts = 1; ; attempts++) {
      try {
        const result = start(...args);
        if (attempts === ATTEMPTS || !isOfWine((result as { error?: unknown }).error)) return result;
      } catch (error) {
        if (attempts === ATTEMPTS || !isOfWine(error)) throw error;
      }
    }
  };
  return startAgain as F;
}

childProcess.spawn = startingAgain(childProcess.spawn);
childProcess.spawnSync = startingAgain(childProcess.spawnSync);
childProcess.execFileSync = startingAgain(childProcess.execFileSync);
syncBuiltinESMExports();
