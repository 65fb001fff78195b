/** The rules of every gateway that is measured: a few, as people have them, none of which matches what the load asks for. */
export const RULES = `
classify:
  - { path: /health, lane: critical }
  - { path: /api/payments/**, lane: critical }
  - { path: /api/export/**, method: GET, lane: bulk }
  - { path: /v1/chat/completions, header: { x-batch: "1" }, lane: bulk }
`;
