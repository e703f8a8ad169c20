import type { AuthoriserAnswer, RequestFacts } from '../facts.ts';
import { NODE_METHODS } from '../http1-methods.ts';
import type { ExtensionProvider } from '../objects.ts';

/**
 * The external authoriser of the cases: over HTTP it denies (401) a request whose header `x-ext` is `deny` and allows every
 * other; on plain TCP it denies always; `ext-dead` and `ext-deadopen` cannot be reached. Behind a provider that speaks HTTP/1.1
 * it answers 400 to a method that its parser does not know.
 */
export function sampleAuthoriser(
  facts: RequestFacts,
  providers: ReadonlyMap<string, ExtensionProvider>,
): (provider: string) => AuthoriserAnswer {
  return (provider) => {
    if (provider === 'ext-dead' || provider === 'ext-deadopen') return { answer: 'error' };
    if (facts.transport === 'tcp') return { answer: 'deny', status: 403 };
    const isHttp = providers.get(provider)?.type === 'extAuthzHttp';
    if (isHttp && !NODE_METHODS.has(facts.method)) return { answer: 'deny', status: 400 };
    const values = facts.headers.filter(([name]) => name.toLowerCase() === 'x-ext').map(([, value]) => value);
    return values.join(',') === 'deny' ? { answer: 'deny', status: 401 } : { answer: 'allow' };
  };
}
