/** What the published schemas of Kubernetes say of an object: wrong forms, and fields that they do not know. */

/** The one thing that is used of a class of `kubernetes-models`: this file is checked without it too. */
interface Model {
  validate(): void;
}

type ModelClass = new (data: object) => Model;

/**
 * Everything that is wrong with an object. The schemas pass over unknown fields, so the object is watched while they look
 * at it: a field that nobody looked at is one that nobody knows.
 */
export async function faultsOf(object: {
  readonly apiVersion: string;
  readonly kind: string;
}): Promise<string[]> {
  const watch = new Watch();
  const data = watch.watched(object, "") as object;
  const model = new (await classOf(object))(data);
  try {
    // The class copies the fields at the top, so that these are looked at once more, by the schema.
    watch.seen.clear();
    model.validate.call(watch.watched(model, ""));
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return fieldsOf(object, "")
    .filter((field) => !watch.seen.has(field))
    .map((field) => `unknown field ${field}`);
}

async function classOf({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): Promise<ModelClass> {
  const from = apiVersion.startsWith("keda.sh/") ? "@kubernetes-models/keda" : "kubernetes-models";
  const name = `${from}/${apiVersion}`;
  const module = (await import(name)) as Readonly<Record<string, ModelClass | undefined>>;
  const found = module[kind];
  if (found === undefined) throw new Error(`${name} has no ${kind}`);
  return found;
}

class Watch {
  readonly seen: Set<string> = new Set();

  watched(value: unknown, at: string): unknown {
    if (typeof value !== "object" || value === null) return value;
    return new Proxy(value, {
      get: (target, key, receiver): unknown => {
        if (typeof key === "symbol") return Reflect.get(target, key, receiver) as unknown;
        this.seen.add(`${at}/${key}`);
        return this.watched(Reflect.get(target, key), `${at}/${key}`);
      },
    });
  }
}

function fieldsOf(value: unknown, at: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, field]) => [
    `${at}/${key}`,
    ...fieldsOf(field, `${at}/${key}`),
  ]);
}
