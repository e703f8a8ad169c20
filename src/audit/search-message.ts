import type { ProblemKind } from '../core/problem.ts';
import type { AuditEntry, AuditPage, AuditQuery } from './port.ts';

/** What passes between the gateway's thread and the search thread. */
export type SearchRequest =
  | { readonly id: number; readonly kind: 'search'; readonly query: AuditQuery }
  | { readonly id: number; readonly kind: 'get'; readonly decisionId: string; readonly reveal: boolean };

export type SearchReply =
  | { readonly id: number; readonly kind: 'page'; readonly page: AuditPage }
  | { readonly id: number; readonly kind: 'entry'; readonly entry: AuditEntry | undefined }
  | {
      readonly id: number;
      readonly kind: 'problem';
      readonly problem: { readonly code: string; readonly kind: ProblemKind; readonly message: string };
    };
