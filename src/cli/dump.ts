import { SECTION_NAME } from '../shared-mem/shared-mem.js';
import { fields, loadStruct } from './fields.js';
import { follow } from './follow.js';
import { hex } from './hex.js';
import { print } from './output.js';
import { type DumpOptions, readPart, requireOffset, toJsonLine } from './part.js';
import { openIfHeld } from './section.js';
import { UsageError } from './usage-error.js';
import { withUserInput } from './user-input.js';

/** How much is mapped and printed at a time, in bytes: a section may be larger than any array. */
const CHUNK = 2 ** 20;

/** Prints the memory of a section, once or each time that it changes. It only reads, and keeps nothing alive. */
export async function dump(name = SECTION_NAME, options: DumpOptions): Promise<void> {
  if (options.struct !== undefined && options.length !== undefined) {
    throw new UsageError('--length and --struct exclude each other: a struct has its own length');
  }
  const layout = options.struct === undefined ? undefined : await loadStruct(options.struct);
  const picture = layout === undefined ? hex : fields(layout);
  const length = layout?.size ?? options.length;
  if (options.follow) return follow(name, picture, { ...options, ...(length !== undefined && { length }) });
  using mapping = withUserInput(() => openIfHeld(name));
  if (mapping === undefined) {
    throw new Error(
      `No process has '${name}' open, and dump only reads what is there. ` +
        'Start the program that creates it, or wait for that with --follow.',
    );
  }
  const { size } = mapping;
  requireOffset(mapping, options.offset);
  const end = Math.min(size, options.offset + (length ?? size));
  if (options.json) return print(toJsonLine({ name, ...picture.json(readPart(mapping, options.offset, end)) }));
  const chunk = layout?.size ?? CHUNK;
  for (let offset = options.offset; offset < end; offset += chunk) {
    const rows = picture.rows(readPart(mapping, offset, Math.min(offset + chunk, end)));
    await print(`${rows.join('\n')}\n`);
  }
}
