// Asks the service through the client that openapi-typescript has made types for.
import createClient from "openapi-fetch";
import { row } from "./row.js";
import type { paths } from "./schema.js";

const [baseUrl, token] = process.argv.slice(2);
const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
const client = createClient<paths>({ baseUrl, headers });

const one = await client.POST("/predict", { body: row });
const many = await client.POST("/predict_batch", { body: { rows: [row, row] } });
const why = await client.POST("/explain", { body: row });
const model = await client.GET("/model");
if (!one.data || !many.data || !why.data || !model.data) {
  throw new Error(JSON.stringify([one.error, many.error, why.error, model.error]));
}
const version: number = one.data.model_version;
const answers = { one: one.data, many: many.data, why: why.data, model: model.data };
console.log(JSON.stringify({ version, ...answers }));
