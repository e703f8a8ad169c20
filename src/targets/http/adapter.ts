import type { TargetAdapter, TargetContext } from '../target.ts';
import { type AssertionClaims, createAssertion } from './assertion.ts';
import { HTTP_CATALOGUE } from './catalogue.ts';
import { classifyHttp } from './classify.ts';
import { forwardHttp } from './forward.ts';
import { matchHttp } from './match.ts';
import { refuseHttp } from './refuse.ts';

export interface HttpAdapterOptions {
  /** Signs `x-fairlead-assertion` (ES256 JWT) with the gateway's own key; no assertion is sent when absent. */
  sign?(claims: AssertionClaims): Promise<string>;
}

/** Any web service, protected by method, host and path. */
export function createHttpAdapter(context: TargetContext, options: HttpAdapterOptions = {}): TargetAdapter {
  const { sign } = options;
  const assert = sign === undefined ? undefined : createAssertion({ audience: context.name, now: () => context.now(), sign });
  return {
    kind: 'http',
    catalogue: HTTP_CATALOGUE,
    match: matchHttp,
    classify: async (call) => classifyHttp(call, context),
    refuse: (refusal) => refuseHttp(refusal, context),
    forward: (call) => forwardHttp(call, assert),
    response: () => undefined,
    socket: () => undefined,
  };
}
