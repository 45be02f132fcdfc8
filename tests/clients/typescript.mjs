// The TypeScript SDK, which validates structured answers against the output schemas.
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const expected = JSON.parse(process.env.EXPECTED);

async function check(transport) {
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  assert.equal((await client.listTools()).tools.length, expected.tools);
  const result = await client.callTool({ name: "calculate_memory", arguments: expected.call });
  assert.equal(result.structuredContent.weight_memory_bytes, expected.total_of_weights);
  const refused = await client.callTool({ name: "calculate_memory", arguments: expected.refused });
  assert.ok(refused.isError);
  assert.ok(JSON.stringify(refused.content).includes(expected.refusal));
  const read = await client.readResource({ uri: expected.resource });
  assert.ok(read.contents[0].text.includes(expected.holds));
  assert.equal((await client.listPrompts()).prompts.length, 4);
  await client.close();
}

const env = { HF_HUB_OFFLINE: "1", PATH: process.env.PATH, HOME: process.env.HOME };
await check(new StdioClientTransport({ command: process.env.SERVER, args: ["serve"], env }));
await check(new StreamableHTTPClientTransport(new URL(process.env.URL)));
