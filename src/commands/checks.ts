import { existsSync } from 'node:fs';
import { release, type, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { arch, pid } from 'node:process';
import { FileMapping, loadSharedMem, SHMEMSIZE, Win32Error } from '../index.js';
import { kernel32 } from '../kernel32.js';
import { dllPath, kernel32Path, ownNamespace, sharedMemoryRoom } from '../native-library.js';
import { SECTION_NAME } from '../shared-mem.js';
import { libraryProcessor } from './library-processor.js';
import { openIfHeld } from './section.js';

/** One thing that was looked at. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  /** What was found; for what is not in order, the cause too. */
  readonly found: string;
  /** What to do, if there is something. */
  readonly advice?: string;
}

/** Room for the section, and the page that its file begins with. */
const LEAST_ROOM = 2 * SHMEMSIZE;

/** Looks at everything that this package needs of the machine, and stops where nothing else can work. */
export function* checks(): Generator<Check> {
  const boundary = library('kernel32', kernel32Path(), kernel32);
  yield boundary;
  if (!boundary.ok) return;
  // Before the DLL is loaded, which would make the section.
  yield section();
  yield namespace();
  yield room();
  yield library('DLL', dllPath(), () => loadSharedMem().unload());
  yield globalNames();
}

function library(what: string, path: string, load: () => unknown): Check {
  if (!isAbsolute(path)) {
    load();
    return { what, ok: true, found: `the system's own, ${type()} ${release()}` };
  }
  let processor: string | undefined;
  try {
    if (existsSync(path)) processor = libraryProcessor(path);
    load();
    return { what, ok: true, found: `${path}, for ${processor}` };
  } catch (error) {
    const found = message(error);
    if (processor === undefined || processor === arch) return { what, ok: false, found };
    const advice = `The file is for ${processor}, and this Node for ${arch}. Use a Node for ${processor}, or build it anew.`;
    return { what, ok: false, found, advice };
  }
}

function section(): Check {
  const what = 'Section';
  try {
    using mapping = openIfHeld(SECTION_NAME);
    if (mapping === undefined) {
      return {
        what,
        ok: true,
        found: `no process has '${SECTION_NAME}' open, so there is no text`,
        advice:
          'A text stays for as long as a process holds the section: "dllmemfilemap hold". A writer that should be ' +
          'there has to run as the same user, and in the same session or container.',
      };
    }
    const { size } = mapping;
    // Room for one more is asked for only where pages are larger.
    if (size !== SHMEMSIZE && size !== inWholePages(SHMEMSIZE)) {
      return {
        what,
        ok: false,
        found: `'${SECTION_NAME}' has ${size} bytes instead of ${SHMEMSIZE}, so it was made by another program`,
        advice: 'End that program, or have it use another name.',
      };
    }
    using view = mapping.mapView();
    const found = `some process has '${SECTION_NAME}' open, with a text of ${view.readString().length} characters`;
    return { what, ok: true, found: `${found}; ${accessOf(userName())}` };
  } catch (error) {
    const advice =
      'Another user has made it, or something else has its name. End the process that did, or remove what is there.';
    return { what, ok: false, found: message(error), advice };
  }
}

function inWholePages(size: number): number {
  using mapping = FileMapping.create(null, size);
  return mapping.size;
}

/** This user's name. Where a container runs as any number, there may be none. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'this user';
  }
}

/** What this user may do with the section. That it can be read is known. */
function accessOf(user: string): string {
  try {
    FileMapping.open(SECTION_NAME, { access: 'write' }).close();
    return `${user} may read and write it`;
  } catch {
    return `${user} may read it, and not write`;
  }
}

function namespace(): Check {
  return { what: 'Namespace', ok: true, found: ownNamespace() };
}

function room(): Check {
  const what = 'Room';
  try {
    const { place, free } = sharedMemoryRoom();
    const found = `${(free / 2 ** 20).toFixed(1)} MiB free in ${place}`;
    if (free >= LEAST_ROOM) return { what, ok: true, found };
    const advice = 'End processes that hold large sections. A container gets more when it is started with --shm-size.';
    return { what, ok: false, found, advice };
  } catch (error) {
    return { what, ok: false, found: message(error), advice: 'Mount a tmpfs there.' };
  }
}

function globalNames(): Check {
  const what = 'Global names';
  try {
    FileMapping.create(`Global\\${SECTION_NAME}-doctor-${pid}`, 1, { exclusive: true }).close();
    return { what, ok: true, found: 'can be created' };
  } catch (error) {
    if (!(error instanceof Win32Error && error.code === 'ERROR_ACCESS_DENIED')) {
      return { what, ok: false, found: message(error) };
    }
    // The usual case on Windows, where nothing but first-process needs it here.
    const advice =
      'To create one, as "first-process" does, takes the privilege SeCreateGlobalPrivilege: run it as administrator, ' +
      'or use a name without Global.';
    return { what, ok: true, found: 'cannot be created, only opened', advice };
  }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
