/** What a type of this package and a schema have in common, so that they can be held against each other. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Json } from "leapday";
import ts from "typescript";

export type Shape =
  | string
  | { enum: string[] }
  | { any: Shape[] }
  | { items: Shape }
  | { values: Shape }
  | { fields: Record<string, Shape>; required: string[] };

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Which type each call of the control API asks for: by method and path, with `{}` for what is filled in. */
export function askedTypes(): Map<string, Shape> {
  const files = ["groups.ts", "sandbox.ts", "world.ts"].map((name) => join(root, "src", name));
  const options = { strict: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext };
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  const found = new Map<string, Shape>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText().endsWith("control.ask")) {
      const [of, method, path] = [node.typeArguments?.[0], node.arguments[0], node.arguments[1]];
      if (of === undefined || method === undefined || path === undefined) throw new Error(`untyped: ${node.getText()}`);
      found.set(
        `${text(method)} ${text(pathOf(path, checker))}`,
        ofType(checker.getTypeFromTypeNode(of), checker, node),
      );
    }
    ts.forEachChild(node, visit);
  };
  for (const file of files) visit(program.getSourceFile(file) as ts.SourceFile);
  return found;
}

/** A path may have been given a name before. */
function pathOf(node: ts.Node, checker: ts.TypeChecker): ts.Node {
  if (!ts.isIdentifier(node)) return node;
  const declared = checker.getSymbolAtLocation(node)?.valueDeclaration;
  return (declared as ts.VariableDeclaration).initializer as ts.Node;
}

function text(node: ts.Node): string {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((one) => `{}${one.literal.text}`).join("");
  throw new Error(`no literal: ${node.getText()}`);
}

function ofType(type: ts.Type, checker: ts.TypeChecker, at: ts.Node): Shape {
  if (type.flags & ts.TypeFlags.String) return "string";
  if (type.flags & ts.TypeFlags.Number) return "number";
  if (type.flags & (ts.TypeFlags.Boolean | ts.TypeFlags.BooleanLiteral)) return "boolean";
  if (type.flags & ts.TypeFlags.Null) return "null";
  if (type.flags & ts.TypeFlags.Void) return "nothing";
  if (type.flags & ts.TypeFlags.StringLiteral) return { enum: [(type as ts.StringLiteralType).value] };
  if (type.isUnion()) {
    const parts = type.types
      .filter((one) => !(one.flags & ts.TypeFlags.Undefined))
      .map((one) => ofType(one, checker, at));
    const words = parts.flatMap((one) => (typeof one === "object" && "enum" in one ? one.enum : [])).sort();
    const others = parts.filter((one) => typeof one === "string" || !("enum" in one));
    return union([...(words.length > 0 ? [{ enum: words }] : []), ...others]);
  }
  if (checker.isArrayType(type)) {
    return { items: ofType(checker.getTypeArguments(type as ts.TypeReference)[0] as ts.Type, checker, at) };
  }
  const values = type.getStringIndexType();
  if (values !== undefined) return values.flags & ts.TypeFlags.Any ? "object" : { values: ofType(values, checker, at) };
  const fields: Record<string, Shape> = {};
  const required: string[] = [];
  for (const one of type.getProperties()) {
    fields[one.name] = ofType(checker.getTypeOfSymbolAtLocation(one, at), checker, at);
    if (!(one.flags & ts.SymbolFlags.Optional)) required.push(one.name);
  }
  return { fields, required: required.sort() };
}

/** TypeScript has one kind of number. */
export function ofSchema(schema: Json, document: Json): Shape {
  if (schema.$ref) return ofSchema(document.components.schemas[schema.$ref.split("/").pop()], document);
  if (schema.anyOf) return union(schema.anyOf.map((one: Json) => ofSchema(one, document)));
  if (schema.enum || schema.const !== undefined) return { enum: [...(schema.enum ?? [schema.const])].sort() };
  if (Array.isArray(schema.type))
    return union(schema.type.map((type: string) => ofSchema({ ...schema, type }, document)));
  if (schema.type === "integer") return "number";
  if (schema.type === "array") return { items: ofSchema(schema.items, document) };
  if (schema.type !== "object") return schema.type;
  if (typeof schema.additionalProperties === "object")
    return { values: ofSchema(schema.additionalProperties, document) };
  const fields: Record<string, Shape> = {};
  const required = new Set<string>(schema.required ?? []);
  for (const base of schema.allOf ?? []) {
    const shape = ofSchema(base, document) as { fields: Record<string, Shape>; required: string[] };
    Object.assign(fields, shape.fields);
    shape.required.forEach((one) => required.add(one));
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) fields[name] = ofSchema(field, document);
  return Object.keys(fields).length === 0 ? "object" : { fields, required: [...required].sort() };
}

function union(shapes: Shape[]): Shape {
  const named = new Map(shapes.map((one) => [JSON.stringify(one), one]));
  const found = [...named.keys()].sort().map((name) => named.get(name) as Shape);
  return found.length === 1 ? (found[0] as Shape) : { any: found };
}

/** Where they differ. An object of which the document says nothing more may be typed. */
export function differences(typed: Shape, documented: Shape, at = ""): string[] {
  const differ = [`${at}: typed ${JSON.stringify(typed)}, documented ${JSON.stringify(documented)}`];
  if (typeof typed === "string" || typeof documented === "string") {
    const open = documented === "object" && typeof typed === "object" && "fields" in typed;
    return typed === documented || open ? [] : differ;
  }
  if ("fields" in typed && "fields" in documented) {
    const names = [...new Set([...Object.keys(typed.fields), ...Object.keys(documented.fields)])];
    const found = names.flatMap((name) => {
      const [mine, theirs] = [typed.fields[name], documented.fields[name]];
      if (mine === undefined || theirs === undefined) return [`${at}/${name}: in one of both only`];
      return differences(mine, theirs, `${at}/${name}`);
    });
    return String(typed.required) === String(documented.required)
      ? found
      : [...found, `${at}: required ${typed.required}, documented ${documented.required}`];
  }
  if ("items" in typed && "items" in documented) return differences(typed.items, documented.items, `${at}/0`);
  if ("any" in typed && "any" in documented && typed.any.length === documented.any.length) {
    return typed.any.flatMap((one, n) => differences(one, documented.any[n] as Shape, at));
  }
  return JSON.stringify(typed) === JSON.stringify(documented) ? [] : differ;
}
