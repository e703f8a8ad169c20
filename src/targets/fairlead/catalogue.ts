import type { OperationClass } from '../../core/access.ts';
import type { ActionEntry, Catalogue, MethodEntry } from '../../core/catalogue.ts';

/** Fairlead's own actions: decided like everything else. The administrators of the configuration hold all of them. */
export const FAIRLEAD_CATALOGUE: Catalogue = {
  kind: 'fairlead',
  version: '1',
  actions: entries().map(action),
  methods: entries().map(method),
  bundles: [
    {
      name: 'fairlead.role.auditor',
      title: 'Read policies, decisions and the record',
      actions: [
        'fairlead.policy.read',
        'fairlead.policy.check',
        'fairlead.decision.search',
        'fairlead.decision.explain',
        'fairlead.access.query',
        'fairlead.audit.search',
        'fairlead.revocation.list',
        'fairlead.token.list',
        'fairlead.session.list',
      ],
    },
    {
      name: 'fairlead.role.responder',
      title: 'End somebody’s access',
      actions: [
        'fairlead.revocation.create',
        'fairlead.revocation.list',
        'fairlead.token.list',
        'fairlead.token.revoke',
        'fairlead.session.list',
        'fairlead.session.end',
      ],
    },
  ],
  implied: [
    { by: 'fairlead.policy.apply', action: 'fairlead.policy.read' },
    { by: 'fairlead.policy.apply', action: 'fairlead.policy.check' },
    { by: 'fairlead.audit.search', action: 'fairlead.decision.search' },
  ],
};

interface Entry {
  readonly name: string;
  readonly title: string;
  readonly class: OperationClass;
  readonly on: string;
}

/** Everyone may see decisions about themselves and end their own sessions and tokens without any of these. */
function entries(): readonly Entry[] {
  return [
    { name: 'policy.apply', title: 'Activate a policy', class: 'act', on: 'fairlead/policy' },
    { name: 'policy.read', title: 'Read the active policy and its history', class: 'read', on: 'fairlead/policy' },
    { name: 'policy.check', title: 'Check a policy against this gateway', class: 'read', on: 'fairlead/policy' },
    { name: 'decision.search', title: 'List decisions about others', class: 'read', on: 'fairlead/decisions' },
    { name: 'decision.explain', title: 'Explain a decision about somebody else', class: 'read', on: 'fairlead/decisions/ID' },
    { name: 'access.query', title: 'Ask what somebody else may do', class: 'read', on: 'fairlead/access' },
    { name: 'revocation.create', title: 'Revoke a person, workload, session or token', class: 'act', on: 'fairlead/revocations' },
    { name: 'revocation.list', title: 'List revocations', class: 'read', on: 'fairlead/revocations' },
    { name: 'revocation.lift', title: 'Lift a revocation', class: 'act', on: 'fairlead/revocations/SUBJECT' },
    { name: 'token.create', title: 'Make a program token for somebody else', class: 'secret', on: 'fairlead/tokens' },
    { name: 'token.list', title: 'List the program tokens of others', class: 'read', on: 'fairlead/tokens' },
    { name: 'token.revoke', title: 'Revoke a program token of somebody else', class: 'act', on: 'fairlead/tokens/ID' },
    { name: 'session.list', title: 'List the sessions of others', class: 'read', on: 'fairlead/sessions' },
    { name: 'session.end', title: 'End a session of somebody else', class: 'act', on: 'fairlead/sessions/ID' },
    { name: 'audit.search', title: 'Search the record', class: 'read', on: 'fairlead/audit' },
  ];
}

function action(entry: Entry): ActionEntry {
  return { name: `fairlead.${entry.name}`, title: entry.title, class: entry.class, on: entry.on, resource: {} };
}

/** One method per action: the control API asks for exactly one at a time, and nothing of its bodies is decided on. */
function method(entry: Entry): MethodEntry {
  return {
    id: entry.name,
    title: entry.title,
    class: entry.class,
    body: 'opaque',
    actions: [`fairlead.${entry.name}`],
    request: {},
  };
}
