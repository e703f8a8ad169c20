import { z } from 'zod';

/** Section `observe` of `fairlead.yaml`: the decision stream and the log. */
export const observeSections = {
  observe: z
    .strictObject({
      decisions: z
        .string()
        .min(1)
        .transform((text): DecisionsTo => (text === 'stdout' || text === 'none' ? { kind: text } : { kind: 'file', path: text }))
        .prefault('stdout')
        .describe('Where decisions go as JSON lines: `stdout`, `none`, or a file that is reopened on SIGHUP.'),
      logLevel: z.enum(['info', 'warn', 'error']).default('info').describe('Least severity that is logged.'),
    })
    .prefault({})
    .describe('Log and decision stream.'),
};

export type DecisionsTo =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly path: string };

export type ObserveConfig = z.output<(typeof observeSections)['observe']>;
