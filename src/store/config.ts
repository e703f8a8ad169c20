import { z } from 'zod';

/** Section `store` of `fairlead.yaml`: `sqlite:./data`. */
export const storeSections = {
  store: z
    .string()
    .transform((text, context): StoreConfig => {
      const folder = /^sqlite:([^\0]+)$/.exec(text)?.[1];
      if (folder !== undefined && !folder.startsWith('//')) return { kind: 'sqlite', folder };
      if (/^postgres(ql)?:/.test(text)) {
        // The text of a PostgreSQL URL may hold a password: it is not repeated.
        context.addIssue({
          code: 'custom',
          message: 'a PostgreSQL store is not supported yet',
          params: { code: 'CONFIG_NOT_SUPPORTED' },
        });
      } else {
        context.addIssue({ code: 'custom', message: 'a store is written `sqlite:FOLDER`' });
      }
      return z.NEVER;
    })
    .prefault('sqlite:./data')
    .describe('Folder of the database: `sqlite:./data`.'),
};

export interface StoreConfig {
  readonly kind: 'sqlite';
  readonly folder: string;
}
