import { z } from 'zod';
import { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from '../core/units.ts';

/** Section `audit` of `fairlead.yaml`: how long and how much of the record is kept. */
export const auditSections = {
  audit: z
    .strictObject({
      retain: z
        .string()
        .transform((text, context): number => {
          const milliseconds = parseDuration(text);
          if (milliseconds !== undefined && milliseconds >= 3_600_000) return milliseconds;
          context.addIssue({
            code: 'custom',
            message: milliseconds === undefined ? DURATION_FORM : 'the record is kept for at least `1h`',
          });
          return z.NEVER;
        })
        .prefault('400d')
        .describe('Entries older than this are deleted.'),
      maxBytes: z
        .string()
        .transform((text, context): number => {
          const bytes = parseSize(text);
          if (bytes !== undefined && bytes >= 16 * 1024 ** 2) return bytes;
          context.addIssue({ code: 'custom', message: bytes === undefined ? SIZE_FORM : 'the record needs at least `16MiB`' });
          return z.NEVER;
        })
        .prefault('20GiB')
        .describe('Size on disk above which the oldest entries are deleted.'),
    })
    .prefault({})
    .describe('The record of decisions.'),
};

/** `retain` in milliseconds, `maxBytes` in bytes. */
export type AuditConfig = z.output<(typeof auditSections)['audit']>;
