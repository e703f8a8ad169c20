import type { AccessRequest } from '../../core/access.ts';
import { type Asked, ask } from './ask.ts';
import type { References } from './templates.ts';

/**
 * Whoever names a block where a worker, a run or the server will read it for him needs the right to its secrets, and to each
 * variable likewise. A block that does not exist yet is asked for by name; one that cannot be told counts as all of them.
 */
export async function referenceRequests(asked: Asked, references: References): Promise<readonly AccessRequest[]> {
  const { places } = asked;
  const requests: AccessRequest[] = [];
  const secret = (place: Parameters<typeof ask>[2]): void => {
    requests.push(ask(asked, 'block.read_secret', place));
    requests.push(ask(asked, 'block.read', place, { impliedBy: 'prefect.block.read_secret' }));
  };
  for (const block of references.blocks.values()) secret(places.block(block));
  let isAnyBlock = references.isAnyBlock;
  for (const id of references.blockIds) {
    const block = await places.names.get('block', id, 'ever');
    if (block === undefined) isAnyBlock = true;
    else secret(places.block(block));
  }
  if (isAnyBlock) secret(places.at(['blocks']));
  for (const name of references.variables) requests.push(ask(asked, 'variable.read', places.variable(name)));
  if (references.isAnyVariable) requests.push(ask(asked, 'variable.read', places.at(['variables'])));
  return requests;
}

/** A block that the server or a worker will use, without its secrets coming to the caller. */
export async function blockUse(asked: Asked, id: string | undefined): Promise<readonly AccessRequest[]> {
  if (id === undefined) return [];
  const block = await asked.places.names.get('block', id, 'ever');
  return [ask(asked, 'block.use', block === undefined ? asked.places.at(['blocks']) : asked.places.block(block))];
}
