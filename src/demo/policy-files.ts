/** The demo's policies by file name: written on the first start, then left to the person who tries it. */
export const POLICY_FILES: Readonly<Record<string, string>> = {
  'prefect.yaml': `# Who may do what with Prefect. Change it while the demo runs and apply it; what is refused says which rule it was.
apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: prefect}
spec:
  owner: lee@acme.example
  rules:
    - name: engineers-see-everything
      who: [group:data-engineers]
      can: [prefect.role.viewer]
      on: ["prefect/**"]

    - name: engineers-run-and-deploy-etl
      who: [group:data-engineers]
      can: [prefect.role.runner, prefect.role.deployer]
      # \`prefect/flows\`: to deploy is to name a flow first, which may not be there yet.
      on: [prefect/flows, "prefect/flows/etl/**", "prefect/deployments/etl/**", "prefect/work-pools/demo/**"]

    - name: leads-look-and-approve
      who: [group:data-leads]
      can: [prefect.role.viewer, prefect.role.approver]
      on: ["prefect/**"]

    - name: viewers-look
      who: [group:viewers]
      can: [prefect.role.viewer]
      on: ["prefect/**"]

    # Runs of a process worker carry the worker's own token, so it holds the rights of a run too.
    - name: the-worker-works
      who: [workload:demo/worker]
      can: [prefect.role.worker, prefect.role.flow_run]
      on:
        - prefect/server
        - prefect/events
        - "prefect/work-pools/demo/**"
        - "prefect/flows/**"
        - "prefect/deployments/**"
        - "prefect/artifacts/**"
        - "prefect/concurrency-limits/**"

    - name: the-deployer-deploys
      who: [workload:demo/deployer]
      can: [prefect.role.deployer, prefect.work_pool.create]
      on: ["prefect/**"]
`,
  'web.yaml': `# Who may open which page of the plain web service.
apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: web}
spec:
  owner: lee@acme.example
  rules:
    - name: everyone-reads
      who: [anyone]
      can: [http.get]
      on: ["web", "web/api/**", "web/reports/**", "web/favicon.ico"]

    - name: leads-read-everything
      who: [group:data-leads]
      can: [http.get]
      on: ["web/**"]

    # Only watches: the page opens all the same, and the record says that it would have been denied.
    - name: reports-are-for-leads
      mode: observe
      who: [group:viewers, group:data-engineers]
      cannot: [http.get]
      on: ["web/reports/**"]
`,
  'tests.yaml': `# What the policies beside this file must answer: \`fairlead check\` tells when they no longer do.
apiVersion: fairlead.dev/v1
kind: PolicyTest
metadata: {name: demo}
spec:
  cases:
    - name: the engineer reads the page
      caller: {user: ada@acme.example, groups: [data-engineers]}
      request: {action: http.get, resource: web}
      expect: {verdict: allow, rule: web/everyone-reads}
    - name: the viewer does not open the administration
      caller: {user: vic@acme.example, groups: [viewers]}
      request: {action: http.get, resource: web/admin}
      expect: {verdict: deny, code: NO_RULE}
    - name: the lead opens the administration
      caller: {user: lee@acme.example, groups: [data-leads, platform]}
      request: {action: http.get, resource: web/admin}
      expect: {verdict: allow, rule: web/leads-read-everything}
    - name: the rule on reports only watches
      caller: {user: vic@acme.example, groups: [viewers]}
      request: {action: http.get, resource: web/reports}
      expect: {verdict: allow, rule: web/everyone-reads}
    - name: nobody writes to the web service
      caller: {user: lee@acme.example, groups: [data-leads, platform]}
      request: {action: http.post, resource: web/admin}
      expect: {verdict: deny, code: NO_RULE}
    - name: the engineer runs the sample flow
      caller: {user: ada@acme.example, groups: [data-engineers]}
      request: {action: prefect.deployment.run, resource: prefect/deployments/etl/nightly}
      expect: {verdict: allow, rule: prefect/engineers-run-and-deploy-etl}
    - name: the engineer names the flow to deploy
      caller: {user: ada@acme.example, groups: [data-engineers]}
      request: {action: prefect.flow.create, resource: prefect/flows}
      expect: {verdict: allow, rule: prefect/engineers-run-and-deploy-etl}
    - name: the engineer runs nothing of other teams
      caller: {user: ada@acme.example, groups: [data-engineers]}
      request: {action: prefect.deployment.run, resource: prefect/deployments/payroll/monthly}
      expect: {verdict: deny, code: NO_RULE}
    - name: the viewer runs nothing
      caller: {user: vic@acme.example, groups: [viewers]}
      request: {action: prefect.deployment.run, resource: prefect/deployments/etl/nightly}
      expect: {verdict: deny, code: NO_RULE}
    - name: the viewer looks at a deployment
      caller: {user: vic@acme.example, groups: [viewers]}
      request: {action: prefect.deployment.read, resource: prefect/deployments/etl/nightly}
      expect: {verdict: allow, rule: prefect/viewers-look}
    - name: the worker polls
      caller: {workload: demo/worker}
      request: {action: prefect.work_pool.poll, resource: prefect/work-pools/demo}
      expect: {verdict: allow, rule: prefect/the-worker-works}
    - name: the worker deploys nothing
      caller: {workload: demo/worker}
      request: {action: prefect.deployment.create, resource: prefect/deployments/etl/nightly}
      expect: {verdict: deny, code: NO_RULE}
    - name: nobody else's workload does anything
      caller: {workload: other/worker}
      request: {action: prefect.work_pool.poll, resource: prefect/work-pools/demo}
      expect: {verdict: deny, code: NO_RULE}
`,
};
