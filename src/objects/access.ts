import { FILE_MAP_COPY, FILE_MAP_READ, FILE_MAP_WRITE } from '../win32/kernel32.js';

/**
 * What a {@link FileMapping} may be used for: `'read'`, or `'write'`, which is both. The one who created it may write.
 *
 * @group Named memory
 * @example
 * ```ts
 * import { FileMapping, type MappingAccess } from 'dllmemfilemap';
 *
 * using writer = FileMapping.create('Local\\Scores', 65536);
 * writer.access; // 'write'
 *
 * const access: MappingAccess = 'read';
 * using reader = FileMapping.open('Local\\Scores', { access });
 * reader.access; // 'read'
 * ```
 * @see {@link https://learn.microsoft.com/windows/win32/memory/file-mapping-security-and-access-rights | File Mapping Security and Access Rights}
 */
export type MappingAccess = 'read' | 'write';

/**
 * What a {@link MappedView} may be used for: `'read'`; `'write'`, which is both; or `'copy'`, which reads the memory and
 * keeps what is written to itself.
 *
 * @group Named memory
 * @example
 * ```ts
 * import { FileMapping, type ViewAccess } from 'dllmemfilemap';
 *
 * using mapping = FileMapping.create(null, 4096);
 * using shared = mapping.mapView();
 *
 * const access: ViewAccess = 'copy';
 * using own = mapping.mapView({ access });
 * own.writeString('seen by nobody else');
 * shared.readString(); // ''
 * ```
 */
export type ViewAccess = MappingAccess | 'copy';

/**
 * What {@link FileMapping.mapView} may be told.
 *
 * @group Named memory
 * @example
 * ```ts
 * import { FileMapping, type ViewOptions } from 'dllmemfilemap';
 *
 * using mapping = FileMapping.create(null, 3 * 65536);
 *
 * const options: ViewOptions = { offset: 65536, length: 65536, access: 'read' };
 * using middle = mapping.mapView(options);
 * middle.length; // 65536
 * middle.writeString('text'); // throws TypeError
 * ```
 */
export interface ViewOptions {
  /** Where in the object the view begins, in bytes: a multiple of 65,536. Default: 0. */
  readonly offset?: number;
  /** How much of the object to map, in bytes. Default, and 0: all from the offset to the end. */
  readonly length?: number;
  /** Default: the mapping's own access. */
  readonly access?: ViewAccess;
}

/**
 * What an access is called in Win32, for a handle and for a view.
 *
 * @internal
 */
export const FILE_MAP: Readonly<Record<ViewAccess, number>> = {
  read: FILE_MAP_READ,
  write: FILE_MAP_READ | FILE_MAP_WRITE,
  copy: FILE_MAP_COPY,
};
