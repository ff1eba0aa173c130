// Lists that are typed.

/** What is typed between commas, semicolons or line ends; nothing twice. */
export function namesIn(typed: string): string[] {
  const names = typed.split(/[,;\n]/).map((s) => s.trim());
  return [...new Set(names.filter((s) => s !== ""))];
}
