// Asks the service through the client that openapi-typescript has made types for.
import createClient from "openapi-fetch";
import { row } from "./row.js";
import type { paths } from "./schema.js";

const [baseUrl, token] = process.argv.slice(2);
const headers = token ? { Authorization: `Bearer ${token}` } : undefined;
const client = createClient<paths>({ baseUrl, headers });

const one = await client.POST("/predict", { body: row });
const many = await client.POST("/predict_batch", { body: { rows: [row, row] } });
const model = await client.GET("/model");
if (one.data === undefined || many.data === undefined || model.data === undefined) {
  throw new Error(JSON.stringify([one.error, many.error, model.error]));
}
const version: number = one.data.model_version;
console.log(JSON.stringify({ version, one: one.data, many: many.data, model: model.data }));
