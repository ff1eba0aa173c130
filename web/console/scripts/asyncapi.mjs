// Makes src/lib/asyncapi.gen.d.ts of ../asyncapi.yaml: the types of what the stream tells. AsyncAPI 3 and OpenAPI 3.1 have the same schemas; what
// stands around them is left out.

import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString, COMMENT_HEADER } from "openapi-typescript";

const from = new URL("../../asyncapi.yaml", import.meta.url);
const to = new URL("../src/lib/asyncapi.gen.d.ts", import.meta.url);

const text = await readFile(from, "utf8");
if (!/^asyncapi: 3\./m.test(text)) throw new Error(`${from.pathname} is no AsyncAPI 3`);
const schemas = /^ {2}schemas:\n(?: {4}.*\n|\n)+/m.exec(text)?.[0];
if (!schemas) throw new Error(`${from.pathname} has no schemas`);
const document = `openapi: 3.1.0\ninfo: {title: farhook, version: "1"}\npaths: {}\ncomponents:\n${schemas}`;
await writeFile(to, COMMENT_HEADER + astToString(await openapiTS(Buffer.from(document))));
