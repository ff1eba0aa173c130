import { expect, test } from "vitest";
import { type Rung, fits, setOut, sides } from "./ladder";

const m: Rung = {
  at: "2026-11-25T10:00:00Z",
  layer: "sip",
  direction: "in",
  peer: "10.0.0.1",
  carrier: "INFO 12",
  says: "MakeCall 1001 → 1002",
  text: "INFO sip:Zoë@example.com",
};

test.each([
  ["", true],
  ["makecall", true],
  ["zoe INFO", true],
  ["10.0.0.1", true],
  ["makecall 1003", false],
])("a search for %j finds it: %s", (query, want) => expect(fits(m, query)).toBe(want));

test("who speaks to whom", () => {
  expect(sides(m)).toBe("10.0.0.1 → farhook");
  expect(sides({ ...m, direction: "out" })).toBe("farhook → 10.0.0.1");
  const { peer: _, ...told } = m;
  expect(sides({ ...told, direction: "out" })).toBe("farhook"); // a fact for everybody: an arrow would lead nowhere
});

test("XML is set out, the rest stays", () => {
  const xml = '<?xml version="1.0"?>\n<A xmlns="x"><b>1</b><c><d/><e></e></c></A>';
  const out = '<?xml version="1.0"?>\n<A xmlns="x">\n  <b>1</b>\n  <c>\n    <d/>\n    <e></e>\n  </c>\n</A>';
  expect(setOut(`INFO sip:a SIP/2.0\r\n\r\n${xml}`)).toBe(`INFO sip:a SIP/2.0\r\n\r\n${out}`);
  expect(setOut("moved <b>")).toBe("moved <b>");
  expect(setOut("<?xml <<>>>")).toContain("<?xml");
});

test.each(["why", "trace", "carrier", "line", "session", "text", "says", "peer"] as const)(
  "what a message's %s says is found",
  (member) => expect([fits({ ...m, [member]: "q93x7" }, "Q93X"), fits(m, "q93x")]).toEqual([true, false]),
);

test("what closes more than was opened goes no further out than the margin", () =>
  expect(setOut("<?xml?></A></B><c><d/></c>")).toBe("<?xml?>\n</A>\n</B>\n<c>\n  <d/>\n</c>"));
