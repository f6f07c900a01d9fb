// Prints what Redocly's recommended rules find in an OpenAPI description, as JSON.
import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({ extends: ["recommended"] });
const problems = await lint({ ref: process.argv[2], config });
console.log(JSON.stringify(problems.map(({ ruleId, message }) => ({ ruleId, message }))));
